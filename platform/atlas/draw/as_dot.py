"""A drawing as DOT, for Graphviz: to lay out as it likes, or with every place already given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw import hover, palette
from atlas.draw.layout import layered
from atlas.draw.layout.geometry import DETAIL, LABEL, STACK, TITLE, group_label, lines, text_width
from atlas.draw.model import (
    CONDITION,
    DATA,
    FAMILY,
    MODEL,
    ORDER,
    PIPELINE,
    RECIPE,
    REMOVED,
    STEP,
    Group,
)
from atlas.draw.nesting import nested
from atlas.pages.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.draw.layout import Layout, Point
    from atlas.draw.model import Drawing, Edge, Marks, Node

POINTS = 72
"""Points to the inch; a pixel here is a point there."""
_SHAPES: Mapping[str, str] = {
    STEP: "box",
    DATA: "cylinder",
    MODEL: "hexagon",
    PIPELINE: "component",
    FAMILY: "component",
    RECIPE: "folder",
    CONDITION: "diamond",
}
_FONT = "DejaVu Sans"
_SIZE = (LABEL + DETAIL) // 2
"""Font size of a node's lines, which in DOT is one for all of them."""
_ARROW = 9.0
"""How far before its end an edge stops, so that its arrowhead is painted there."""


def dot(drawing: Drawing, marks: Marks | None = None, *, layout: Layout | None = None) -> str:
    """Return a drawing in DOT.

    Args:
        drawing: what to draw.
        marks: a node's id → its outcome.
        layout: where everything goes, to be drawn there by ``neato -n2``; without it, the text is
            for ``dot``, which finds places of its own.
    """
    places = _Places(layout) if layout else None
    return "\n".join((*_lines(drawing, drawing.outcomes(marks), places), ""))


class _Places:
    """The places of a layout as Graphviz writes them: in points, upwards from the lower left."""

    def __init__(self, layout: Layout) -> None:
        """Turn a layout over."""
        self.layout = layout

    def of_node(self, node: Node) -> Iterator[str]:
        """Give a node's size and its middle."""
        box, back = self.layout.nodes[node.id], 2 * STACK if node.is_stack else 0
        yield f"width={(box.width - back) / POINTS:.4f}"
        yield f"height={(box.height - back) / POINTS:.4f}"
        yield f'fixedsize=true, pos="{self._point((box.middle, box.y + box.height / 2))}"'

    def of_group(self, group: Group) -> Iterator[str]:
        """Give a group's box and the middle of its label."""
        box = self.layout.groups[group.id]
        middle = box.x + 10 + text_width(group_label(group), DETAIL) / 2
        yield self._box("bb", box.x, box.y, box.x + box.width, box.bottom)
        yield f'lp="{self._point((middle, box.y + 14))}"'

    def of_edge(self, pair: tuple[str, str]) -> str:
        """Return an edge's curves, the last of which ends where the arrowhead begins."""
        *route, bend, end = self.layout.routes[pair]
        (dx, dy), (x, y) = (end[0] - bend[0], end[1] - bend[1]), end
        part = min(_ARROW / max(abs(dx) + abs(dy), _ARROW), 1.0)
        neck = (x - dx * part, y - dy * part)
        points = " ".join(self._point(point) for point in (*route, bend, neck))
        return f'pos="e,{self._point(end)} {points}"'

    def page(self) -> str:
        """Return the whole size."""
        return self._box("bb", 0, 0, self.layout.width, self.layout.height)

    def _box(self, name: str, left: float, top: float, right: float, low: float) -> str:
        return f'{name}="{self._point((left, low))},{self._point((right, top))}"'

    def _point(self, point: Point) -> str:
        return f"{point[0]:.1f},{self.layout.height - point[1]:.1f}"


def _lines(drawing: Drawing, marks: Marks, places: _Places | None) -> Iterator[str]:
    """Give the graph line by line."""
    title = _quoted(drawing.title, *drawing.notes)
    yield "digraph {"
    yield f'  graph [label={title}, labelloc=t, labeljust=l, fontsize={TITLE}, fontname="{_FONT}",'
    yield f"    nodesep=0.35, ranksep=0.5, {places.page() if places else _way(drawing)}]"
    yield f'  node [fontname="{_FONT}", fontsize={_SIZE}, style=filled]'
    yield f'  edge [fontname="{_FONT}", fontsize=10, color="{palette.PAGE.line}", arrowsize=0.8]'
    for depth, thing in nested(drawing):
        yield f"{'  ' * depth}{_thing(thing, marks, places)}"
    for pair, edges in drawing.pairs().items():
        if not places or pair in places.layout.routes:
            settings = ", ".join(_edge(edges, pair, places))
            yield f"  {_quoted(pair[0])} -> {_quoted(pair[1])} [{settings}]"
    yield "}"


def _way(drawing: Drawing) -> str:
    return f"rankdir={'LR' if layered(drawing).is_rightwards else 'TB'}"


def _thing(thing: Node | Group | None, marks: Marks, places: _Places | None) -> str:
    """Return a node, a group's beginning, or its end."""
    if thing is None:
        return "}"
    if isinstance(thing, Group):
        settings = ", ".join(_group(thing, places))
        return f"subgraph {_quoted(f'cluster_{thing.id}')} {{ graph [{settings}]"
    return f"{_quoted(thing.id)} [{', '.join(_node(thing, marks.get(thing.id, ''), places))}]"


def _node(node: Node, outcome: str, places: _Places | None) -> Iterator[str]:
    """Give a node's settings."""
    state = palette.state(node, outcome)
    colours = palette.COLOURS[state or node.kind]
    sign = f" {palette.SIGNS[state]}" if state else ""
    first, *more = lines(node)
    yield f"shape={_SHAPES[node.kind]}, label={_quoted(first + sign, *more)}"
    yield f'fillcolor="{colours.fill}", color="{colours.line}"'
    yield f"tooltip={_quoted(*hover.of_node(node, outcome).splitlines())}"
    yield from ("peripheries=2",) if node.is_stack else ()
    yield from ('style="filled,dashed"',) if node.is_rival else ()
    yield from places.of_node(node) if places else ()


def _group(group: Group, places: _Places | None) -> Iterator[str]:
    """Give a group's settings."""
    yield f"label={_quoted(group_label(group))}, labeljust=l, fontsize={DETAIL}"
    yield f'style="rounded,filled", fillcolor="{palette.GROUP.fill}", color="{palette.GROUP.line}"'
    yield from places.of_group(group) if places else ()


def _edge(edges: Sequence[Edge], pair: tuple[str, str], places: _Places | None) -> Iterator[str]:
    """Give the settings of the arrow for all edges between two nodes."""
    labels = (f"{palette.SIGNS.get(edge.change, '')}{edge.label}" for edge in edges)
    label = ", ".join(dict.fromkeys(label for label in labels if label))
    yield places.of_edge(pair) if places else f"label={_quoted(label)}"
    yield f"tooltip={_quoted(*hover.of_edges(edges).splitlines())}"
    if all(edge.kind == ORDER or edge.change == REMOVED for edge in edges):
        yield "style=dashed"
    changes = {edge.change for edge in edges}
    if len(changes) == 1 and changes <= palette.EDGES.keys():
        yield f'color="{palette.EDGES[changes.pop()].line}"'


def _quoted(*texts: str) -> str:
    """Return lines of text as a quoted string, in which entities and backslashes have a meaning."""
    escaped = (
        visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
        for text in texts
    )
    return '"' + "\\n".join(escaped) + '"'
