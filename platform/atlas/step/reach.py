"""The code that a step's class reaches in its pipeline's folder, and its digest.

Modules are followed through their import statements, wherever these stand. Files that are no
Python count for every step, for any of them may be opened. A module that imports by a computed
name reaches the whole folder.
"""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.plan.code import code_files
from atlas.syntax import syntax_tree
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

_DYNAMIC = {"import_module", "run_path", "run_module", "resolve_name"}
_DYNAMIC_NAMES = _DYNAMIC | {"__import__", "exec", "eval"}


def reached_digest(folder: Path, module: str, code: str) -> str:
    """Return the digest of the code that a module reaches.

    Args:
        folder: the pipeline's folder, or a snapshot of it.
        module: the module's dotted name.
        code: digest of the whole folder.
    """
    return _reached(str(folder), module, code)


@lru_cache(maxsize=1000)
def _reached(folder: str, module: str, code: str) -> str:
    root = Path(folder)
    files = reached_files(root, module)
    if any(imports(file, root)[1] for file in files):
        return code
    files |= {file for file in code_files(root) if file.suffix != ".py"}
    return digest({file.relative_to(root).as_posix(): _sha256(file) for file in files})


def reached_files(root: Path, module: str) -> set[Path]:
    """Return the files of a folder that a module of it reaches through imports, and its own."""
    files = set(code_files(root))
    reached: set[Path] = set()
    pending = list(_files_of(root, module))
    while pending:
        file = pending.pop()
        if file not in reached and file in files:
            reached.add(file)
            pending += [
                imported for name in imports(file, root)[0] for imported in _files_of(root, name)
            ]
    return reached


def _files_of(root: Path, name: str) -> Iterator[Path]:
    """Return the files that importing a name runs: packages on the way, and the module."""
    place = root
    for part in name.split("."):
        place = place / part
        yield from (place.with_suffix(".py"), place / "__init__.py")


def imports(file: Path, root: Path) -> tuple[tuple[str, ...], bool]:
    """Return the dotted names that a file imports, and whether it imports computed ones too."""
    return _parsed(file, root, file.stat().st_mtime_ns)


@lru_cache(maxsize=1000)
def _parsed(file: Path, root: Path, changed: int) -> tuple[tuple[str, ...], bool]:
    try:
        tree = syntax_tree(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (), True
    names: list[str] = []
    dynamic = False
    package = list(file.relative_to(root).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += _from(node, package)
        dynamic = dynamic or _is_dynamic(node)
    return tuple(names), dynamic


def _from(node: ast.ImportFrom, package: list[str]) -> list[str]:
    kept = package[: len(package) - node.level + 1] if node.level else []
    base = [*kept, *(node.module.split(".") if node.module else [])]
    return [".".join((*base, alias.name)) for alias in node.names]


def _is_dynamic(node: ast.AST) -> bool:
    """Tell whether a node may import a computed name, under whatever name it is kept."""
    if isinstance(node, ast.Name):
        return node.id in _DYNAMIC_NAMES
    if isinstance(node, ast.ImportFrom):
        return any(alias.name in _DYNAMIC for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in _DYNAMIC


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
