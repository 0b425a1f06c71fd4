"""Rules about the fields of a search, which need no class: its ranges, its budget."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.search.spec import GRID, ROUNDS, Dimension, SearchSpec, grid_size
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath
    from atlas.validate.searching import FlatSearch

_EXPECTED = {
    "space": 'space: {"PARAM": {"low": 1, "high": 9}} or {"PARAM": {"choices": [...]}}',
    "metric": "metric: the name of the metric that trials are compared by",
    "goal": "goal: maximize or minimize",
}
_MOST_BYTES = 48 * 2**10
"""Bytes that the proposals of one round may have: they are the keys of its trials."""


def field_problems(search: FlatSearch, *, is_mapped: bool) -> Iterator[Problem]:
    """Check that nothing is missing, and that the fields fit each other.

    Args:
        search: the search.
        is_mapped: whether its step has ``foreach``.
    """
    if is_mapped:
        message = "a step with a search can't have foreach: each trial is a key already"
        yield search.place.problem("R055", message, hint="remove one of the two")
    missing = [name for name in _EXPECTED if name not in search.raw]
    for name in missing:
        message = f"the search of '{search.name}' has no {name}"
        yield search.place.problem("R053", message, expected=_EXPECTED[name])
    if missing:
        return
    broken = [problem for name in search.raw["space"] for problem in _dimension(search, name)]
    yield from broken
    if not broken:
        yield from _budget(search)


def _dimension(search: FlatSearch, name: str) -> Iterator[Problem]:
    raw = search.raw["space"][name]
    place = search.field_place("space") / name
    is_range = {"low", "high"} <= raw.keys()
    if is_range == ("choices" in raw) or ("choices" in raw and len(raw) > 1):
        found = ", ".join(sorted(raw)) or "nothing"
        expected = "either choices, or low and high"
        message = f"what '{name}' may be isn't said: found {found}"
        yield place.problem("R054", message, found=found, expected=expected)
    elif raw.get("choices") == []:
        message = f"there are no choices of '{name}'"
        yield (place / "choices").problem("R054", message, found="[]", expected="one or more")
    elif is_range:
        yield from _range(place, name, raw)
    else:
        texts = [canonical(choice) for choice in raw["choices"]]
        again = next((i for i, text in enumerate(texts) if text in texts[:i]), None)
        if again is not None:
            message = f"the search has the choice {texts[again]} of '{name}' twice"
            yield (place / "choices").problem("R054", message, expected="each choice once")


def _range(place: DocumentPath, name: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    low, high = raw["low"], raw["high"]
    found = f"{json.dumps(low)} to {json.dumps(high)}"
    if low >= high:
        message = f"the range of '{name}' has nothing in it: {found}"
        yield (place / "low").problem("R054", message, found=found, expected="low less than high")
    elif raw.get("log") and low <= 0:
        message = f"the range of '{name}' begins at {json.dumps(low)}, which has no logarithm"
        yield (place / "low").problem("R054", message, found=found, expected="low above 0")
    elif raw.get("log") and "step" in raw:
        message = f"the range of '{name}' has both log and step"
        yield (place / "step").problem("R054", message, hint="remove one of the two")
    elif raw.get("step", 0) > high - low:
        message = f"the range of '{name}' has one number: its step is longer than the range"
        expected = f"at most {json.dumps(high - low)}"
        yield (place / "step").problem("R054", message, found=str(raw["step"]), expected=expected)


def _budget(search: FlatSearch) -> Iterator[Problem]:
    raw = search.raw
    space = {name: Dimension.parse(one) for name, one in raw["space"].items()}
    if raw.get("method") == GRID:
        yield from _grid(search, space)
        if grid_size(space) == 0 or grid_size(space) > raw.get("trials", 1000):
            return
    spec = SearchSpec.parse(raw)
    if len(spec.rounds) > ROUNDS:
        found = f"{spec.trials} trials, {spec.concurrency} at once"
        message = f"the search has {len(spec.rounds)} rounds: {found}"
        place = search.field_place("concurrency" if "concurrency" in raw else "trials")
        yield place.problem("R055", message, found=found, expected=f"at most {ROUNDS} rounds")
    largest = max(len(canonical(raw["space"])), 40 * len(space))
    if largest * spec.concurrency > _MOST_BYTES * 8:
        message = "what a round proposes is too long"
        place = search.field_place("space")
        yield place.problem("R055", message, hint="search fewer params, or fewer at once")


def _grid(search: FlatSearch, space: Mapping[str, Dimension]) -> Iterator[Problem]:
    for name, one in space.items():
        if not one.has_grid:
            place = search.field_place("space") / name
            message = f"a grid needs to know which values of '{name}' to try"
            yield place.problem("R054", message, expected="choices, or a range with step")
            return
    size, most = grid_size(space), search.raw.get("trials", 1000)
    if size > most:
        message = f"the grid has {size:,} points, and the search {most:,} trials"
        place = search.field_place("trials" if "trials" in search.raw else "space")
        hint = 'take fewer values, more trials, or "method": "random"'
        yield place.problem("R055", message, found=f"{size:,}", expected=f"{most:,}", hint=hint)
