"""Changes as text: one line for all members of a family that change alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas_deploy.diff.members import ADD, CHANGE, SAME, SIGNS
from atlas_deploy.platforms.deployed_kinds import find_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_deploy.diff.members import MemberChange

_NAMED = 3


def render(changes: Sequence[MemberChange]) -> list[str]:
    """Return what changes, a line for all members that change alike."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[MemberChange]] = {}
    for change in changes:
        if change.action != SAME:
            key = (change.action, change.resource or change.kind, change.details)
            groups.setdefault(key, []).append(change)
    return [_line(group) for group in groups.values()]


def total(changes: Sequence[MemberChange], pipelines: int) -> str:
    """Return how much of a deployment changes: ``214 of 500 pipelines of the family change``.

    Args:
        changes: what becomes of each member.
        pipelines: how many pipelines the Config stands for; 1 for no family, 0 where unknown.
    """
    changed = [change for change in changes if change.action != SAME]
    members = f"{len(changed)} of {len(changes)} members change"
    if pipelines < 2:  # noqa: PLR2004 - a family
        return members
    touched = {_pipeline(change) for change in changed if _pipeline(change)}
    return f"{len(touched)} of {pipelines} pipelines of the family change ({members})"


def _pipeline(change: MemberChange) -> str:
    """Return the pipeline of a member; empty for what isn't a pipeline's own."""
    facts = find_facts(change.resource)
    return change.name.rpartition("-")[0] if facts and facts.is_per_pipeline else ""


def _line(group: Sequence[MemberChange]) -> str:
    """Return the line of members that change alike."""
    first, facts = group[0], find_facts(group[0].resource)
    kind = facts.noun if facts else first.kind
    contents = {change.content for change in group} - {""}
    what = list(first.details)
    if contents:
        what.append(f"{kind} content {contents.pop() if len(contents) == 1 else 'changes'}")
    elif first.action == CHANGE and not what:
        what.append(f"{kind} changes")
    listed = f": {'; '.join(first.details)}" if first.details else ""
    text = "; ".join(what) if first.action == CHANGE else f"{kind}{listed}"
    is_shown = first.action == ADD and facts is not None and facts.shows_new
    extra = f" ({first.new})" if is_shown else ""
    return f"{SIGNS[first.action]} {_names(group)}: {text}{extra}"


def _names(group: Sequence[MemberChange]) -> str:
    """Return the names of members, the first few of many."""
    names = [change.name for change in group]
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
