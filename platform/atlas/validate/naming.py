"""Names the pipelines of a Problem in a Recipe that others take without having it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from atlas.errors import Problem
    from atlas.validate.between import Checked

_MOST = 3
"""How many pipelines one Problem names."""


def with_pipelines(problems: Iterable[Problem], checked: Sequence[Checked]) -> list[Problem]:
    """Return Problems, those that only some of a Recipe's pipelines have with the pipelines' names.

    Args:
        problems: all that was found.
        checked: the Configs, with what was found of each.

    Returns:
        The Problems, in their order.
    """
    users, having = defaultdict(set), defaultdict(set)
    for config in checked:
        for file in _recipes(config):
            users[file].add(config.name)
        for problem in config.problems:
            having[problem].add(config.name)
    return [_named(one, having[one], users.get(one.file, set())) for one in problems]


def _recipes(config: Checked) -> set[str]:
    flats = [subject.flat for subject in config.subjects.values()]
    places = [
        place for flat in flats for place in (flat.place, *(s.place for s in flat.steps.values()))
    ]
    return {place.document.shown for place in places} - {config.file.document.shown}


def _named(problem: Problem, having: set[str], users: set[str]) -> Problem:
    if not having or not having < users:
        return problem
    names = sorted(having)
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    told = ", ".join(f"'{name}'" for name in names[:_MOST])
    return replace(problem, message=f"{problem.message}, in {told}{more}")
