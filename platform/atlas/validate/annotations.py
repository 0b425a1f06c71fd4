"""Turning an annotation's syntax into a `Type`, with full names."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from atlas.validate.types import ANY, LITERAL, NONE, UNKNOWN, Type, union

if TYPE_CHECKING:
    from atlas.validate.source import Module, Sources

_TYPING = ("typing.", "collections.abc.", "typing_extensions.")
_RENAMED = {
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
}
_SHORT = {
    "pandas.core.frame.DataFrame": "pandas.DataFrame",
    "numpy.typing.NDArray": "numpy.ndarray",
    "pandas.core.series.Series": "pandas.Series",
}
_DEEPEST = 30


class Annotations:
    """Reads annotations, with the names of the module that they stand in."""

    def __init__(self, sources: Sources) -> None:
        """Follow imports through these sources."""
        self.sources = sources

    def read(self, module: Module, node: ast.expr | None, depth: int = 0) -> Type:
        """Return the type that an annotation means; `UNKNOWN` when it can't be read so."""
        if node is None or depth > _DEEPEST:
            return ANY if node is None else UNKNOWN
        if isinstance(node, ast.Constant):
            return self._constant(module, node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = (self.read(module, side, depth + 1) for side in (node.left, node.right))
            return union(*sides)
        if isinstance(node, ast.Subscript):
            return self._subscript(module, node, depth)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._named(module, node, depth)
        return UNKNOWN

    def full_name(self, module: Module, node: ast.expr) -> str:
        """Return the full dotted name of a name or attribute; followed through own imports."""
        text = _dotted(node.value if isinstance(node, ast.Subscript) else node)
        head, _, rest = text.partition(".")
        if head in module.names:
            text = module.names[head] + (f".{rest}" if rest else "")
        elif head in module.classes:
            text = f"{module.name}.{text}"
        return self._followed(text)

    def bounds(self, module: Module, node: ast.expr) -> tuple[float | None, float | None]:
        """Return the least and greatest value that ``Annotated[…, Bounds(…)]`` allows."""
        if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
            return None, None
        if not self.full_name(module, node).endswith("Annotated"):
            return None, None
        for call in node.slice.elts[1:]:
            if isinstance(call, ast.Call) and _dotted(call.func).endswith("Bounds"):
                return _bounds(call)
        return None, None

    def _followed(self, full: str) -> str:
        found = self.sources.find_class(full)
        if found is not None:
            return f"{found[0].name}.{found[1].name}"
        return _SHORT.get(full, full)

    def _constant(self, module: Module, node: ast.Constant, depth: int) -> Type:
        if node.value is None:
            return NONE
        if node.value is Ellipsis:
            return Type("...")
        if not isinstance(node.value, str):
            return UNKNOWN
        try:
            inner = ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return UNKNOWN
        return self.read(module, inner, depth + 1)

    def _subscript(self, module: Module, node: ast.Subscript, depth: int) -> Type:
        name = _bare(self.full_name(module, node.value))
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == LITERAL:
            values = tuple(item.value for item in items if isinstance(item, ast.Constant))
            return Type(LITERAL, values=values)
        if name in ("Annotated", "Required", "NotRequired", "Final", "ReadOnly"):
            return self.read(module, items[0], depth + 1)
        args = tuple(self.read(module, item, depth + 1) for item in items)
        if name == "Optional":
            return union(args[0], NONE)
        if name == "Union":
            return union(*args)
        return Type(name, () if name == "numpy.ndarray" else args)

    def _named(self, module: Module, node: ast.Name | ast.Attribute, depth: int) -> Type:
        text = _dotted(node)
        if text in module.aliases and text not in module.classes:
            return self.read(module, module.aliases[text], depth + 1)
        full = self.full_name(module, node)
        name = _bare(full)
        if name in ("Any", "object"):
            return ANY
        known = "." in full or hasattr(builtins, name)
        return Type(name) if known else UNKNOWN


def _bare(full: str) -> str:
    """Drop the module of typing's names, so that ``typing.List`` and ``list`` are one."""
    for prefix in _TYPING:
        if full.startswith(prefix):
            name = full.removeprefix(prefix)
            return _RENAMED.get(name, name)
    return full


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else "?"


def _bounds(call: ast.Call) -> tuple[float | None, float | None]:
    given = {"minimum": None, "maximum": None} | dict(
        zip(("minimum", "maximum"), map(_number, call.args), strict=False)
    )
    given |= {one.arg: _number(one.value) for one in call.keywords if one.arg in given}
    return given["minimum"], given["maximum"]


def _number(node: ast.expr) -> float | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, int | float) else None
