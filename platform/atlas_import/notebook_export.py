"""The functions of a notebook as a module of steps: `atlas notebook export`.

The notebook is parsed, never run. Imports, functions, classes and constants are taken over; what a
cell does when it runs isn't, and is reported.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from atlas import files
from atlas.errors import AtlasError
from atlas.load import shown
from atlas.syntax import syntax_tree
from atlas_import.draft import Note
from atlas_import.notebooks import cells_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_IMPORT_STEP = "from atlas import step"


@dataclass(frozen=True, slots=True)
class ExportedModule:
    """What became of a notebook.

    Attributes:
        text: the module; empty where nothing could be taken over.
        steps: the names of the functions that are steps.
        notes: what wasn't taken over, or not as it was.
    """

    text: str
    steps: tuple[str, ...]
    notes: tuple[Note, ...]


@dataclass(slots=True)
class _Cells:
    """What is found in the cells, in their order; the later definition of a name counts."""

    imports: dict[str, None] = field(default_factory=dict)
    definitions: dict[str, tuple[ast.stmt, str, str]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def export(path: Path) -> ExportedModule:
    """Return a notebook's functions as a module of steps.

    Args:
        path: the notebook.

    Raises:
        AtlasError: it can't be read, or isn't a notebook.
    """
    found = _Cells()
    for number, code in enumerate(cells_of(path, found.notes), start=1):
        _take(f"{path.name}: cell {number}", code, found)
    called = _called(found)
    steps = tuple(
        name
        for name, (node, _, place) in found.definitions.items()
        if isinstance(node, _Function) and _is_step(node, place, called, found.notes)
    )
    found.notes += _missing(found)
    return ExportedModule(_text(path.name, found, steps), steps, tuple(found.notes))


def write(module: ExportedModule, path: Path) -> bool:
    """Write a module that was exported; return whether it wasn't there already, as it is.

    Raises:
        AtlasError: there is nothing to write, another file is there, or it can't be written.
    """
    if not module.text:
        raise AtlasError("no cell defines a function or a class: nothing was written")
    try:
        if files.write_new(path, module.text):
            path.chmod(0o644)
            return True
        if path.read_text(encoding="utf-8") == module.text:
            return False
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise AtlasError(f"{shown(path)}: can't be written: {reason}") from None
    raise AtlasError(
        f"{shown(path)}: is there already, with another content; name another file with --to"
    )


def report(module: ExportedModule, path: Path, is_new: bool) -> tuple[dict[str, Any], str]:
    """Return what was written and what wasn't taken over: as data, as text."""
    notes = [f"{note.place}: {note.text}" for note in module.notes]
    data = {"file": str(path), "written": is_new, "steps": list(module.steps), "notes": notes}
    there = f"wrote {shown(path)}" if is_new else f"{shown(path)}: is there already, as it would be"
    lines = [there, f"steps: {', '.join(module.steps) or 'none'}"]
    if notes:
        lines += ["", "Not taken over, or not as it was:", "", *(f"  {note}" for note in notes)]
    return data, "\n".join(lines)


def _take(place: str, code: str, found: _Cells) -> None:
    """Take over what a cell defines, and note the rest."""
    try:
        tree = syntax_tree(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found.notes.append(Note(place, "isn't Python that can be parsed; it wasn't taken over"))
        return
    lines = code.splitlines()
    for node in tree.body:
        at = f"{place}, line {node.lineno}"
        text = "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
        if _is_import(node):
            found.imports[ast.unparse(node)] = None
        elif (name := _defined(node)) == "step":
            found.notes.append(Note(at, "'step' has the decorator's name: give it another"))
        elif name:
            if name in found.definitions:
                found.notes.append(Note(at, f"'{name}' takes the place of an earlier one"))
                del found.definitions[name]
            found.definitions[name] = (node, text, at)
        elif not _is_text(node):
            found.left.update(dict.fromkeys(_assigned(node), at))
            found.notes.append(Note(at, f"'{text.splitlines()[0].strip()[:60]}' wasn't taken over"))


def _first_line(node: ast.stmt) -> int:
    """Return the line that a statement begins at, with its decorators."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    decorators = node.decorator_list if isinstance(node, kinds) else []
    return min([node.lineno, *(one.lineno for one in decorators)])


def _is_import(node: ast.stmt) -> bool:
    """Tell whether it is an import that a module can have; one of all names hides what it gives."""
    if isinstance(node, ast.ImportFrom):
        return all(one.name != "*" for one in node.names)
    return isinstance(node, ast.Import)


def _defined(node: ast.stmt) -> str:
    """Return the name that a function, a class or a constant is defined as, else ""."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and _is_literal(node.value):
        (target,) = node.targets
        return target.id if isinstance(target, ast.Name) else ""
    return ""


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _is_text(node: ast.stmt) -> bool:
    """Tell whether a statement is a text alone, or nothing."""
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _assigned(node: ast.stmt) -> set[str]:
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }


def _used(node: ast.stmt) -> set[str]:
    """Return the names that a definition reads from around it."""
    names = [one for one in ast.walk(node) if isinstance(one, ast.Name)]
    own = {one.id for one in names if isinstance(one.ctx, ast.Store)}
    own |= {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
    return {one.id for one in names} - own


def _called(found: _Cells) -> set[str]:
    """Return the definitions that others use."""
    return {
        name
        for other, (node, _, _) in found.definitions.items()
        for name in _used(node)
        if name != other
    }


def _is_step(node: _Function, place: str, called: set[str], notes: list[Note]) -> bool:
    """Tell whether a function can be a step as it is; note why one can't."""
    why = _not_a_step(node, called)
    if why:
        notes.append(Note(place, f"'{node.name}' is kept as a plain function: {why}"))
    return not why


def _not_a_step(node: _Function, called: set[str]) -> str:
    """Return why a function can't be a step as it is, or ""."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    bare = [one.arg for one in given if one.annotation is None]
    if node.name in called:
        return "another one calls it"
    if isinstance(node, ast.AsyncFunctionDef):
        return "it is asynchronous"
    if node.args.vararg or node.args.kwarg:
        return "it has * or ** arguments"
    if bare:
        return f"give {', '.join(f'{name!r}' for name in bare)} a type hint"
    return "" if node.returns else "give what it returns a type hint"


def _missing(found: _Cells) -> Iterator[Note]:
    """Note each name that a definition needs and no taken statement makes."""
    for name, (node, _, place) in found.definitions.items():
        for used in sorted(_used(node) & found.left.keys() - found.definitions.keys()):
            if not hasattr(builtins, used):
                _, _, cell = found.left[used].partition(": ")
                text = f"'{name}' uses '{used}' of {cell}: make it an argument"
                yield Note(place, text)


def _text(name: str, found: _Cells, steps: tuple[str, ...]) -> str:
    """Return the module's text."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    if not any(isinstance(node, kinds) for node, _, _ in found.definitions.values()):
        return ""
    # What changes how Python reads a module has to come first.
    imports = sorted(found.imports, key=lambda line: "__future__" not in line)
    if steps and _IMPORT_STEP not in imports:
        imports.append(_IMPORT_STEP)
    head = "\n".join(
        [f'"""Steps from the notebook {name}."""', *([""] if imports else []), *imports]
    )
    parts = [_part(one, name in steps) for name, one in found.definitions.items()]
    return "\n\n\n".join([head, *parts]) + "\n"


def _part(one: tuple[ast.stmt, str, str], is_step: bool) -> str:
    """Return a definition's text, as a step where it is to be one."""
    node, text, _ = one
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    is_there = any(ast.unparse(each) == "step" for each in decorators)
    return f"@step\n{text}" if is_step and not is_there else text
