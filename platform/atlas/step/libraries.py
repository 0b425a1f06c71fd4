"""The libraries that a step needs, so that they are imported once and not in each step's process.

Only what is imported before a module does anything else: what it has set by then (a variable, a
path, a filter of warnings) may decide how the libraries after it come up.
"""

from __future__ import annotations

import ast
import os
import sys
from contextlib import suppress
from dataclasses import field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from atlas.dataclass import dataclass
from atlas.syntax import syntax_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Import: TypeAlias = tuple[str, tuple[str, ...]]
"""A module's name, and the names that are taken from it."""

_HARMLESS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)


def import_libraries(folder: Path, module: str) -> None:
    """Import what a module of a folder imports from elsewhere, and what its siblings do.

    Whatever fails will fail again in the step, which then reports it.

    Args:
        folder: the pipeline's folder.
        module: the module's dotted name.
    """
    for name, parts in _libraries(folder, module):
        with suppress(Exception, SystemExit):
            __import__(name, None, None, parts, 0)


@lru_cache(maxsize=100)
def _libraries(folder: Path, module: str) -> tuple[Import, ...]:
    libraries: list[Import] = []
    with suppress(_Acts):
        _add(folder, module, set(), libraries)
    return tuple(libraries)


class _Acts(Exception):
    """A module does something that the imports after it may depend on."""


def _add(folder: Path, name: str, seen: set[Path], libraries: list[Import]) -> None:
    """Add the libraries of one of the folder's modules to those that were found.

    Raises:
        _Acts: it does more than import and define.
    """
    for file in _own_files(folder, name):
        if file in seen:
            continue
        seen.add(file)
        for library, parts in _imports(file, folder):
            if not _is_own(folder, library):
                libraries.append((library, parts))
                continue
            for module in (library, *(f"{library}.{part}" for part in parts)):
                _add(folder, module, seen, libraries)


def _is_own(folder: Path, name: str) -> bool:
    top = folder / name.partition(".")[0]
    return top.is_dir() or top.with_suffix(".py").is_file()


def _own_files(folder: Path, name: str) -> Iterator[Path]:
    place = folder.joinpath(*name.split("."))
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            yield file


def _imports(file: Path, folder: Path) -> Iterator[Import]:
    """Give a file's imports in their order, up to the first statement that does something.

    Raises:
        _Acts: there is one, or the file can't be read.
    """
    try:
        tree = syntax_tree(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        raise _Acts from None
    yield from _of_statements(tree.body, file.relative_to(folder).parent.parts)


def _of_statements(body: Sequence[ast.stmt], package: tuple[str, ...]) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _from(node, package)
        elif isinstance(node, ast.Try):
            yield from _of_statements(node.body, package)
        elif not _is_harmless(node):
            raise _Acts


def _from(node: ast.ImportFrom, package: tuple[str, ...]) -> Iterator[Import]:
    base = package[: len(package) - node.level + 1] if node.level else ()
    name = ".".join((*base, *([node.module] if node.module else [])))
    if name:
        yield name, tuple(alias.name for alias in node.names)


def _is_harmless(node: ast.stmt) -> bool:
    """Tell whether a statement only defines something."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) for target in node.targets) and _is_plain(
            node.value
        )
    if isinstance(node, ast.AnnAssign):
        return node.value is None or _is_plain(node.value)
    return isinstance(node, _HARMLESS)


def _is_plain(node: ast.expr) -> bool:
    return not any(isinstance(child, ast.Call | ast.Await | ast.Yield) for child in ast.walk(node))


def _now() -> tuple[object, ...]:
    """Return what decides how a library comes up."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    return own, list(sys.path), os.getcwd()


@dataclass
class Imported:
    """Tells what a step imports while it runs, where that depends on nothing that it has set."""

    _modules: set[str] = field(default_factory=lambda: set(sys.modules))
    _around: tuple[object, ...] = field(default_factory=_now)

    def names(self, own: str) -> dict[str, str]:
        """Return the modules imported since, with their files; not those of a package."""
        if _now() != self._around:
            return {}
        new = [name for name in list(sys.modules) if name not in self._modules]
        files = {name: _file_of(name) for name in new if not name.startswith(own)}
        return {name: file for name, file in files.items() if file}


def _file_of(name: str) -> str:
    spec = getattr(sys.modules[name], "__spec__", None)
    return str(spec.origin) if spec is not None and spec.origin and spec.name == name else ""


def import_again(modules: dict[str, str]) -> None:
    """Import modules that a step has imported, where they still are the same files."""
    for name, file in modules.items():
        if name in sys.modules:
            continue
        with suppress(Exception, SystemExit):
            spec = find_spec(name)
            if spec is not None and spec.origin == file:
                import_module(name)
