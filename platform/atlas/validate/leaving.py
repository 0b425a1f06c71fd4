"""Imports that leave a pipeline's folder for modules that only this machine has.

A module of the project that is outside of the folder may be found here (through the working
directory, ``PYTHONPATH``, an editable install or ``sys.path``), and isn't where the pipeline runs.
"""

from __future__ import annotations

import ast
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.validate.installed import installed_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.source import Module, Sources

_PATH_CALLS = {"append", "insert", "extend", "addsitedir"}
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class LeavingImport:
    """An import that leaves the folder.

    Attributes:
        name: what is imported, as it was written.
        file: the importing module's.
        line: 1-based.
        column: 1-based.
        place: the module that it finds here; None for a relative import above the folder.
        is_installed: whether it is found without changing `sys.path`, as after `pip install -e`.
    """

    name: str
    file: Path
    line: int
    column: int
    place: Path | None = None
    is_installed: bool = False

    @property
    def top(self) -> str:
        """The outermost package of the name."""
        return self.name.partition(".")[0]


class Leaving:
    """Finds the imports that leave one pipeline's folder; every module is looked at once."""

    def __init__(self, sources: Sources) -> None:
        """Look through a folder's sources."""
        self._sources = sources
        self._of: dict[str, tuple[LeavingImport, ...]] = {}
        self._own: dict[str, tuple[str, ...]] = {}

    def of(self, module: str, root: Path) -> list[LeavingImport]:
        """Return the imports that leave the folder, of a module and of all that it imports there.

        Args:
            module: the module's name.
            root: the project's folder.

        Raises:
            SourceError: one of them can't be read.
        """
        leaving: list[LeavingImport] = []
        seen, pending = {module}, [module]
        while pending:
            name = pending.pop()
            if name not in self._of:
                self._look_at(name, root)
            leaving += self._of[name]
            new = [imported for imported in self._own[name] if imported not in seen]
            seen.update(new)
            pending += new
        return leaving

    def _look_at(self, name: str, root: Path) -> None:
        """Read one module's imports."""
        module = self._sources.module(name) if self._sources.is_own(name) else None
        self._of[name], self._own[name] = (), ()
        if module is None:
            return
        own: dict[str, None] = {}
        left: dict[str, LeavingImport] = {}
        paths = tuple(_paths(module))
        for node in _imports(module):
            for imported, is_above in _names(node, module.package):
                if self._sources.is_own(imported):
                    own[imported] = None
                elif (top := imported.partition(".")[0] or imported) not in left:
                    place = (None, False) if is_above else self._astray(top, root, paths)
                    if place is not None:
                        line, column = node.lineno, node.col_offset + 1
                        left[top] = LeavingImport(imported, module.path, line, column, *place)
        self._of[name], self._own[name] = tuple(left.values()), tuple(own)

    def _astray(self, top: str, root: Path, paths: tuple[str, ...]) -> tuple[Path, bool] | None:
        """Return where an absolute import finds its module, if that is outside of the folder.

        Returns:
            The module, and whether it is installed.
        """
        if top in self._sources.top or top == "atlas" or top in sys.stdlib_module_names:
            return None
        if any(package.partition(".")[0] == top for package in self._sources.allow):
            return None
        place = installed_place(top)
        if place is not None:
            return (place, True) if _is_of_project(place, root) else None
        around = (_module(folder, top) for folder in self._around(root, paths))
        place = next((module for module in around if module is not None), None)
        return (place, False) if place and not self._is_below(top) else None

    def _is_below(self, top: str) -> bool:
        """Tell whether the module is deeper in the folder, where `sys.path` may lead."""
        below = self._sources.folder.rglob
        return any(below(f"{top}.py")) or any(path.is_dir() for path in below(top))

    def _around(self, root: Path, paths: tuple[str, ...]) -> Iterator[Path]:
        """Give the folders that an import may be meant to look into."""
        folder = self._sources.folder.absolute()
        for above in folder.parents:
            if not above.is_relative_to(root):
                break
            yield from (above, *_folders(above))
        for path in map(os.path.expanduser, paths):
            yield from (folder / path, root / path)


def _is_of_project(place: Path, root: Path) -> bool:
    path, start = str(place), os.path.join(root, "")
    is_below = path.startswith(start) or place == root
    return is_below and not any(part in path[len(start) :].split(os.sep) for part in _INSTALLED)


def _folders(folder: Path) -> list[Path]:
    """Return the folders in one, without hidden ones."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry) for entry in entries if entry.name[0] != "." and entry.is_dir()
            )
    except OSError:
        return []


def _module(folder: Path, top: str) -> Path | None:
    """Return the module or package of a name in a folder."""
    file, package = folder / f"{top}.py", folder / top
    if os.path.isfile(file):
        return file
    has_modules = top.isidentifier() and any(package.glob("*.py"))
    return package if has_modules else None


# Reading -----------------------------------------------------------------------------------------


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Give the statements that a run may reach; expressions, most of a tree, aren't looked into."""
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt):
            yield node
        for name in _inner(type(node)):  # type: ignore[arg-type]  # a class has a hash
            if name != "body" or not _is_passed_over(node):
                pending += reversed(getattr(node, name))


@cache
def _inner(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a kind of node that have statements, the last that is run first."""
    names = ("finalbody", "orelse", "cases", "handlers", "body")
    return tuple(name for name in names if name in kind._fields)


def _is_passed_over(node: ast.AST) -> bool:
    """Tell whether a body is for type checkers or scripts alone, or may fail to import."""
    if isinstance(node, ast.If):
        words = {getattr(name, "id", getattr(name, "attr", "")) for name in ast.walk(node.test)}
        return bool(words & {"TYPE_CHECKING", "__name__"})
    if isinstance(node, ast.Try):
        return any(_takes_import_errors(handler.type) for handler in node.handlers)
    return False


def _takes_import_errors(caught: ast.expr | None) -> bool:
    names = {getattr(name, "id", "") for name in ast.walk(caught)} if caught else {"Exception"}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def _imports(module: Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Give a module's imports; ``import_module("x")`` is one of x."""
    for node in _statements(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
    if _imports_one_of(module, "importlib"):
        calls = (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))
        yield from (statement for call in calls if (statement := _as_import(call)))


def _imports_one_of(module: Module, *tops: str) -> bool:
    return any(name.partition(".")[0] in tops for name in module.names.values())


def _as_import(call: ast.Call) -> ast.Import | None:
    """Return the import statement that a call of `importlib.import_module` is."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    given = call.args[0] if len(call.args) == 1 else None
    if name != "import_module" or not isinstance(given, ast.Constant):
        return None
    text = given.value if isinstance(given.value, str) else ""
    if not text or text[0] == ".":
        return None
    return ast.copy_location(ast.Import([ast.alias(text)]), call)


def _names(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, bool]]:
    """Give the modules that a statement may import, and whether they are above the folder."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, False) for alias in node.names)
        return
    parts = package.split(".") if package else []
    if node.level > len(parts) + 1:
        yield "." * node.level + (node.module or node.names[0].name), True
        return
    kept = parts[: len(parts) - node.level + 1] if node.level else []
    base = ".".join([*kept, *([node.module] if node.module else [])])
    if base:
        yield base, False
    # What is taken from a module may be a module of its own.
    yield from ((f"{base}.{alias.name}" if base else alias.name, False) for alias in node.names)


def _paths(module: Module) -> Iterator[str]:
    """Give the paths that a module adds to `sys.path`, as far as they are written out."""
    if not _imports_one_of(module, "sys", "site"):
        return
    for node in _statements(module.tree):
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in _PATH_CALLS:
            inner = (node for argument in call.args for node in ast.walk(argument))
            words = (node.value for node in inner if isinstance(node, ast.Constant))
            yield from (word for word in words if isinstance(word, str))
