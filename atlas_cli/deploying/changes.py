"""How what is deployed differs from what should be, member by member and in a Recipe's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from atlas.plan import Plan

ADD, CHANGE, REMOVE, SAME = "add", "change", "remove", "same"
_WORTH = 12
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of one member of a resource.

    Attributes:
        kind: the resource's kind.
        name: the member's name.
        action: ``add``, ``change``, ``remove`` or ``same``.
        old: its digest now; empty for none.
        new: its digest afterwards; empty for none.
        details: how its Plan differs, one line each.
    """

    kind: str
    name: str
    action: str
    old: str = ""
    new: str = ""
    details: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        """Return the change as a line, with its details indented below."""
        found = (text.rpartition("sha256:")[2] for text in (self.old, self.new))
        digests = [digest[:_WORTH] for digest in found if _is_digest(digest)]
        sign = {ADD: "+", CHANGE: "~", REMOVE: "-", SAME: "="}[self.action]
        head = f"{sign} {self.kind} {self.name}  {' -> '.join(digests)}".rstrip()
        lines = [head, *self.details]
        return "\n    ".join(lines)


def member_changes(
    kind: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    plan_of: Callable[[str], Plan],
) -> list[MemberChange]:
    """Compare the members of one resource.

    Args:
        kind: the resource's kind.
        old: its inputs now; empty for a new one.
        new: its inputs afterwards; empty for one that goes away.
        plan_of: returns the Plan of a digest, or raises a StoreError.
    """
    before, after = old.get("members", {}), new.get("members", {})
    plans = (old.get("plans", {}), new.get("plans", {}))
    return [
        MemberChange(
            kind,
            name,
            _action(before.get(name), after.get(name), _differs(plans, name)),
            before.get(name, ""),
            after.get(name, ""),
            tuple(_details(plans, name, plan_of)),
        )
        for name in dict.fromkeys((*after, *before))
    ]


def _differs(plans: tuple[Mapping[str, str], Mapping[str, str]], name: str) -> bool:
    """Tell whether a member's Plan differs, though its content may not."""
    return plans[0].get(name) != plans[1].get(name)


def _action(old: str | None, new: str | None, is_other_plan: bool) -> str:
    """Return what becomes of a member."""
    if old is None or new is None:
        return REMOVE if new is None else ADD
    return CHANGE if old != new or is_other_plan else SAME


def _details(
    plans: tuple[Mapping[str, str], Mapping[str, str]], name: str, plan_of: Callable[[str], Plan]
) -> Iterator[str]:
    """Return how a member's Plan differs; nothing where one of the two isn't known."""
    old, new = plans[0].get(name), plans[1].get(name)
    if not old or not new or old == new:
        return
    try:
        before, after = plan_of(old), plan_of(new)
    except StoreError:
        return
    yield from plan_changes(before, after)


def plan_changes(old: Plan, new: Plan) -> Iterator[str]:
    """Return how two Plans differ, one line each: ``step train: params.trees 200 -> 300``."""
    yield from (f"step {n} added: {new.step(n).cls}" for n in new.by_name if n not in old.by_name)
    yield from (f"step {name} removed" for name in old.by_name if name not in new.by_name)
    both = old.by_name.keys() & new.by_name.keys()
    before, after = dict(_flat(_keyed(old, both))), dict(_flat(_keyed(new, both)))
    for path in dict.fromkeys((*after, *before)):
        was, now = before.get(path, _NOTHING), after.get(path, _NOTHING)
        if was != now:
            yield f"{_place(path)} {_short(was)} -> {_short(now)}"


def _keyed(plan: Plan, names: Collection[str]) -> dict[str, Any]:
    """Return a Plan with some of its steps, by name."""
    raw = plan.to_json()
    return {**raw, "steps": {one["name"]: one for one in raw["steps"] if one["name"] in names}}


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return every leaf of plain data with its path; a param's value is a leaf."""
    if isinstance(value, dict) and set(value) == {"kind", "value"}:
        shown = value["value"] if value["kind"] == "value" else f"{value['kind']} {value['value']}"
        yield path, shown
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, (*path, key))
    else:
        yield path, value


def _place(path: tuple[str, ...]) -> str:
    """Return where a difference is, in words."""
    if path[0] == "steps" and len(path) > 2:  # noqa: PLR2004 - steps, its name, and what of it
        return f"step {path[1]}: {'.'.join(path[2:])}"
    return ".".join(path)


def _short(value: Any) -> str:
    """Return a value that isn't too long for a line; of a digest its beginning."""
    text = value if isinstance(value, str) else repr(value)
    if _is_digest(text):
        return text[:_WORTH]
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line's worth


def _is_digest(text: str) -> bool:
    """Tell whether a text is a sha256."""
    return len(text) == 64 and not set(text) - set("0123456789abcdef")  # noqa: PLR2004
