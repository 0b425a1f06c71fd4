"""Reading Python sources with `ast`: modules, their names, classes and bases. Nothing is run."""

from __future__ import annotations

import ast
import os
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import ParseError, Problem, SourceError
from atlas.load import clean, leads_out, shown
from atlas.recipe import STEP_DECORATORS, TEMPLATE_MODULES
from atlas.validate.installed import installed_file, module_file
from atlas.validate.parse import parse_text, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ATLAS = Path(__file__).resolve().parents[1]
_LONGEST_TRAIL = 20
"""How many modules may hand a name on."""


@dataclass(frozen=True)
class Module:
    """One source file.

    Attributes:
        name: dotted name; of the pipeline's folder for its own modules.
        path: the file.
        tree: its syntax tree.
        package: dotted name that relative imports start from.
        writes: whether a method ``write`` may be called in it; False where the word is nowhere.
    """

    name: str
    path: Path
    tree: ast.Module
    package: str
    writes: bool = True

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """The classes at the module's top level; a function that is a step is one, too."""
        own = {node.name: node for node in self._top if isinstance(node, ast.ClassDef)}
        if {"atlas", *STEP_DECORATORS}.isdisjoint(self.names.values()):
            return own
        from atlas.validate.functions import classes_of

        return own | classes_of(iter(self._top), self.names)

    @cached_property
    def functions(self) -> list[str]:
        """Names of the functions at the module's top level that aren't steps."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        names = (node.name for node in self._top if isinstance(node, kinds))
        return [name for name in names if name not in self.classes]

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What each imported name stands for, as a full dotted name."""
        names: dict[str, str] = {}
        for node in self._top:
            if isinstance(node, ast.Import):
                names |= dict(_imported(node))
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node)
                names |= {a.asname or a.name: _join(module, a.name) for a in node.names}
        return names

    @cached_property
    def stars(self) -> list[str]:
        """Modules that everything is imported from."""
        nodes = [node for node in self._top if isinstance(node, ast.ImportFrom)]
        return [self._absolute(node) for node in nodes if node.names[0].name == "*"]

    @cached_property
    def aliases(self) -> Mapping[str, ast.expr]:
        """Names that the module assigns at its top level: type aliases, mostly."""
        values: dict[str, ast.expr] = {}
        for node in self._top:
            if isinstance(node, ast.Assign):
                names = (target.id for target in node.targets if isinstance(target, ast.Name))
                values |= dict.fromkeys(names, node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                values |= {node.target.id: node.value} if node.value else {}
            elif type(node).__name__ == "TypeAlias":  # `type Rows = DataFrame`, from Python 3.12 on
                values[node.name.id] = node.value  # type: ignore[attr-defined]
        return values

    @cached_property
    def _top(self) -> list[ast.stmt]:
        return list(_top_statements(self.tree))

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".") if self.package else []
        kept = parts[: max(len(parts) - node.level + 1, 0)]
        return _join(".".join(kept), node.module or "")


def _join(module: str, name: str) -> str:
    return f"{module}.{name}" if module and name else module or name


def _top_statements(tree: ast.Module) -> Iterator[ast.stmt]:
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
        allow: packages that the project allows besides it.
        foreign: modules of atlas and of those packages that were read; folders of one project
            share it.
    """

    folder: Path
    allow: tuple[str, ...] = ()
    foreign: dict[str, Module | SourceError | None] = field(default_factory=dict)
    _modules: dict[str, Module | SourceError | None] = field(default_factory=dict)
    _files: dict[str, Path | None] = field(default_factory=dict)
    _found: dict[str, tuple[Module | None, str]] = field(default_factory=dict)

    def module(self, name: str) -> Module | None:
        """Return a module, or None when it is nowhere that classes may come from.

        Raises:
            SourceError: its file can't be read or parsed, or leaves the folder.
        """
        if name not in self._modules:
            self._modules[name] = self._read(name)
        module = self._modules[name]
        if isinstance(module, SourceError):
            raise module
        return module

    def own_modules(self) -> list[str]:
        """Return the names of the modules at the top of the pipeline's folder."""
        stems = {file.stem for file in self.folder.glob("*.py")}
        return sorted(stems - {"__init__", "atlas"})

    def is_own(self, module: str) -> bool:
        """Tell whether a module is one of the pipeline's folder."""
        return self._own(module) is not None

    def may_have_steps(self, module: str) -> bool:
        """Tell whether steps' classes may be of a module, as a run sees it."""
        if self.is_own(module):
            return True
        return any(_is_within(module, package) for package in (*TEMPLATE_MODULES, *self.allow))

    def find_class(self, full: str) -> tuple[Module, ast.ClassDef] | None:
        """Return the class of a full dotted name, followed through imports, or None."""
        module, name = self.find(full)
        return (module, module.classes[name]) if module and name in module.classes else None

    def find_alias(self, full: str) -> tuple[Module, ast.expr] | None:
        """Return what a full dotted name that isn't a class is assigned, or None."""
        module, name = self.find(full)
        if module is None or name in module.classes or name not in module.aliases:
            return None
        return module, module.aliases[name]

    def find(self, full: str) -> tuple[Module | None, str]:
        """Return the module that defines a full dotted name, followed through imports."""
        if full not in self._found:
            self._found[full] = self._find(full)
        return self._found[full]

    def _find(self, full: str) -> tuple[Module | None, str]:
        for _ in range(_LONGEST_TRAIL):
            module_name, _, name = full.rpartition(".")
            module = self.module(module_name) if module_name else None
            if module is None or name in module.classes:
                return module, name
            following = module.names.get(name, "")
            if not following and name in module.aliases:
                return module, name
            following = following or self._starred(module, name)
            if following in ("", full):
                return None, name
            full = following
        return None, ""

    def _starred(self, module: Module, name: str) -> str:
        """Return the full name of what a module has from others that it imports everything of."""
        seen, pending = {module.name}, list(module.stars)
        while pending:
            starred = pending.pop(0)
            other = self.module(starred) if starred not in seen else None
            seen.add(starred)
            if other is None:
                continue
            if any(name in known for known in (other.classes, other.names, other.aliases)):
                return f"{starred}.{name}"
            pending += other.stars
        return ""

    def _own(self, name: str) -> Path | None:
        if name not in self._files:
            parts = name.split(".")
            is_here = parts[0] in self.top and parts[0] != "atlas"
            is_named = is_here and all(map(str.isidentifier, parts))
            self._files[name] = module_file(self.folder, parts) if is_named else None
        return self._files[name]

    @cached_property
    def top(self) -> set[str]:
        """What modules and packages at the top of the folder may be called."""
        try:
            return {name.removesuffix(".py") for name in os.listdir(self.folder)}
        except OSError:
            return set()

    def release(self) -> None:
        """Let go of the folder's syntax trees, which take much memory; they can be read again."""
        self._modules.clear()
        self._found.clear()

    def _read(self, name: str) -> Module | SourceError | None:
        own = self._own(name)
        if own is None:
            return self._read_foreign(name)
        astray = leads_out(own, self.folder)
        if astray:
            message = "leads out of the pipeline's folder"
            return SourceError(replace(astray, message=message, hint=""))
        return _parsed(name, own)

    def _read_foreign(self, name: str) -> Module | SourceError | None:
        if name not in self.foreign:
            file = self._foreign(name)
            self.foreign[name] = None if file is None else _parsed(name, file)
        return self.foreign[name]

    def _foreign(self, name: str) -> Path | None:
        """Return the file of a module of atlas, or of a package that the project allows."""
        parts = name.split(".")
        if not all(map(str.isidentifier, parts)):
            return None
        if parts[0] == "atlas":
            return module_file(_ATLAS, parts[1:])
        allowed = any(_is_within(name, package) for package in self.allow)
        return installed_file(parts) if allowed else None


def _parsed(name: str, file: Path) -> Module | SourceError:
    """Return the module of a file, or why it can't be read."""
    try:
        text = read_text(file)
        tree = parse_text(text)
    except ParseError as error:
        return SourceError(_unreadable(file, error))
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    # Python reads some letters beyond ASCII as those of ASCII.
    return Module(name, file, tree, package, writes="write" in text or not text.isascii())


def _unreadable(file: Path, error: ParseError) -> Problem:
    return Problem(
        code="R032",
        message=clean(str(error)),
        file=shown(file),
        line=error.line,
        column=error.column,
        hint=error.hint,
    )


def _is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
