"""Values that a source says outright: constants, and names that stand for constants."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from atlas.errors import NotALiteralError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST = 10_000
"""Constants in one value."""


Names = dict[str, ast.expr]
"""Name → the expression that it stands for."""


def constants(body: list[ast.stmt]) -> Names:
    """Return the names that statements give a value once; those of several values are left out."""
    found: Names = {}
    twice: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target = statement.target
        else:
            continue
        if isinstance(target, ast.Name) and statement.value is not None:
            twice |= {target.id} & found.keys()
            found[target.id] = statement.value
    return {name: value for name, value in found.items() if name not in twice}


def value_of(node: ast.expr, names: Mapping[str, ast.expr] | None = None) -> Any:
    """Return the value of an expression of constants, lists, tuples, dicts and known names.

    Raises:
        NotALiteralError: it is anything else, or has too many parts.
    """
    return _Reader(names or {}).value(node, frozenset())


class _Reader:
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names
        self.left = _MOST

    def value(self, node: ast.expr, seen: frozenset[str]) -> Any:
        self.left -= 1
        if self.left < 0:
            raise NotALiteralError("too many parts")
        if isinstance(node, ast.Constant) and not isinstance(node.value, bytes | complex):
            return _plain(node.value)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [self.value(item, seen) for item in node.elts]
        if isinstance(node, ast.Dict):
            return self._dict(node, seen)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self._negative(node, seen)
        if isinstance(node, ast.Name) and node.id in self.names and node.id not in seen:
            return self.value(self.names[node.id], seen | {node.id})
        raise NotALiteralError(ast.unparse(node)[:80])

    def _dict(self, node: ast.Dict, seen: frozenset[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant):
                raise NotALiteralError("a dict with keys that aren't constants")
            found[str(_plain(key.value))] = self.value(item, seen)
        return found

    def _negative(self, node: ast.UnaryOp, seen: frozenset[str]) -> Any:
        inner = self.value(node.operand, seen)
        if not isinstance(inner, int | float):
            raise NotALiteralError(ast.unparse(node)[:80])
        return -inner


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """Return a call's keyword arguments; ``**more`` isn't among them."""
    return {one.arg: one.value for one in call.keywords if one.arg}


def called(call: ast.Call) -> str:
    """Return the dotted name of what is called, or nothing for anything else."""
    return dotted(call.func)


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` of names and attributes; of anything else, nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _plain(value: Any) -> Any:
    """Return a constant that JSON can say, with text that UTF-8 can."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return None if value is Ellipsis else value
