"""The code of a DAG file without its DAG: what its tasks' functions need, as it was written."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, NotALiteralError
from atlas_import.draft import Note
from atlas_import.literals import value_of
from atlas_import.modules import FunctionNode
from atlas_import.sources import SourceFile, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "dag_code"
_MOST_MODULES = 50
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(slots=True)
class DagCode:
    """The statements of a DAG file that go along.

    Attributes:
        source: the DAG file.
        gone: names that mean nothing outside of Airflow.
        functions: name → function of the module.
        parts: what stands in the new module.
        notes: what doesn't.
    """

    source: SourceFile
    gone: set[str] = field(default_factory=set)
    functions: dict[str, FunctionNode] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def lift(self, function: FunctionNode) -> bool:
        """Take a function of a DAG's own body along, as one of the module; tell whether it went."""
        if function.name in self.functions:
            return self.functions[function.name] is function
        self._function(function)
        return True

    def lift_statement(self, statement: ast.stmt) -> None:
        """Take an import, or a name for a constant, of a DAG's own body along."""
        if isinstance(statement, _IMPORTS):
            self._import(statement)
        elif isinstance(statement, ast.Assign) and _is_literal(statement.value):
            self.parts.append(self._text(statement))

    def text(self) -> str:
        """Return the new module."""
        title = f'"""Code of {self.source.place}, without its DAG."""'
        return "\n\n".join([title, *dict.fromkeys(self.parts)]) + "\n"

    def siblings(self) -> dict[str, str]:
        """Return the modules beside the DAG file that it imports, at any depth: file → text."""
        folder = self.source.path.parent
        found: dict[str, str] = {}
        left = list(_imported(self.source.tree))
        while left and len(found) < _MOST_MODULES:
            file = f"{left.pop()}.py"
            path = folder / file
            if file in found or path == self.source.path or path.is_symlink() or not path.is_file():
                continue
            try:
                other = source_of(path, folder)
            except AtlasError as error:
                self.notes.append(Note(file, str(error)))
                continue
            found[file] = other.text
            left += _imported(other.tree)
        return found

    def statement(self, statement: ast.stmt) -> None:
        """Take a statement of the module along, if it has to do with no DAG."""
        if isinstance(statement, _IMPORTS):
            self._import(statement)
        elif isinstance(statement, FunctionNode):
            self._function(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return
        elif self.gone & _loaded(statement):
            self.gone |= _bound(statement)
        else:
            self.parts.append(self._text(statement))

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        module = (
            statement.module if isinstance(statement, ast.ImportFrom) else statement.names[0].name
        )
        if (module or "").split(".")[0] == "airflow":
            self.gone |= {(one.asname or one.name).split(".")[0] for one in statement.names}
        elif module != "__future__":
            self.parts.append(textwrap.dedent(self._text(statement)))

    def _function(self, function: FunctionNode) -> None:
        self.functions[function.name] = function
        used = sorted(self.gone & _loaded(*function.body))
        if used:
            names = ", ".join(used)
            text = f"{function.name} uses {names} of Airflow: give it inputs, params or secrets"
            self.notes.append(Note(self.source.at(function), text))
        self.parts.append(self._text(function))

    def _text(self, statement: ast.stmt) -> str:
        """Return a statement as it was written, without decorators, at the margin."""
        lines = self.source.text.splitlines()[statement.lineno - 1 : statement.end_lineno]
        return textwrap.dedent("\n".join(lines))


def _is_literal(node: ast.expr) -> bool:
    try:
        value_of(node)
    except NotALiteralError:
        return False
    return True


def _loaded(*nodes: ast.AST) -> set[str]:
    names = (one for node in nodes for one in ast.walk(node))
    return {one.id for one in names if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def _bound(statement: ast.AST) -> set[str]:
    names = ast.walk(statement)
    return {one.id for one in names if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}


def _imported(tree: ast.AST) -> Iterator[str]:
    """Give the first words of all modules that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.split(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
