"""The values of an Enum's members, as far as its source tells them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.validate.source import Module

_OWN_RULES = ("_missing_", "_generate_next_value_", "__new__", "__init__")
"""Methods by which an Enum takes other values than those that are written, or makes others."""


def members_of(
    module: Module, node: ast.ClassDef, bases: tuple[str, ...]
) -> tuple[Any, ...] | None:
    """Return the values of an Enum's members, or None where its source doesn't tell all of them.

    Args:
        module: where it stands.
        node: the class.
        bases: full names of its direct bases.
    """
    own = [line.name for line in node.body if isinstance(line, ast.FunctionDef)]
    if len(bases) != 1 or any(name in _OWN_RULES for name in own):
        return None
    values: list[Any] = []
    for name, value in _assigned(node):
        if _is_auto(module, value):
            values.append(_automatic(bases[0], name, values))
            continue
        try:
            values.append(ast.literal_eval(value))
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None
    return None if None in values else tuple(values)


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for line in node.body:
        if isinstance(line, ast.Assign):
            names = [target.id for target in line.targets if isinstance(target, ast.Name)]
            yield from ((name, line.value) for name in names if not name.startswith("_"))
        elif isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value:
            yield line.target.id, line.value


def _is_auto(module: Module, value: ast.expr) -> bool:
    if not isinstance(value, ast.Call) or value.args:
        return False
    written = ast.unparse(value.func)
    return module.names.get(written, written).endswith("enum.auto")


def _automatic(base: str, name: str, before: list[Any]) -> Any:
    """Return what `enum.auto` makes: a name in lower case, or the next number; None if unknown."""
    if base.endswith("StrEnum"):
        return name.lower()
    numbers = [value for value in before if isinstance(value, int)]
    return max(numbers, default=0) + 1 if len(numbers) == len(before) else None
