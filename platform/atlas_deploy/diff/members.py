"""How what is deployed differs from what should be, member by member, in the terms of a Recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from atlas.plan import Plan, PlanStep

ADD, CHANGE, REMOVE, SAME = "add", "change", "remove", "same"
SIGNS = {ADD: "+", CHANGE: "~", REMOVE: "-", SAME: "="}
_DIGITS = 12
_NOTHING = "nothing"
_SHA = "sha256:"
_DEFAULT_IMAGE = "default"
_DIGESTS = "digests: "
"""Digests of the documents: what differs in the Plan already says it."""


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of one member of a resource.

    Attributes:
        kind: the resource's name in the stack.
        name: the member's name.
        action: ``add``, ``change``, ``remove`` or ``same``.
        old: its digest now; empty for none.
        new: its digest afterwards; empty for none.
        details: how its Plan differs, one line each.
        resource: the kind of the resource (``AirflowDags``).
    """

    kind: str
    name: str
    action: str
    old: str = ""
    new: str = ""
    details: tuple[str, ...] = ()
    resource: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def content(self) -> str:
        """How its content differs: ``a1→b2``; empty where there are no two digests."""
        digests = [shortened(text) for text in (self.old, self.new) if digest_in(text)]
        return "→".join(digests) if len(digests) == 2 and self.old != self.new else ""  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class PlanLookup:
    """What is needed to say how two Plans differ.

    Attributes:
        plan_of: returns the Plan of a digest, or raises a StoreError.
        images: references of images by name, before and afterwards.
    """

    plan_of: Callable[[str], Plan]
    images: tuple[Mapping[str, str], Mapping[str, str]] = field(default=({}, {}))


def member_changes(
    part: tuple[str, str], old: Mapping[str, Any], new: Mapping[str, Any], lookup: PlanLookup
) -> list[MemberChange]:
    """Compare the members of one resource.

    Args:
        part: the resource's name and kind.
        old: its inputs now; empty for a new one.
        new: its inputs afterwards; empty for one that goes away.
        lookup: what Plans and images are looked up in.
    """
    before, after = old.get("members", {}), new.get("members", {})
    plans = (old.get("plans", {}), new.get("plans", {}))
    schedules = (old.get("schedules") or {}, new.get("schedules") or {})
    monitors = (old.get("monitors") or {}, new.get("monitors") or {})
    name, kind = part
    return [
        MemberChange(
            name,
            member,
            _action(
                before.get(member),
                after.get(member),
                any(_differs(both, member) for both in (plans, schedules, monitors)),
            ),
            before.get(member, ""),
            after.get(member, ""),
            (*_details(plans, member, lookup), *_schedule(plans, schedules, member))
            if before.get(member)
            else (),
            kind,
        )
        for member in dict.fromkeys((*after, *before))
    ]


def _differs(plans: tuple[Mapping[str, str], Mapping[str, str]], name: str) -> bool:
    """Tell whether a member's Plan differs, though its content may not."""
    return plans[0].get(name) != plans[1].get(name)


def _schedule(
    plans: tuple[Mapping[str, str], Mapping[str, str]],
    schedules: tuple[Mapping[str, str], Mapping[str, str]],
    name: str,
) -> Iterator[str]:
    """Return how a member's schedule differs where its Plan is the same."""
    if _differs(schedules, name) and not _differs(plans, name):
        old, new = (by_member.get(name) or _NOTHING for by_member in schedules)
        yield f"schedule: {old}→{new}"


def _action(old: str | None, new: str | None, has_other_plan: bool) -> str:
    """Return what becomes of a member."""
    if old is None or new is None:
        return REMOVE if new is None else ADD
    return CHANGE if old != new or has_other_plan else SAME


def _details(
    plans: tuple[Mapping[str, str], Mapping[str, str]], name: str, lookup: PlanLookup
) -> Iterator[str]:
    """Return how a member's Plan differs; nothing where one of the two isn't known."""
    old, new = plans[0].get(name), plans[1].get(name)
    if not old or not new or (old == new and lookup.images[0] == lookup.images[1]):
        return
    try:
        before, after = lookup.plan_of(old), lookup.plan_of(new)
    except StoreError:
        return
    yield from plan_changes(before, after, lookup.images)


def plan_changes(
    old: Plan, new: Plan, images: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
) -> Iterator[str]:
    """Return how two Plans differ, a line each step: ``step train: params.trees 200→300``.

    Args:
        old: the Plan that is deployed.
        new: the Plan that will be.
        images: references of their images by name.
    """
    yield from (f"step {n} added: {new.step(n).cls}" for n in new.by_name if n not in old.by_name)
    yield from (f"step {name} removed" for name in old.by_name if name not in new.by_name)
    both = [name for name in new.by_name if name in old.by_name]
    places: dict[str, list[str]] = {f"step {name}: ": [] for name in both}
    for name in both:
        refs = (_image(old.step(name), images[0]), _image(new.step(name), images[1]))
        if all(refs) and refs[0] != refs[1]:
            places[f"step {name}: "].append(f"image {_short(refs[0])}→{_short(refs[1])}")
    before, after = dict(_flat(_keyed(old, both))), dict(_flat(_keyed(new, both)))
    for path in dict.fromkeys((*after, *before)):
        was, now = before.get(path, _NOTHING), after.get(path, _NOTHING)
        if was != now:
            where, what = _place(path)
            places.setdefault(where, []).append(f"{what} {_short(was)}→{_short(now)}")
    lines = {where: changes for where, changes in places.items() if changes}
    if len(lines) > 1:
        lines.pop(_DIGESTS, None)
    yield from (f"{where}{', '.join(changes)}" for where, changes in lines.items())


def _image(step: PlanStep, references: Mapping[str, str]) -> str:
    """Return the reference of a step's image; empty where it isn't known."""
    name = step.image or _DEFAULT_IMAGE
    fits = (reference for key, reference in references.items() if key.partition("/")[0] == name)
    return references.get(name) or next(fits, "")


def _keyed(plan: Plan, names: Collection[str]) -> dict[str, Any]:
    """Return a Plan with some of its steps, by name."""
    raw = plan.to_json()
    return {**raw, "steps": {step["name"]: step for step in raw["steps"] if step["name"] in names}}


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


def _place(path: tuple[str, ...]) -> tuple[str, str]:
    """Return where a difference is and what of it, in words."""
    if path[0] == "steps" and len(path) > 2:  # noqa: PLR2004 - steps, its name, and what of it
        return f"step {path[1]}: ", ".".join(path[2:])
    return f"{path[0]}: " if len(path) > 1 else "", ".".join(path[1:] or path)


def _short(value: Any) -> str:
    """Return a value that isn't too long for a line; of a digest its beginning."""
    text = value if isinstance(value, str) else repr(value)
    if digest_in(text):
        return shortened(text)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a line's worth


def shortened(text: str) -> str:
    """Return the beginning of the digest in a text; of a reference with ``sha256:`` before it."""
    return f"{_SHA if _SHA in text else ''}{digest_in(text)[:_DIGITS]}"


def digest_in(text: str) -> str:
    """Return the sha256 that a text is or ends with; empty for none."""
    digits = text.rpartition(_SHA)[2]
    return digits if len(digits) == 64 and not set(digits) - set("0123456789abcdef") else ""  # noqa: PLR2004
