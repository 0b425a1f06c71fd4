"""A level too long for the page, broken into bands, as a text is into lines.

Edges that go on in the next band are led back beside the bands, each in a track of its own. Where
to cut a layered drawing is a matter of its own ("Wrapping layered graph drawings"; Rüegg and
others, 2019); here each band is then laid out by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

from atlas.dataclass import dataclass
from atlas.draw.layout.level import PORT_GAP, Laid, Level, solve, upward

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.draw.layout.geometry import Box, Point
    from atlas.draw.layout.level import Size

    Ways: TypeAlias = dict[tuple[int, str], list[Point]]

TRACK, BESIDE, CLEAR = 10.0, 6.0, 16.0
"""Between two tracks, between a band's ends and tracks, and between its side and tracks."""
_USUAL_TRACKS = 2
_PER_CROSSING, _PER_REST = 0.15, 0.5
"""What a cut costs for each edge that it cuts, and a band for what is empty of it, in bands."""


@dataclass(frozen=True)
class BandedLaid:
    """A level in bands; what `Laid` says of its own, this says of the whole.

    Attributes:
        bands: each laid out by itself.
        origins: where each band's own coordinates begin.
        band_of: item → the band that it is in; of what enters the first, of what leaves the last.
        starts: those of the level.
        ways: a band and a source → the points on the way from there to the next band.
    """

    size: Size
    boxes: Mapping[str, Box]
    bands: Sequence[Laid]
    origins: Sequence[Point]
    band_of: Mapping[str, int]
    starts: Mapping[str, str]
    ways: Mapping[tuple[int, str], Sequence[Point]] = field(default_factory=dict)

    @property
    def wrapped(self) -> bool:
        """Whether items that could stand in one row had to take several."""
        return any(band.wrapped for band in self.bands)

    @property
    def hidden(self) -> bool:
        """Whether an edge runs behind boxes."""
        return any(band.hidden for band in self.bands)

    @property
    def tracks(self) -> int:
        """How many edges are led back beside bands."""
        return len(self.ways)

    def thread(self, source: str, end: str) -> list[Point]:
        """Return the way of one edge, from band to band."""
        start = self.starts[source]
        first, last = self.band_of[start], self.band_of[end]
        if first > last:  # Two that read each other: one edge has to lead upwards.
            above, below = self.boxes[end], self.boxes[start]
            ends = (below.middle, below.bottom), (above.middle, above.y)
            return [ends[0], *upward(*ends, self.size[0]), ends[1]]
        points: list[Point] = []
        for band in range(first, last + 1):
            x, y = self.origins[band]
            here = end if band == last else f">{source}"
            points += ((x + px, y + py) for px, py in self.bands[band].thread(source, here))
            points += self.ways[band, source] if band < last else ()
        before = [(points[0][0], 0.0)] if start.startswith("<") else []
        after = [(points[-1][0], self.size[1])] if end.startswith(">") else []
        return [*before, *points, *after]


def solve_in_bands(level: Level, unbroken: Laid | None = None) -> Laid | BandedLaid:
    """Lay out one level, in bands if it is longer than it may be.

    Args:
        level: what there is to lay out.
        unbroken: the same, laid out without bands, where that is known.
    """
    laid = unbroken or solve(level)
    if laid.size[1] <= level.length:
        return laid
    cuts = _cuts(level, laid)
    if not cuts:
        return laid
    band_of = _band_of(level, laid, cuts)
    bands: list[Laid] = []
    for part in _parts(level, band_of, len(cuts) + 1):
        part.entries = _in_order(bands[-1], ">") if bands else ()
        bands.append(solve(part))
    return _stacked(level, bands, band_of)


def _cuts(level: Level, laid: Laid) -> list[int]:
    """Return the rows before which to cut: few bands, few edges cut, no band almost empty."""
    rows = sorted({laid.row_of[item] for item in level.sizes})
    room = level.length - 2 * (BESIDE + _USUAL_TRACKS * TRACK + PORT_GAP)
    cut = _cut_edges(level, laid)
    best: list[tuple[float, list[int]]] = [(0.0, [])]
    for end in range(1, len(rows) + 1):
        found = []
        for begin in range(end - 1, -1, -1):
            used = laid.spans[rows[end - 1]][1] - laid.spans[rows[begin]][0]
            if used > room and begin < end - 1:
                break
            rest = max(1 - used / room, 0.0) ** 2 * _PER_REST
            cost = best[begin][0] + 1 + rest + _PER_CROSSING * (cut[rows[begin]] if begin else 0)
            found.append((cost, [*best[begin][1], *([rows[begin]] if begin else [])]))
        best.append(min(found))
    return best[-1][1]


def _cut_edges(level: Level, laid: Laid) -> dict[int, int]:
    """Return row → how many sources' edges a cut before it would cut."""
    change: Counter[int] = Counter()
    for source, ends in level.nets.items():
        first = laid.row_of[level.starts[source]]
        last = max(laid.row_of[end] for end in ends)
        if first < last:
            change[first + 1] += 1
            change[last + 1] -= 1
    rows = sorted({*laid.row_of.values(), *change})
    return dict(zip(rows, accumulate(change[row] for row in rows), strict=True))


def _band_of(level: Level, laid: Laid, cuts: Sequence[int]) -> dict[str, int]:
    """Return the band of every item."""
    bands = {item: sum(laid.row_of[item] >= cut for cut in cuts) for item in level.sizes}
    ports = {item for item in laid.row_of if item[0] in "<>"}
    return {**bands, **{port: len(cuts) if port[0] == ">" else 0 for port in sorted(ports)}}


def _parts(level: Level, band_of: Mapping[str, int], count: int) -> list[Level]:
    """Return a level for each band, where edges enter and leave as they do in a group."""
    parts = [Level(level.limit, level.gap, offsets=level.offsets) for _ in range(count)]
    for item, size in level.sizes.items():
        parts[band_of[item]].sizes[item] = size
    for source, ends in level.nets.items():
        start = level.starts[source]
        first, last = band_of[start], max(band_of[end] for end in ends)
        for band in range(first, last + 1):
            here = start if band == first else f"<{source}"
            for end in (*(end for end in ends if band_of[end] == band), f">{source}"):
                if end != f">{source}" or band < last or end in ends:
                    parts[band].connect(source, here, end)
    return parts


def _in_order(laid: Laid, sign: str) -> tuple[str, ...]:
    """Return the sources whose edges enter (``<``) or leave (``>``) a band, side by side."""
    ports = (item for item in laid.boxes if item.startswith(sign))
    return tuple(port[1:] for port in sorted(ports, key=lambda port: laid.boxes[port].middle))


def _stacked(level: Level, bands: Sequence[Laid], band_of: Mapping[str, int]) -> BandedLaid:
    """Put the bands beside each other (below each other, on the page), with tracks between them."""
    passing = [_in_order(band, ">") for band in bands[:-1]]
    lane = BESIDE + max(map(len, passing)) * TRACK
    origins, side = [(0.0, lane)], 0.0
    for band, sources in zip(bands, passing, strict=False):
        side += band.size[0] + 2 * CLEAR + (len(sources) - 1) * TRACK
        origins.append((side, lane))
    ends = [
        band.size[1] + (BESIDE + len(passing[number]) * TRACK if number < len(passing) else 0.0)
        for number, band in enumerate(bands)
    ]
    ways = {
        (number, source): points
        for number in range(len(passing))
        for source, points in _ways(bands, origins, number)
    }
    placed = {
        item: bands[band].boxes[item].moved(*origins[band])
        for item, band in band_of.items()
        if item in bands[band].boxes
    }
    size = (side + bands[-1].size[0], lane + max(ends))
    return BandedLaid(size, placed, bands, origins, band_of, level.starts, ways)


def _ways(
    bands: Sequence[Laid], origins: Sequence[Point], number: int
) -> Iterator[tuple[str, list[Point]]]:
    """Give each source's way from one band to the next; in the same order, none crosses another."""
    upper, lower = bands[number], bands[number + 1]
    leaving, entering = _in_order(upper, ">"), _in_order(lower, "<")
    (x, y), (next_x, _) = origins[number], origins[number + 1]
    for index, source in enumerate(reversed(leaving)):
        out = y + upper.size[1] + BESIDE + index * TRACK
        side = x + upper.size[0] + CLEAR + index * TRACK
        back = y - BESIDE - entering.index(source) * TRACK
        leave = x + upper.boxes[f">{source}"].middle
        enter = next_x + lower.boxes[f"<{source}"].middle
        yield source, [(leave, out), (side, out), (side, back), (enter, back)]
