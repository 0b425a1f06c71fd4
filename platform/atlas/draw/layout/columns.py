"""Order and place within rows: few crossings, short edges, no two boxes over each other."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

Links: TypeAlias = Mapping[str, Sequence[tuple[str, float, float]]]
"""Item → its neighbours in the next row: how far right of each it is best put, and the weight."""

_SWEEPS = 8
_LEAST_WEIGHT, _PINNED = 0.01, 100.0


def arrange(rows: list[list[str]], up: Links, down: Links) -> list[list[str]]:
    """Return the rows, each sorted so that edges cross little.

    Barycenters, sweeping down and up in turn (Sugiyama, Tagawa and Toda, 1981); the best of all
    sweeps counts.
    """
    best, least = rows, _crossings(rows, down)
    for sweep in range(_SWEEPS):
        if not least:
            break
        rows = _swept(rows, up) if sweep % 2 == 0 else _swept(rows[::-1], down)[::-1]
        crossings = _crossings(rows, down)
        if crossings < least:
            best, least = rows, crossings
    return best


def place(
    rows: list[list[str]],
    widths: Mapping[str, float],
    up: Links,
    down: Links,
    pinned: Mapping[str, float],
) -> dict[str, float]:
    """Return the middle of every item: near its neighbours, in order, in the widest row's width.

    Args:
        rows: the items of each row, left to right.
        widths: item → its width, gap included.
        up: an item's neighbours in the row above.
        down: likewise below.
        pinned: item → where its middle is to be.
    """
    total = max(sum(widths[item] for item in row) for row in rows)
    middles = {item: middle for row in rows for item, middle in _packed(row, widths, total).items()}
    both = {item: (*up.get(item, ()), *down.get(item, ())) for row in rows for item in row}
    for links, order in ((up, 1), (down, -1), *((both, 1), (both, -1)) * (_SWEEPS // 2)):
        for row in rows[::order]:
            desired = [
                (pinned[item], _PINNED)
                if item in pinned
                else _desired(middles, links.get(item, ()), middles[item])
                for item in row
            ]
            middles.update(_settled(row, widths, desired, total))
    return middles


def _swept(rows: list[list[str]], links: Links) -> list[list[str]]:
    """Return the rows, each sorted by where its neighbours stand in the one before."""
    done: list[list[str]] = []
    places: dict[str, float] = {}
    for row in rows:
        own = {item: (index + 0.5) / len(row) for index, item in enumerate(row)}
        keys = {item: _desired(places, links.get(item, ()), own[item])[0] for item in row}
        done.append(sorted(row, key=keys.__getitem__))
        places = {item: (index + 0.5) / len(row) for index, item in enumerate(done[-1])}
    return done


def _crossings(rows: list[list[str]], down: Links) -> int:
    """Return how many edges cross between neighbouring rows."""
    count = 0
    for upper, lower in pairwise(rows):
        place_of = {item: index for index, item in enumerate(lower)}
        seen: list[int] = []
        for item in upper:
            ends = [place_of[near] for near, *_ in down.get(item, ()) if near in place_of]
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _desired(
    places: Mapping[str, float], links: Sequence[tuple[str, float, float]], otherwise: float
) -> tuple[float, float]:
    """Return the mean place beside some neighbours and its weight, or another one without any."""
    known = [(places[item] + shift, weight) for item, shift, weight in links if item in places]
    total = sum(weight for _, weight in known)
    if not known:
        return otherwise, _LEAST_WEIGHT
    return sum(place * weight for place, weight in known) / total, total


def _packed(row: list[str], widths: Mapping[str, float], total: float) -> dict[str, float]:
    """Return the middles of a row that stands side by side in the middle of the page."""
    x = (total - sum(widths[item] for item in row)) / 2
    middles = {}
    for item in row:
        middles[item] = x + widths[item] / 2
        x += widths[item]
    return middles


def _settled(
    row: list[str], widths: Mapping[str, float], desired: list[tuple[float, float]], total: float
) -> dict[str, float]:
    """Return the middles nearest to those wanted (least squares) that keep order and distance.

    Without the widths before them, that is an isotonic regression: pool adjacent violators.
    """
    before, offsets = 0.0, []
    for item in row:
        offsets.append(before + widths[item] / 2)
        before += widths[item]
    blocks: list[tuple[float, float, int]] = []
    for (want, own), offset in zip(desired, offsets, strict=True):
        mean, weight, size = want - offset, own, 1
        while blocks and blocks[-1][0] > mean:
            left, more, count = blocks.pop()
            mean = (left * more + mean * weight) / (more + weight)
            weight, size = weight + more, size + count
        blocks.append((mean, weight, size))
    starts = [min(max(mean, 0.0), total - before) for mean, _, size in blocks for _ in range(size)]
    return {item: start + offset for item, start, offset in zip(row, starts, offsets, strict=True)}
