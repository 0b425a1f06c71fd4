"""SVG: one file without scripts or links, on light and dark pages alike, the same bytes each time.

Its styles are bound to an id made of its content, so several can stand in one HTML page.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from atlas.draw import hover, legend, palette
from atlas.draw.layout import layered
from atlas.draw.layout.geometry import LABEL, group_label, sized_lines, whole_label
from atlas.draw.model import DATA, ORDER
from atlas.draw.shapes import front, number, outline, rectangle
from atlas.draw.style import style
from atlas.pages.texts import xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.draw.layout.geometry import Box, Layout, Point
    from atlas.draw.model import Drawing, Edge, Group, Marks, Node

_ID = "\0"
"""Stands for the drawing's id until its content is known; no visible text has it."""
_LINE, _BADGE = 17, 9


def svg(
    drawing: Drawing,
    marks: Marks | None = None,
    *,
    layout: Layout | None = None,
    titled: bool = True,
) -> str:
    """Return a drawing as one SVG element.

    Args:
        drawing: what to draw.
        marks: a node's id (a step's full name, for one Plan) → its outcome: one of
            `atlas.draw.OUTCOMES`. A step that isn't named keeps its plain colour.
        layout: where things are; found by `atlas.draw.layout.layered` if it isn't given.
        titled: whether the title is in the picture; not where the page around it has one.

    Returns:
        The element, without an XML declaration: a file of its own, or part of an HTML page.
    """
    marks = drawing.outcomes(marks)
    layout = layout or layered(drawing)
    frame = legend.frame(drawing, marks, layout.width, layout.height, titled=titled)
    shift = f'<g transform="translate({number(frame.left)} {number(frame.top)})">'
    inner = "\n".join((frame.head, shift, *_inner(drawing, marks, layout), "</g>", frame.foot))
    text = "\n".join((*_opening(drawing, frame.width, frame.height), inner, "</svg>\n"))
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    return text.replace(_ID, f"atlas-{digest[:10]}")


def _opening(drawing: Drawing, width: float, height: float) -> Iterator[str]:
    """Give the root element, what it says to who can't see it, and its styles."""
    size = f'width="{number(width)}" height="{number(height)}"'
    box = f'viewBox="0 0 {number(width)} {number(height)}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" id="{_ID}" {size} {box} role="img"'
    yield f' aria-labelledby="{_ID}-title {_ID}-desc">'
    yield f'<title id="{_ID}-title">{xml(drawing.title)}</title>'
    yield f'<desc id="{_ID}-desc">{xml(drawing.summary())}</desc>'
    yield f"<style>{style(_ID, width)}</style>"
    yield f"<defs>{''.join(map(_arrow, palette.EDGES))}</defs>"
    yield f'<rect class="page" width="{number(width)}" height="{number(height)}"/>'


def _arrow(name: str) -> str:
    """Return the arrowhead of one kind of edge."""
    return (
        f'<marker id="{_ID}-{name}" class="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto"><path d="M0 .5L8 4L0 7.5Z"/></marker>'
    )


def _inner(drawing: Drawing, marks: Marks, layout: Layout) -> Iterator[str]:
    """Give the groups, above them the edges, above these what is written, and the nodes."""
    groups = [(group, layout.groups[group.id]) for group in _outermost_first(drawing, layout)]
    for group, box in groups:
        tip = f"<title>{xml(whole_label(group))}</title>"
        yield f'<g class="group">{tip}{rectangle(box, 8)}</g>'
    numbers = {node.id: index for index, node in enumerate(drawing.nodes)}
    for (source, target), edges in drawing.pairs().items():
        if route := layout.routes.get((source, target)):
            yield _edge(edges, route, f"{numbers[source]}-{numbers[target]}")
    for group, box in groups:
        yield _text(box.x + 10, box.y + 18, group_label(group), "small halo")
    for node in drawing.nodes:
        yield _node(node, layout.nodes[node.id], marks.get(node.id, ""), numbers[node.id])


def _outermost_first(drawing: Drawing, layout: Layout) -> list[Group]:
    """Return the groups that are drawn; inner ones are smaller, and lie above."""
    drawn = (group for group in drawing.groups if group.id in layout.groups)
    return sorted(drawn, key=lambda group: -layout.groups[group.id].height)


def _edge(edges: Sequence[Edge], route: tuple[Point, ...], pair: str) -> str:
    """Return the one arrow that stands for all edges between two nodes."""
    changes = {edge.change for edge in edges}
    change = changes.pop() if len(changes) == 1 else ""
    order = " order" if all(edge.kind == ORDER for edge in edges) else ""
    points = [f"{number(x)} {number(y)}" for x, y in route]
    path = f"M{points[0]}C{' '.join(points[1:])}"
    return (
        f'<g class="edge {change or "plain"}{order}" data-edge="{pair}">'
        f"<title>{xml_lines(hover.of_edges(edges))}</title>"
        f'<path d="{path}" marker-end="url(#{_ID}-{change or "plain"})"/></g>'
    )


def _node(node: Node, box: Box, outcome: str, index: int) -> str:
    """Return one node: outline, what is written on it, its sign, and its hover text."""
    state, rival = palette.state(node, outcome), palette.RIVAL if node.is_rival else ""
    own = front(node, box)
    classes = " ".join(filter(None, ("node", node.kind, rival, state)))
    parts = (
        f'<g class="{classes}" data-node="{index}">',
        f"<title>{xml_lines(hover.of_node(node, outcome))}</title>",
        outline(node, box),
        *_written(node, own),
        _badge(own, state) if state else "",
        "</g>",
    )
    return "".join(parts)


def _written(node: Node, box: Box) -> Iterator[str]:
    """Give the lines of a node, in the middle of its box."""
    shown = sized_lines(node)
    lid = 2.5 if node.kind == DATA else 0
    y = box.y + box.height / 2 - _LINE * (len(shown) - 1) / 2 + LABEL * 0.35 + lid
    for index, (line, size) in enumerate(shown):
        kind = "middle" if size == LABEL else "small middle"
        yield _text(box.middle, y + index * _LINE, line, kind)


def _badge(box: Box, state: str) -> str:
    x, y = box.x + box.width, box.y
    circle = f'<circle cx="{number(x)}" cy="{number(y)}" r="{_BADGE}"/>'
    return f'<g class="badge">{circle}{_text(x, y + 4, palette.SIGNS[state], "middle")}</g>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}">{xml(text)}</text>'


def xml_lines(text: str) -> str:
    """Return lines of visible text for the content of an element."""
    return "\n".join(xml(line) for line in text.split("\n"))
