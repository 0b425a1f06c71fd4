"""A drawing as Mermaid, which GitHub, GitLab and many wikis show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.draw import palette
from atlas.draw.layout import layered
from atlas.draw.layout.geometry import group_label, lines
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

    from atlas.draw.model import Drawing, Edge, Marks, Node

_SHAPES: Mapping[str, tuple[str, str]] = {
    STEP: ("[", "]"),
    DATA: ("[(", ")]"),
    MODEL: ("{{", "}}"),
    PIPELINE: ("[[", "]]"),
    FAMILY: ("[[", "]]"),
    RECIPE: ("[[", "]]"),
    CONDITION: ("{", "}"),
}
_WIDEST_LINE = 800
"""How wide a drawing may be that is left one line; labels on its arrows make it longer there."""
_ESCAPED = {char: f"#{ord(char)};" for char in "#&<>\"'`\\*_~[](){}|%:;@$"}
"""Mermaid's entities; it knows decimal numbers, and needs no other."""


def mermaid(drawing: Drawing, marks: Marks | None = None) -> str:
    """Return a drawing as a Mermaid flowchart.

    Args:
        drawing: what to draw.
        marks: a node's id → its outcome.
    """
    return "\n".join((*_lines(drawing, drawing.outcomes(marks)), ""))


def _lines(drawing: Drawing, marks: Marks) -> Iterator[str]:
    """Give the chart line by line; ids are numbers, so that no name can be read as Mermaid."""
    number = {node.id: f"n{index}" for index, node in enumerate(drawing.nodes)}
    boxes = {group.id: f"g{index}" for index, group in enumerate(drawing.groups)}
    yield "---"
    yield f"title: {json.dumps(visible(drawing.title), ensure_ascii=False)}"
    yield "---"
    yield f"flowchart {_direction(drawing)}"
    yield from (f"  %% {_escaped(note)}" for note in drawing.notes)
    for depth, thing in nested(drawing):
        yield f"{'  ' * depth}{_thing(thing, boxes if isinstance(thing, Group) else number)}"
    for (source, target), edges in drawing.pairs().items():
        yield f"  {number[source]} {_arrow(edges)} {number[target]}"
    yield from _classes(drawing, marks, number)


def _direction(drawing: Drawing) -> str:
    """Return the direction: rightwards where GitHub needn't make that smaller than can be read."""
    layout = layered(drawing)
    return "LR" if layout.is_rightwards and layout.width <= _WIDEST_LINE else "TB"


def _thing(thing: Node | Group | None, number: Mapping[str, str]) -> str:
    """Return a node, a group's beginning, or its end."""
    if thing is None:
        return "end"
    if isinstance(thing, Group):
        return f'subgraph {number[thing.id]}["{_escaped(group_label(thing))}"]'
    return _node(thing, number[thing.id])


def _node(node: Node, number: str) -> str:
    """Return one node; what is there many times has a shape of its own."""
    label = "<br/>".join(_escaped(line) for line in lines(node))
    if node.is_stack:
        return f'{number}[/"{label}"/]'
    opening, closing = _SHAPES[node.kind]
    return f'{number}{opening}"{label}"{closing}'


def _arrow(edges: Sequence[Edge]) -> str:
    """Return the arrow for all edges between two nodes; order and what was removed is dotted."""
    labels = (f"{palette.SIGNS.get(edge.change, '')}{edge.label}" for edge in edges)
    label = ", ".join(dict.fromkeys(label for label in labels if label))
    dotted = all(edge.kind == ORDER or edge.change == REMOVED for edge in edges)
    arrow = "-.->" if dotted else "-->"
    return f'{arrow}|"{_escaped(label)}"|' if label else arrow


def _classes(drawing: Drawing, marks: Marks, number: Mapping[str, str]) -> Iterator[str]:
    """Give the colours of kinds, changes and outcomes."""
    states = {node.id: palette.state(node, marks.get(node.id, "")) for node in drawing.nodes}
    members: dict[str, list[str]] = {}
    for node in drawing.nodes:
        members.setdefault(states[node.id] or node.kind, []).append(number[node.id])
    for name, nodes in members.items():
        fill, line, *_ = palette.COLOURS[name]
        yield f"  classDef {name} fill:{fill},stroke:{line},color:{palette.TEXT.fill}"
        yield f"  class {','.join(nodes)} {name}"
    rivals = ",".join(number[node.id] for node in drawing.nodes if node.is_rival)
    if rivals:
        yield f"  classDef {palette.RIVAL} stroke-dasharray:5 3"
        yield f"  class {rivals} {palette.RIVAL}"


def _escaped(text: str) -> str:
    return "".join(_ESCAPED.get(char, char) for char in visible(text))
