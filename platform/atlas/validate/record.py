"""What a step gives: the fields of the NamedTuple, dataclass or TypedDict that `run` returns."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.formats import known_types
from atlas.validate.annotations import dotted
from atlas.validate.lineage import lineage_of
from atlas.validate.types import NONE, UNKNOWN, Type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.annotations import Annotations
    from atlas.validate.source import Module

_LIBRARIES = ("pandas.", "numpy.", "pyarrow.", "polars.", "pathlib.", "datetime.")
"""Where further types are that hold data: none of them is a record of outputs."""
_RECORDS = {"typing.NamedTuple", "typing.TypedDict", "typing_extensions.TypedDict"}


@dataclass(frozen=True, slots=True)
class Returned:
    """What a return hint says.

    Attributes:
        outputs: name → type; None when it says none.
        text: the hint as it is written, for messages.
        is_open: whether only an import could tell what it is.
    """

    outputs: dict[str, Type] | None
    text: str = ""
    is_open: bool = False


def returned(annotations: Annotations, module: Module, hint: ast.expr | None) -> Returned:
    """Return what a return hint says that a step gives."""
    if hint is None:
        return Returned(None)
    text = written(hint)
    kind = annotations.read(module, hint)
    if kind == NONE:
        return Returned({}, text)
    if kind == UNKNOWN:
        return Returned(None, text, is_open=True)
    record = annotations.sources.find_class(kind.name)
    if record is None:
        is_data = kind.name in known_types() or kind.name.startswith(_LIBRARIES)
        is_plain = "." not in kind.name or is_data
        return Returned(None, text, is_open=not is_plain)
    lineage, closed = lineage_of(annotations, *record)
    if any(_is_record(annotations, owner, cls) for owner, cls in lineage):
        fields = dict(pair for owner, cls in reversed(lineage) for pair in _fields(owner, cls))
        return Returned({name: annotations.read(*hint) for name, hint in fields.items()}, text)
    return Returned(None, text, is_open=not closed)


def written(node: ast.expr) -> str:
    """Return a hint as it is written; only its kind where it is too deep, or too large a number."""
    try:
        return ast.unparse(node).strip("'\"")
    except RecursionError:
        return "a hint that is nested too deep"
    except ValueError:
        return "a hint with too large a number"


def _is_record(annotations: Annotations, module: Module, node: ast.ClassDef) -> bool:
    bases = {annotations.full_name(module, base) for base in node.bases}
    marks = (mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list)
    names = {annotations.full_name(module, mark) for mark in marks}
    return bool(bases & _RECORDS) or any(name.endswith("dataclass") for name in names)


def _fields(module: Module, node: ast.ClassDef) -> Iterator[tuple[str, tuple[Module, ast.expr]]]:
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            hint = line.annotation
            base = hint.value if isinstance(hint, ast.Subscript) else hint
            if not dotted(base).endswith("ClassVar"):
                yield line.target.id, (module, hint)
