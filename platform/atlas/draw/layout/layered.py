"""The layout: groups inside groups, each in rows, downwards or rightwards.

Every group is laid out by itself and is then one box in the group around it, so no two boxes can
overlap and no row is wider than the page. Why this isn't left to Graphviz: docs/decisions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from atlas.draw.layout.bands import BandedLaid, solve_in_bands
from atlas.draw.layout.geometry import (
    DETAIL,
    MARGIN,
    PAGE_WIDTH,
    WIDEST,
    Box,
    Layout,
    Point,
    group_label,
    node_size,
    text_width,
)
from atlas.draw.layout.level import Laid, Level
from atlas.draw.layout.routes import curves, straightened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.draw.model import Drawing, Group

Path: TypeAlias = list[tuple[str, str]]
"""The levels around a thing, outermost first, each with the item that holds the thing there."""

_ROOT = ""
_PADDING, _TITLE_ROOM, _PORT_ROOM = 16.0, 30.0, 6.0
"""Inside a group: at its edges, where its title stands, and above a title beside edges."""
_DOWN, _RIGHT = 28.0, 16.0
"""The gap between boxes side by side: downwards, and rightwards."""
_LENGTHS, _SHARE = (1.0, 1.15, 1.3, 1.5), 0.75
"""Which parts of a page's width bands may take, and which part of a band a group in it may."""
_HOPELESS = 1.2
"""How much worse bands may be than what was found before, if longer ones are to be tried."""
_WRAPPED, _TRACK = 2.0, 0.05
"""How much a layout is the worse for broken rows, and for each edge that is led back."""


def layered(drawing: Drawing) -> Layout:
    """Return where everything is, as uses the page best.

    A layout is the better the less one has to scroll and the larger its labels are. Downwards,
    rows that would be too wide are broken; rightwards, the whole is broken into bands below each
    other, or as wide as it is where its labels can still be read.
    """
    unbroken = _Nest(drawing, rightwards=True, length=math.inf)
    down = [_Nest(drawing, rightwards=False, length=math.inf)]
    if down[0].width > PAGE_WIDTH:
        down.append(_Nest(drawing, rightwards=False, length=math.inf, widest=PAGE_WIDTH))
    best = min(unbroken, *down, key=_Nest.cost)
    for part in _LENGTHS if unbroken.width > PAGE_WIDTH else ():
        length = PAGE_WIDTH * part - 2.0 * MARGIN
        banded = _Nest(drawing, rightwards=True, length=length, unbroken=unbroken)
        (is_bad, cost), (_, least) = banded.cost(), best.cost()
        best = min(best, banded, key=_Nest.cost)
        if is_bad or cost > _HOPELESS * least:
            break
    return best.layout()


class _Nest:
    """A drawing's groups, each laid out by itself.

    What is said of width and height, rows, above and below is meant downwards. Rightwards, all is
    laid out as if the page lay on its side, and turned back at the end.

    Attributes:
        paths: a node's id → its path.
        around: a group's id → its path.
        levels: group → its level; the whole's first, outer ones before inner ones.
        laid: group → its level, laid out.
        origins: group → where its level's own coordinates begin.
        boxes: item → its box.
    """

    def __init__(
        self,
        drawing: Drawing,
        *,
        rightwards: bool,
        length: float,
        widest: float = WIDEST,
        unbroken: _Nest | None = None,
    ) -> None:
        """Lay out all levels, each of them in bands where it is longer than it may be."""
        self.widest = widest
        self.unbroken = unbroken
        self.drawing = drawing
        self.rightwards = rightwards
        self.length = length
        self.groups = {group.id: group for group in drawing.groups}
        self.around = {group: _path(group, self.groups) for group in self.groups}
        self.paths = {
            node.id: [*self.around.get(node.group, []), (node.group, f"node {node.id}")]
            for node in drawing.nodes
        }
        self.pairs = [pair for pair in drawing.pairs() if pair[0] != pair[1]]
        self.levels = self._levels()
        self._connect()
        self.laid = {name: self._solved(name) for name in reversed(self.levels)}
        self.origins: dict[str, Point] = {}
        self.boxes = self._boxes()

    @property
    def width(self) -> float:
        """How wide the whole is on the page, margins included."""
        return self._swapped(self.laid[_ROOT].size)[0] + 2 * MARGIN

    def cost(self) -> tuple[bool, float]:
        """Return by what layouts are compared: whether labels and edges can be seen, then size."""
        height = self._swapped(self.laid[_ROOT].size)[1] + 2 * MARGIN
        scale = min(1.0, PAGE_WIDTH / self.width)
        laid = self.laid.values()
        worse = _WRAPPED if any(one.wrapped for one in laid) else 1.0
        worse += _TRACK * sum(one.tracks for one in laid)
        is_bad = self.width > WIDEST or any(one.hidden for one in laid)
        return is_bad, height / scale**2 * worse

    def layout(self) -> Layout:
        """Return where everything is."""
        nodes = {node.id: self._turned(f"node {node.id}") for node in self.drawing.nodes}
        groups = {name: self._turned(f"group {name}") for name in self.levels if name != _ROOT}
        width, height = self._swapped(self.laid[_ROOT].size)
        routes = {pair: self._route(pair) for pair in self.pairs}
        size = width + 2 * MARGIN, height + 2 * MARGIN
        in_bands = any(isinstance(one, BandedLaid) for one in self.laid.values())
        is_line = self.rightwards and not in_bands and size[0] <= PAGE_WIDTH
        return Layout(*size, nodes, groups, routes, is_rightwards=is_line)

    def _levels(self) -> dict[str, Level]:
        """Return a level for the whole and for each group with anything in it, narrower inwards."""
        gap = _RIGHT if self.rightwards else _DOWN
        limit = math.inf if self.rightwards else self.widest - 2.0 * MARGIN
        levels = {_ROOT: Level(limit, gap, self.length)}
        used = {level for path in self.paths.values() for level, _ in path} - {_ROOT}
        for group in sorted(used, key=lambda group: (len(self.around[group]), group)):
            parent, item = self.around[group][-1]
            outer = levels[parent]
            levels[group] = Level(
                outer.limit - 2 * _PADDING, gap, outer.length * _SHARE - 2 * _PADDING
            )
            levels[parent].sizes[item] = (0.0, 0.0)
        for node in self.drawing.nodes:
            levels[node.group].sizes[f"node {node.id}"] = self._swapped(node_size(node))
        return levels

    def _connect(self) -> None:
        """Give every level its part of each edge."""
        for source, target in self.pairs:
            for level, start, end in _hops(self.paths, source, target):
                self.levels[level].connect(source, start, end)

    def _solved(self, name: str) -> Laid | BandedLaid:
        """Lay out one level, which is then an item of known size in the one around it."""
        level = self.levels[name]
        level.title = self._title_beside_edges(name)
        laid = solve_in_bands(level, self._known(name))
        if name != _ROOT:
            before, after, above, below = self._room(level)
            wide, high = self._swapped((self._title_width(name) + 2 * _PADDING, 0.0))
            width = max(laid.size[0] + before + after, wide)
            parent, item = self.around[name][-1]
            self.levels[parent].sizes[item] = (width, max(laid.size[1] + above + below, high))
            start = before + (width - laid.size[0] - before - after) / 2
            for port, source in _ports(level):
                x = start + laid.boxes[port].middle
                self.levels[parent].offsets[item, source] = x - width / 2
        return laid

    def _known(self, name: str) -> Laid | None:
        """Return a level as it was laid out without bands, unless what is in it is in bands now."""
        if not self.unbroken:
            return None
        own, other = self.levels[name], self.unbroken.levels[name]
        laid = self.unbroken.laid[name]
        same = own.sizes == other.sizes and own.offsets == other.offsets
        return laid if same and isinstance(laid, Laid) else None

    def _title_width(self, name: str) -> float:
        return text_width(group_label(self.groups[name]), DETAIL)

    def _title_beside_edges(self, name: str) -> float:
        """Return the width of a group's title where edges would run through it, else 0."""
        enters = any(start.startswith("<") for start in self.levels[name].starts.values())
        return self._title_width(name) if enters and not self.rightwards else 0.0

    def _room(self, level: Level) -> tuple[float, float, float, float]:
        """Return the room in a group left and right, above and below what is in it."""
        enters = any(start not in level.sizes for start in level.starts.values())
        leaves = any(end not in level.sizes for ends in level.nets.values() for end in ends)
        below = 0.0 if leaves else _PADDING
        if self.rightwards:
            return _TITLE_ROOM, _PADDING, 0.0 if enters else _PADDING, below
        return _PADDING, _PADDING, _PORT_ROOM if enters else _TITLE_ROOM, below

    def _boxes(self) -> dict[str, Box]:
        """Return the box of every item; find each level's origin on the way."""
        boxes: dict[str, Box] = {}
        for name, level in self.levels.items():
            self.origins[name] = (float(MARGIN), float(MARGIN))
            if name != _ROOT:
                box = boxes[self.around[name][-1][1]]
                before, after, above, _ = self._room(level)
                spare = box.width - self.laid[name].size[0] - before - after
                self.origins[name] = (box.x + before + spare / 2, box.y + above)
            for item in level.sizes:
                boxes[item] = self.laid[name].boxes[item].moved(*self.origins[name])
        return boxes

    def _route(self, pair: tuple[str, str]) -> tuple[Point, ...]:
        """Return an edge's curves, from its way through every level."""
        points: list[Point] = []
        for level, _, end in _hops(self.paths, *pair):
            x, y = self.origins[level]
            points += ((x + px, y + py) for px, py in self.laid[level].thread(pair[0], end))
        return tuple(self._swapped(point) for point in curves(straightened(points)))

    def _swapped(self, pair: tuple[float, float]) -> tuple[float, float]:
        """Return two measures, across and along, as those of the page; or back."""
        return (pair[1], pair[0]) if self.rightwards else pair

    def _turned(self, item: str) -> Box:
        """Return an item's box on the page as it is read."""
        box = self.boxes[item]
        return Box(*self._swapped((box.x, box.y)), *self._swapped((box.width, box.height)))


def _path(group: str, groups: Mapping[str, Group]) -> Path:
    """Return the path of a group, itself last."""
    path: Path = []
    while group:
        parent = groups[group].parent
        path.append((parent, f"group {group}"))
        group = parent
    return path[::-1]


def _hops(paths: Mapping[str, Path], source: str, target: str) -> list[tuple[str, str, str]]:
    """Return the edge's way through the levels: out of groups, across, and into groups."""
    up, down = paths[source], paths[target]
    common = sum(a[0] == b[0] for a, b in zip(up, down, strict=False)) - 1
    out = [(level, item, f">{source}") for level, item in up[:common:-1]]
    across = (up[common][0], up[common][1], down[common][1])
    return [*out, across, *((level, f"<{source}", item) for level, item in down[common + 1 :])]


def _ports(level: Level) -> Iterable[tuple[str, str]]:
    """Give every port of a level with the source whose edges go through it."""
    for source, ends in level.nets.items():
        ports = [item for item in (level.starts[source], *ends) if item not in level.sizes]
        yield from ((port, source) for port in ports)
