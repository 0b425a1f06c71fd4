"""One level of a drawing laid out: boxes in rows, and the ways of the edges between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from atlas.dataclass import dataclass
from atlas.draw.layout.columns import arrange, place
from atlas.draw.layout.geometry import Box, Point
from atlas.draw.layout.rows import LayoutRows, assign
from atlas.graph import order, without_cycles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.draw.layout.columns import Links

Size: TypeAlias = tuple[float, float]
Stops: TypeAlias = dict[str, list[tuple[str, int]]]
"""Source → where its edges start and what they pass, each with its row, downwards."""

ROW_GAP, PORT_GAP, PASSING = 40.0, 24.0, 12.0
"""Between rows, between a row and ports, and what an edge takes in passing."""
_SLOPE, _MOST_EXTRA = 0.08, 48.0
"""How much a gap grows with how far its edges go sideways, and how much at most."""
_STRAIGHT = (8.0, 2.0, 1.0)
"""How much an edge wants to be straight, where none, one or both of its ends are boxes."""
TITLE, TITLE_HEIGHT = "title", 20.0
"""The item that keeps the edges that enter a group clear of its title, and its height."""
_BESIDE, _TURN = 8.0, 12.0
"""How far beside its level an edge leads upwards, and how far off the rows it turns there."""
_MANY = 5
"""How many edges that lead to one item share a lane."""
_FILLED = 0.85
"""The part of a row's width that boxes may take; the rest is for edges that pass."""


@dataclass
class Level:
    """What lies directly in one group: nodes, inner groups, and where edges enter and leave.

    A port is an item without a size, on the level's upper or lower edge.

    Attributes:
        limit: how wide the level may become.
        gap: between two boxes of a row.
        length: how high it may become before it is broken into bands.
        title: how wide a title stands beside the edges that enter, or 0 for none there.
        entries: the sources whose edges enter, in the order in which they come; others follow.
        sizes: item → its width and height, of nodes and inner groups.
        nets: a source → the items that it leads to here.
        starts: a source → the item that it comes from.
        offsets: an item and a source → how far off the item's middle those edges end.
    """

    limit: float
    gap: float
    length: float = inf
    title: float = 0.0
    entries: tuple[str, ...] = ()
    sizes: dict[str, Size] = field(default_factory=dict)
    nets: dict[str, list[str]] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)
    offsets: dict[tuple[str, str], float] = field(default_factory=dict)

    def connect(self, source: str, start: str, end: str) -> None:
        """Let an edge of a source run from one item to another, once."""
        self.starts[source] = start
        ends = self.nets.setdefault(source, [])
        if end not in ends:
            ends.append(end)

    def widths(self) -> dict[str, float]:
        """Return the room that every item takes in its row."""
        sized = {item: width + self.gap for item, (width, _) in self.sizes.items()}
        ends = {end for net in self.nets.values() for end in net}
        ports = sorted((ends | set(self.starts.values())) - self.sizes.keys(), key=self._place)
        title = {TITLE: self.title} if self.title else {}
        return {**sized, **title, **dict.fromkeys(ports, PASSING)}

    def _place(self, port: str) -> tuple[bool, int, str]:
        """Return by what ports are sorted: those that come in an order, then others by name."""
        is_late = port[1:] not in self.entries
        return is_late, 0 if is_late else self.entries.index(port[1:]), port


@dataclass(frozen=True)
class Laid:
    """A level with its coordinates, counted from its own upper left corner.

    Attributes:
        size: of the level.
        boxes: item → its box; that of a port or a passing edge has no width.
        row_of: item → its row.
        spans: row → its upper and lower y.
        stops: see `Stops`.
        offsets: those of the level.
        wrapped: whether items that could stand in one row had to take several.
        hidden: whether an edge runs behind boxes.
        tracks: how many edges are led back beside bands.
    """

    size: Size
    boxes: Mapping[str, Box]
    row_of: Mapping[str, int]
    spans: Mapping[int, tuple[float, float]]
    stops: Stops
    offsets: Mapping[tuple[str, str], float]
    wrapped: bool
    hidden: bool
    tracks: int = 0

    def thread(self, source: str, end: str) -> list[Point]:
        """Return the way of one edge: straight down beside boxes, curved only between rows."""
        start, *passed = self.stops[source]
        points = [*self._stub(source, start[0])]
        if self.row_of[end] <= self.row_of[start[0]]:
            ending = [*reversed([*self._stub(source, end, is_end=True)])]
            return [*points, *upward(points[-1], ending[0], self.size[0]), *ending]
        for item, row in passed:
            if row < self.row_of[end]:
                points += [(self.boxes[item].middle, y) for y in self.spans[row]]
        return [*points, *reversed([*self._stub(source, end, is_end=True)])]

    def _stub(self, source: str, item: str, *, is_end: bool = False) -> Iterator[Point]:
        """Give the straight piece from an item to the edge of its row."""
        box = self.boxes[item]
        x = box.middle + self.offsets.get((item, source), 0.0)
        yield x, box.y if is_end else box.bottom
        yield x, self.spans[self.row_of[item]][0 if is_end else 1]


def upward(start: Point, end: Point, side: float) -> list[Point]:
    """Return the way back up, of two that read each other: around the side of their level."""
    (x0, y0), (x1, y1), beside = start, end, side + _BESIDE
    return [(x0, y0 + _TURN), (beside, y0 + _TURN), (beside, y1 - _TURN), (x1, y1 - _TURN)]


def solve(level: Level) -> Laid:
    """Lay out one level."""
    widths = level.widths()
    filled = LayoutRows(widths, level.limit * _FILLED)
    row_of = _rows(level, filled)
    stops = _stops(level, row_of, widths)
    up, down = _links(level, stops, row_of)
    rows: dict[int, list[str]] = {}
    for item, row in sorted(row_of.items(), key=lambda pair: pair[1]):
        rows.setdefault(row, []).append(item)
    arranged = dict(zip(rows, arrange([*rows.values()], up, down), strict=True))
    _put_title_first(arranged)
    pinned = {TITLE: level.title / 2} if level.title else {}
    middles = place([*arranged.values()], widths, up, down, pinned) if rows else {}
    left, right = _extent(level, middles)
    spans = _spans(level, arranged, middles, up)
    return Laid(
        size=(right - left, max((bottom for _, bottom in spans.values()), default=0.0)),
        boxes={
            item: _box(level, item, x - left, spans[row_of[item]]) for item, x in middles.items()
        },
        row_of=row_of,
        spans=spans,
        stops=stops,
        offsets=level.offsets,
        wrapped=filled.wrapped,
        hidden=any(
            _misses_a_row(stops[source], ends, row_of) for source, ends in level.nets.items()
        ),
    )


def _put_title_first(rows: Mapping[int, list[str]]) -> None:
    for row in rows.values():
        row.sort(key=lambda item: item != TITLE)


def _rows(level: Level, rows: LayoutRows) -> dict[str, int]:
    """Return item → row: ports to enter by in the first one, ports to leave by in the last."""
    upstream: dict[str, list[str]] = {item: [] for item in level.sizes}
    for source, ends in level.nets.items():
        for end in ends:
            upstream.setdefault(end, []).append(level.starts[source])
    upstream = without_cycles({item: upstream[item] for item in level.sizes})
    row_of = assign({item: upstream[item] for item in order(upstream)}, rows)
    last = max(row_of.values(), default=-1) + 1
    starts = {*level.starts.values(), TITLE}
    ports = {item: -1 if item in starts else last for item in rows.widths if item not in row_of}
    return {**ports, **row_of}


def _stops(level: Level, row_of: dict[str, int], widths: dict[str, float]) -> Stops:
    """Make each source's edges pass the rows on their way, where these have room.

    What passes becomes an item: `row_of` and `widths` get it too. Where there is no room, an edge
    runs behind the boxes.
    """
    used: dict[int, float] = defaultdict(float)
    for item, row in row_of.items():
        used[row] += widths[item]
    stops: Stops = {}
    lanes = _lanes(level)
    for source, ends in level.nets.items():
        first, last = row_of[level.starts[source]], max(row_of[end] for end in ends)
        passed = {f"|{row}|{lanes[source]}": row for row in range(first + 1, last)}
        items = {
            item: row
            for item, row in passed.items()
            if item in row_of or used[row] + PASSING <= level.limit
        }
        for item, row in items.items():
            used[row] += 0.0 if item in row_of else PASSING
            row_of[item], widths[item] = row, PASSING
        stops[source] = [(level.starts[source], first), *items.items()]
    return stops


def _lanes(level: Level) -> dict[str, str]:
    """Return source → whose lane its edges take; where many lead to one item alone, that one's."""
    alone: dict[str, list[str]] = {}
    for source, ends in level.nets.items():
        if len(ends) == 1:
            alone.setdefault(ends[0], []).append(source)
    shared = {
        source: f">{end}"
        for end, sources in alone.items()
        if len(sources) >= _MANY
        for source in sources
    }
    return {source: shared.get(source, source) for source in level.nets}


def _misses_a_row(stops: list[tuple[str, int]], ends: list[str], row_of: Mapping[str, int]) -> bool:
    """Return whether some row on the way had no room for a source's edges."""
    return max(row_of[end] for end in ends) - stops[0][1] > len(stops)


def _links(level: Level, stops: Stops, row_of: Mapping[str, int]) -> tuple[Links, Links]:
    """Return the neighbours of every item, above and below it."""
    up: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    down: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    for source, ends in level.nets.items():
        names = [item for item, _ in stops[source]]
        pairs = [*pairwise(names)]
        pairs += [(_last_above(stops[source], row_of[end]), end) for end in ends]
        for upper, lower in pairs:
            shift = level.offsets.get((upper, source), 0.0) - level.offsets.get(
                (lower, source), 0.0
            )
            weight = _STRAIGHT[(upper in level.sizes) + (lower in level.sizes)]
            up[lower].append((upper, shift, weight))
            down[upper].append((lower, -shift, weight))
    return up, down


def _last_above(stops: list[tuple[str, int]], row: int) -> str:
    """Return the last stop above a row; the start where an edge leads upwards."""
    return next((item for item, own in reversed(stops) if own < row), stops[0][0])


def _extent(level: Level, middles: Mapping[str, float]) -> tuple[float, float]:
    """Return the leftmost and rightmost x that anything takes."""
    half = {item: level.sizes.get(item, (0.0, 0.0))[0] / 2 for item in middles}
    half[TITLE] = level.title / 2
    left = min((x - half[item] for item, x in middles.items()), default=0.0)
    return left, max((x + half[item] for item, x in middles.items()), default=0.0)


def _spans(
    level: Level, rows: Mapping[int, list[str]], middles: Mapping[str, float], up: Links
) -> dict[int, tuple[float, float]]:
    """Return the upper and lower y of every row; below far sideways edges is more room."""
    spans: dict[int, tuple[float, float]] = {}
    bottom = 0.0
    for row, items in rows.items():
        far = max(
            (
                abs(middles[near] + off - middles[i])
                for i in items
                for near, off, _ in up.get(i, ())
            ),
            default=0.0,
        )
        gap = ROW_GAP if row and any(item in level.sizes for item in items) else PORT_GAP
        top = bottom + gap + min(far * _SLOPE, _MOST_EXTRA) if spans else 0.0
        title = TITLE_HEIGHT if TITLE in items else 0.0
        bottom = top + max(title, *(level.sizes.get(item, (0.0, 0.0))[1] for item in items))
        spans[row] = (top, bottom)
    return spans


def _box(level: Level, item: str, middle: float, span: tuple[float, float]) -> Box:
    """Return an item's box, in the middle of its row."""
    width, height = level.sizes.get(item, (0.0, 0.0))
    return Box(middle - width / 2, (span[0] + span[1] - height) / 2, width, height)
