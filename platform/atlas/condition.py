"""Conditions: when a step runs. Comparisons of outputs with literals, under all, any and not.

An output of a step that was skipped has no value, so a comparison with it is neither true nor
false; what follows of that is Kleene's logic, and a step whose condition isn't true is skipped.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COMPARISON = "step"
"""Kind of a condition that compares an output with a literal."""
ALL, ANY, NOT = "all", "any", "not"
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "below": operator.lt, "at_most": operator.le, "above": operator.gt, "at_least": operator.ge,
}  # fmt: skip
"""Comparisons that only numbers have."""
OPERATORS = ("is", "is_not", "in", *ORDERED)
"""Every comparison, as Recipes write it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison, or several conditions together.

    Attributes:
        kind: ``step`` for a comparison; ``all``, ``any`` or ``not``.
        source: where a comparison's value comes from: what the document at hand refers by.
        operator: one of `OPERATORS`.
        value: the literal; with ``in``, several.
        parts: the conditions of ``all`` and ``any``, and the one of ``not``.
    """

    kind: str
    source: Any = None
    operator: str = ""
    value: Any = ""
    parts: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the literal."""
        object.__setattr__(self, "value", frozen(self.value))

    @classmethod
    def parse(cls, raw: Mapping[str, Any], source: Callable[[Any], Any]) -> Condition:
        """Build a condition from its JSON, which the schema has accepted.

        Args:
            raw: the JSON.
            source: makes of ``step``'s JSON what `Condition.source` is to be.
        """
        if COMPARISON in raw:
            name = next(name for name in OPERATORS if name in raw)
            return cls(COMPARISON, source(raw[COMPARISON]), name, raw[name])
        kind = next(iter(raw))
        parts = [raw[kind]] if kind == NOT else raw[kind]
        return cls(kind, parts=tuple(cls.parse(part, source) for part in parts))

    def comparisons(self) -> Iterator[Condition]:
        """Give every comparison in it, in the order in which they were written."""
        if self.kind == COMPARISON:
            yield self
        for part in self.parts:
            yield from part.comparisons()

    def sources(self) -> tuple[Any, ...]:
        """Return what its comparisons read."""
        return tuple(comparison.source for comparison in self.comparisons())

    def mapped(self, change: Callable[[Any], Any]) -> Condition:
        """Return the same condition over other sources."""
        return self.placed(lambda source, _path: change(source))

    def placed(
        self, change: Callable[[Any, tuple[str | int, ...]], Any], path: tuple[str | int, ...] = ()
    ) -> Condition:
        """Return the same condition over other sources, which may depend on where each stands.

        Args:
            change: returns another source, given one and its path in the condition's JSON.
            path: of this condition.
        """
        if self.kind == COMPARISON:
            source = change(self.source, (*path, COMPARISON))
            return Condition(self.kind, source, self.operator, self.value)
        places = [
            (*path, self.kind, *([] if self.kind == NOT else [n])) for n in range(len(self.parts))
        ]
        parts = [part.placed(change, at) for part, at in zip(self.parts, places, strict=True)]
        return Condition(self.kind, parts=tuple(parts))

    def truth(self, read: Callable[[Any], Any]) -> bool | None:
        """Return whether it is true; None where that isn't known.

        Args:
            read: returns the value of a source, or None where the step that makes it was skipped.
        """
        if self.kind == COMPARISON:
            value = read(self.source)
            return None if value is None else compared(value, self.operator, self.value)
        found = [part.truth(read) for part in self.parts]
        if self.kind == NOT:
            return None if found[0] is None else not found[0]
        decides = self.kind == ANY
        return decides if decides in found else None if None in found else not decides

    def text(self, name: Callable[[Any], str] = str) -> str:
        """Return it in words, such as ``check.ok is true``."""
        if self.kind == COMPARISON:
            return f"{name(self.source)} {self.operator.replace('_', ' ')} {literal(self.value)}"
        if self.kind == NOT:
            return f"not ({self.parts[0].text(name)})"
        inner = [
            f"({part.text(name)})" if len(part.parts) > 1 else part.text(name)
            for part in self.parts
        ]
        return (" and " if self.kind == ALL else " or ").join(inner)


def literal(value: Any) -> str:
    """Return a literal as a Recipe writes it."""
    import json

    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def both(first: Condition | None, second: Condition | None) -> Condition | None:
    """Return the condition that is true where both are; None where there is none."""
    if first is None or second is None:
        return first or second
    return Condition(ALL, parts=(first, second))


def compared(value: Any, name: str, other: Any) -> bool:
    """Compare a value with a literal.

    Neither a bool nor a text is a number: what is of another kind is not the same. No comparison
    with NaN is true but ``is_not``.

    Args:
        value: a bool, a number or a text.
        name: one of `OPERATORS`.
        other: the literal; with ``in``, several.
    """
    if name == "in":
        return any(_same(value, one) for one in other)
    if name in ("is", "is_not"):
        return _same(value, other) is (name == "is")
    return not isinstance(value, bool | str) and ORDERED[name](value, other)


def _same(value: Any, other: Any) -> bool:
    return _kind(value) == _kind(other) and bool(value == other)


def _kind(value: Any) -> str:
    return "bool" if isinstance(value, bool) else "str" if isinstance(value, str) else "number"


def skippable(steps: Mapping[str, tuple[bool, tuple[tuple[str, ...], ...]]]) -> frozenset[str]:
    """Return the names of the steps that a run may skip.

    Args:
        steps: name → whether it has a condition, and what it needs: of each group of steps, one.
    """
    found = {name for name, (has_condition, _) in steps.items() if has_condition}
    size = -1
    while found and size != len(found):
        size = len(found)
        found |= {
            name
            for name, (_, needs) in steps.items()
            if name not in found and any(found.issuperset(group) for group in needs if group)
        }
    return frozenset(found)
