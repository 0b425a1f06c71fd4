"""Turning an annotation's syntax into a `Type`, with full names."""

from __future__ import annotations

import ast
import builtins
from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.formats import type_aliases
from atlas.syntax import expression_tree
from atlas.validate.types import ANY, LITERAL, NONE, UNKNOWN, Type, union

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.source import Module, Sources

_TYPING = ("typing.", "collections.abc.", "typing_extensions.", "builtins.")
_RENAMED = {
    "List": "list",
    "Dict": "dict",
    "Tuple": "tuple",
    "Set": "set",
    "FrozenSet": "frozenset",
    "Text": "str",
}
_WRAPPERS = ("Annotated", "Required", "NotRequired", "Final", "ReadOnly", "ClassVar")
_MOST_PARTS = 200
"""How many parts of one annotation are read, aliases opened: they can double at each step."""
_MOST_VALUES = 1000
_NAMED = (ast.Name, ast.Attribute)
_DEEPEST = 20
_MOST_BITS = 1023


class Annotations:
    """Reads annotations, with the names of the module that they stand in."""

    def __init__(self, sources: Sources) -> None:
        """Follow imports through these sources."""
        self.sources = sources
        self._left = 0
        self._full: dict[tuple[str, str], str] = {}

    def read(self, module: Module, node: ast.expr | None) -> Type:
        """Return the type that an annotation means; `UNKNOWN` when it can't be read so."""
        if node is None:
            return ANY
        self._left = _MOST_PARTS
        kind = self._read(module, node, 0)
        return kind if self._left > 0 else UNKNOWN

    def full_name(self, module: Module, node: ast.expr) -> str:
        """Return the full dotted name of a name or attribute; followed through own imports."""
        node = node.value if isinstance(node, ast.Subscript) else node
        if not isinstance(node, _NAMED):
            return self._full_name(module, node)
        key = module.name, dotted(node)
        if key not in self._full:
            self._full[key] = self._full_name(module, node)
        return self._full[key]

    def _full_name(self, module: Module, node: ast.expr) -> str:
        module, node = self._unfolded(module, node)
        text = written = dotted(node)
        head, _, rest = text.partition(".")
        if head in module.names:
            text = written = module.names[head] + (f".{rest}" if rest else "")
        elif head in module.classes or module.stars:
            text = f"{module.name}.{text}"
        owner, name = self.sources.find(text)
        if owner is not None:
            return f"{owner.name}.{name}"
        full = text if head in module.classes else written
        return type_aliases().get(full, full)

    def bounds(self, module: Module, node: ast.expr) -> tuple[float | None, float | None]:
        """Return the least and greatest value that ``Annotated[…, Bounds(…)]`` allows."""
        for owner, part in self._sides(module, node):
            if not isinstance(part, ast.Subscript) or not isinstance(part.slice, ast.Tuple):
                continue
            if _bare(self.full_name(owner, part)) != "Annotated":
                continue
            for call in part.slice.elts[1:]:
                if isinstance(call, ast.Call) and _is_bounds(call):
                    return _bounds(call)
        return None, None

    def _sides(self, module: Module, node: ast.expr) -> Iterator[tuple[Module, ast.expr]]:
        """Yield the members of a union, or the annotation itself, aliases and quotes opened."""
        pending = [(module, node)]
        for _ in range(_MOST_PARTS):
            if not pending:
                return
            owner, part = self._unfolded(*pending.pop())
            if isinstance(part, ast.BinOp):
                pending += [(owner, part.right), (owner, part.left)]
            else:
                yield owner, part

    def _unfolded(self, module: Module, node: ast.expr) -> tuple[Module, ast.expr]:
        """Return what an alias or a quoted annotation stands for; anything else is itself."""
        for _ in range(_MOST_PARTS):
            following = self._alias(module, node) or self._quoted(module, node)
            if following is None:
                break
            module, node = following
        return module, node

    def _alias(self, module: Module, node: ast.expr) -> tuple[Module, ast.expr] | None:
        if not isinstance(node, _NAMED):
            return None
        text = dotted(node)
        head, _, rest = text.partition(".")
        if head in module.names:
            target = module.names[head]
            return self.sources.find_alias(f"{target}.{rest}" if rest else target)
        if text in module.classes:
            return None
        own = module.aliases.get(text)
        return (module, own) if own is not None else None

    def _quoted(self, module: Module, node: ast.expr) -> tuple[Module, ast.expr] | None:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return None
        try:
            return module, expression_tree(node.value.strip())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def _read(self, module: Module, node: ast.expr, depth: int) -> Type:
        self._left = self._left - 1 if depth <= _DEEPEST else 0
        if self._left <= 0:
            return UNKNOWN
        module, node = self._unfolded(module, node)
        if isinstance(node, ast.Constant):
            return _constant(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union(module, node, depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(module, node, depth)
        if isinstance(node, _NAMED):
            return self._named(module, node)
        return UNKNOWN

    def _union(self, module: Module, node: ast.expr, depth: int) -> Type:
        """Read ``a | b | …``, which nests to the left, without nesting as deep."""
        sides: list[ast.expr] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides.append(node.right)
            node = node.left
        return union(*self._each(module, [node, *reversed(sides)], depth))

    def _subscript(self, module: Module, node: ast.Subscript, depth: int) -> Type:
        name = _bare(self.full_name(module, node.value))
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == LITERAL:
            return _literal(items)
        if name == "numpy.ndarray":
            return Type(name)
        if not items:
            return UNKNOWN
        if name in _WRAPPERS:
            inner = self._read(module, items[0], depth + 1)
            calls = (item for item in items[1:] if name == "Annotated" and _is_bounds(item))
            bounds = next((_bounds(call) for call in calls if isinstance(call, ast.Call)), None)
            return replace(inner, bounds=bounds) if bounds else inner
        args = self._each(module, items, depth)
        if name == "Optional":
            return union(args[0], NONE)
        return union(*args) if name == "Union" else Type(name, args)

    def _each(self, module: Module, nodes: list[ast.expr], depth: int) -> tuple[Type, ...]:
        if len(nodes) > self._left:
            self._left = 0
            return (UNKNOWN,)
        return tuple(self._read(module, node, depth + 1) for node in nodes)

    def _named(self, module: Module, node: ast.Name | ast.Attribute) -> Type:
        name = _bare(self.full_name(module, node))
        if name in ("Any", "object"):
            return ANY
        imported = dotted(node).partition(".")[0] in module.names
        known = imported or "." in name or hasattr(builtins, name)
        return Type(name) if known else UNKNOWN


def dotted(node: ast.expr) -> str:
    """Return a name or attribute as it is written; ``?`` for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else "?"


def _bare(full: str) -> str:
    """Drop the module of typing's names, so that ``typing.List`` and ``list`` are one."""
    if not full.startswith(_TYPING):
        return full
    name = full.removeprefix("collections.").partition(".")[2]
    return _RENAMED.get(name, name)


def _constant(node: ast.Constant) -> Type:
    if node.value is None:
        return NONE
    return Type("...") if node.value is Ellipsis else UNKNOWN


def _literal(items: list[ast.expr]) -> Type:
    """Return a Literal; `UNKNOWN` when a value isn't plain, such as a member of an Enum."""
    values = [_value(item) for item in items[:_MOST_VALUES]]
    if not items or len(items) > _MOST_VALUES or _NO_VALUE in values:
        return UNKNOWN
    return Type(LITERAL, values=tuple(values))


_NO_VALUE = object()


def _value(node: ast.expr) -> object:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _NO_VALUE
    plain = value is None or isinstance(value, str | int | bytes | bool)
    return value if plain and not _is_huge(value) else _NO_VALUE


def _is_bounds(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).endswith("Bounds")


def _bounds(call: ast.Call) -> tuple[float | None, float | None]:
    given = {"minimum": None, "maximum": None} | dict(
        zip(("minimum", "maximum"), map(_number, call.args), strict=False)
    )
    given |= {
        keyword.arg: _number(keyword.value) for keyword in call.keywords if keyword.arg in given
    }
    return given["minimum"], given["maximum"]


def _number(node: ast.expr) -> float | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, int | float) and not _is_huge(value) else None


def _is_huge(value: object) -> bool:
    """Tell whether a value is a whole number beyond any double: Python won't even print some."""
    return isinstance(value, int) and value.bit_length() > _MOST_BITS
