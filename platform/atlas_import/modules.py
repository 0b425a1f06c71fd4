"""Somebody else's package: its modules by dotted name, and where a function is."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas_import.sources import SourceFile, files_below, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class FoundFunction:
    """A function that a package has: the module's dotted name, its source, and the definition."""

    module: str
    source: SourceFile
    node: FunctionNode


@dataclass(slots=True)
class Package:
    """The modules below a folder.

    Attributes:
        root: the folder that the dotted names begin in.
        modules: dotted name → source.
        broken: what couldn't be read, as messages.
    """

    root: Path
    modules: dict[str, SourceFile] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def imports(self, module: str) -> dict[str, tuple[str, str]]:
        """Return what a module's own names stand for: name → the module, and the name in it."""
        return {name: (where, inner) for name, where, inner, _ in self._imports(module)}

    def statements(self, module: str) -> dict[str, str]:
        """Return the statement that imports each name of a module from elsewhere."""
        return {
            name: statement
            for name, where, _, statement in self._imports(module)
            if where.split(".")[0] not in self.tops
        }

    @property
    def tops(self) -> frozenset[str]:
        """The first words of all dotted names."""
        return frozenset(name.split(".")[0] for name in self.modules)

    def find(self, module: str, name: str) -> FoundFunction | None:
        """Return the function that a dotted name stands for in a module, if it is the package's."""
        first, _, rest = name.partition(".")
        source = self.modules[module]
        own = {node.name: node for node in source.tree.body if isinstance(node, FunctionNode)}
        if not rest and first in own:
            return FoundFunction(module, source, own[first])
        where, inner = self.imports(module).get(first, ("", ""))
        return self._elsewhere(where, inner, rest) if where else None

    def _elsewhere(self, where: str, inner: str, rest: str) -> FoundFunction | None:
        """Return a function of the module that a name stands for; one step, not round and round."""
        module = f"{where}.{inner}" if inner and f"{where}.{inner}" in self.modules else where
        name = rest if module != where or not inner else inner
        source = self.modules.get(module)
        for node in source.tree.body if source else ():
            if isinstance(node, FunctionNode) and node.name == name and source:
                return FoundFunction(module, source, node)
        return None

    def needed(self, modules: set[str]) -> set[str]:
        """Return modules with all of the package that they import, at any depth."""
        seen: set[str] = set()
        left = sorted(modules)
        while left:
            module = left.pop()
            if module in seen or module not in self.modules:
                continue
            seen.add(module)
            for where, inner in self.imports(module).values():
                left += [one for one in (f"{where}.{inner}", where) if one in self.modules]
        return seen

    def _imports(self, module: str) -> Iterator[tuple[str, str, str, str]]:
        """Give the names that import statements bind: name, module, name in it, and a statement."""
        for node in ast.walk(self.modules[module].tree):
            if isinstance(node, ast.Import):
                for one in node.names:
                    name = one.asname or one.name.split(".")[0]
                    yield name, one.name if one.asname else name, "", f"import {_as(one)}"
            elif isinstance(node, ast.ImportFrom):
                where = self._absolute(module, node)
                for one in node.names:
                    statement = f"from {where} import {_as(one)}"
                    yield one.asname or one.name, where, one.name, statement

    def _absolute(self, module: str, node: ast.ImportFrom) -> str:
        """Return the dotted name of the module that a statement imports from."""
        if not node.level:
            return node.module or ""
        is_package = self.modules[module].path.name == "__init__.py"
        parts = module.split(".")
        base = parts[: len(parts) - node.level + is_package]
        return ".".join([*base, *([node.module] if node.module else [])])


def _as(one: ast.alias) -> str:
    return f"{one.name} as {one.asname}" if one.asname else one.name


def package_of(root: Path, folder: Path, shown_from: Path) -> Package:
    """Read all modules below a folder; what can't be read is reported in `Package.broken`.

    Args:
        root: the folder that dotted names begin in.
        folder: the package, somewhere below it.
        shown_from: what messages write paths from.
    """
    package = Package(root)
    for path in files_below(folder, ".py"):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            package.modules[name or "__init__"] = source_of(path, shown_from)
        except AtlasError as error:
            package.broken.append(str(error))
    return package


def hint_of(
    package: Package, module: str, node: ast.expr | None, statements: dict[str, str]
) -> str:
    """Return an annotation as it can stand in another module, or nothing where it can't.

    Args:
        package: where the module is.
        module: whose annotation it is.
        node: the annotation.
        statements: name → the import statement that the other module has for it; gets what the
            hint needs.
    """
    if node is None or isinstance(node, ast.Constant):
        return ""
    known = package.statements(module)
    needed = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - _BUILT_IN
    wanted = {name: known.get(name, "") for name in needed}
    if any(not text or statements.get(name, text) != text for name, text in wanted.items()):
        return ""
    if any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(node)):
        return ""
    statements |= wanted
    return ast.unparse(node)


_BUILT_IN = frozenset({
    "bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple", "object",
})  # fmt: skip
