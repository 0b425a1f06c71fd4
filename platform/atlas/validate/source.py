"""Reading Python sources with `ast`: modules, their names, classes and bases. Nothing is run."""

from __future__ import annotations

import ast
import importlib.machinery
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_SOURCE = 2 * 2**20
"""The largest source file that is read, in bytes."""
_ATLAS = Path(__file__).resolve().parents[1]


class SourceError(Exception):
    """A source can't be read; says why. Never leaves the validation."""


@dataclass(frozen=True)
class Module:
    """One source file.

    Attributes:
        name: dotted name; of the pipeline's folder for its own modules.
        path: the file.
        tree: its syntax tree.
        package: dotted name that relative imports start from.
    """

    name: str
    path: Path
    tree: ast.Module
    package: str

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """The classes at the module's top level."""
        return {node.name: node for node in _top(self.tree) if isinstance(node, ast.ClassDef)}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What each imported name stands for, as a full dotted name."""
        found: dict[str, str] = {}
        for node in _top(self.tree):
            if isinstance(node, ast.Import):
                found |= dict(_imported(node))
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node)
                found |= {a.asname or a.name: f"{module}.{a.name}" for a in node.names}
        return found

    @cached_property
    def aliases(self) -> Mapping[str, ast.expr]:
        """Names that the module assigns once, at its top level: type aliases, mostly."""
        found: dict[str, ast.expr] = {}
        for node in _top(self.tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        kept = parts[: len(parts) - node.level + 1]
        return ".".join((*kept, node.module)) if node.module else ".".join(kept)


def _top(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield a module's statements, and those inside its top-level if and try blocks."""
    pending = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If | ast.Try):
            inner = [*node.body, *node.orelse, *getattr(node, "finalbody", ())]
            inner += [line for handler in getattr(node, "handlers", ()) for line in handler.body]
            pending.extend(reversed(inner))


def _imported(node: ast.Import) -> Iterator[tuple[str, str]]:
    for alias in node.names:
        top = alias.name.partition(".")[0]
        yield (alias.asname, alias.name) if alias.asname else (top, top)


@dataclass
class Sources:
    """The modules that classes may come from: the pipeline's folder, atlas, and allowed packages.

    Attributes:
        folder: the pipeline's folder.
        allow: top-level packages that the project allows besides it.
    """

    folder: Path
    allow: tuple[str, ...] = ()
    _modules: dict[str, Module | None] = field(default_factory=dict)

    def module(self, name: str) -> Module | None:
        """Return a module, or None when it is nowhere that classes may come from.

        Raises:
            SourceError: its file can't be read or parsed, or leaves the folder.
        """
        if name not in self._modules:
            file = self._file(name)
            self._modules[name] = None if file is None else _parse(name, file)
        return self._modules[name]

    def own_modules(self) -> list[str]:
        """Return the names of the modules at the top of the pipeline's folder."""
        return sorted(file.stem for file in self.folder.glob("*.py") if file.stem != "__init__")

    def find_class(self, full: str) -> tuple[Module, ast.ClassDef] | None:
        """Return the class of a full dotted name, followed through imports, or None."""
        for _ in range(20):
            module_name, _, name = full.rpartition(".")
            module = self.module(module_name) if module_name else None
            if module is None:
                return None
            if name in module.classes:
                return module, module.classes[name]
            if name not in module.names or module.names[name] == full:
                return None
            full = module.names[name]
        return None

    def _file(self, name: str) -> Path | None:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        own = _module_file(self.folder, parts)
        if own is not None:
            if not own.resolve().is_relative_to(self.folder.resolve()):
                raise SourceError(f"{own.name} leads out of the pipeline's folder")
            return own
        if parts[0] == "atlas":
            return _module_file(_ATLAS, parts[1:])
        if any(name == one or name.startswith(f"{one}.") for one in self.allow):
            return _installed(parts)
        return None


def _module_file(folder: Path, parts: list[str]) -> Path | None:
    base = folder.joinpath(*parts)
    choices = (base / "__init__.py", *((base.with_suffix(".py"),) if parts else ()))
    return next((file for file in choices if file.is_file()), None)


def _installed(parts: list[str]) -> Path | None:
    """Find an installed module's file; only the path finder is asked, nothing is imported."""
    spec = importlib.machinery.PathFinder.find_spec(parts[0], sys.path)
    if spec is None:
        return None
    if len(parts) == 1 and spec.origin and spec.origin.endswith(".py"):
        return Path(spec.origin)
    places = spec.submodule_search_locations or ()
    found = (_module_file(Path(place), parts[1:]) for place in places)
    return next((file for file in found if file is not None), None)


def _parse(name: str, file: Path) -> Module:
    try:
        raw = file.read_bytes()
        if len(raw) > MAX_SOURCE:
            raise SourceError(f"{file.name} is larger than {MAX_SOURCE // 2**20} MiB")
        tree = ast.parse(raw, filename=str(file))
    except SyntaxError as error:
        raise SourceError(f"{file.name} is no Python: line {error.lineno}: {error.msg}") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"{file.name} can't be read: {error or type(error).__name__}") from None
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return Module(name, file, tree, package)
