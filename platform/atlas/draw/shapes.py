"""The outline of each kind of node, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw.layout.geometry import STACK, Box
from atlas.draw.model import CONDITION, DATA, FAMILY, MODEL, PIPELINE, RECIPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.draw.model import Node

_LID, _SIDE, _BAR, _INSET = 5.0, 12.0, 6.0, 3.0
"""Half a cylinder's lid, a hexagon's side, a bar's and an inner outline's distance."""


def number(value: float) -> str:
    """Return a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def front(node: Node, box: Box) -> Box:
    """Return the part of a node's box that is written on; the rest shows the stack behind it."""
    back = 2 * STACK if node.is_stack else 0
    return Box(box.x, box.y, box.width - back, box.height - back)


def outline(node: Node, box: Box) -> str:
    """Return a node's outline; what is there many times stands before two more of its kind."""
    draw = _OUTLINES.get(node.kind, _step)
    own = front(node, box)
    behind = (2 * STACK, STACK) if node.is_stack else ()
    return "".join(draw(own.moved(shift, shift)) for shift in (*behind, 0))


def rectangle(box: Box, radius: float, extra: str = "") -> str:
    """Return a rectangle with round corners."""
    x, y, width, height = map(number, (box.x, box.y, box.width, box.height))
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{number(radius)}"{extra}/>'


def _step(box: Box) -> str:
    return rectangle(box, 6)


def _recipe(box: Box) -> str:
    """A step around a step: a double outline."""
    inner = Box(box.x + _INSET, box.y + _INSET, box.width - 2 * _INSET, box.height - 2 * _INSET)
    return rectangle(box, 6) + rectangle(inner, 4, ' class="bar"')


def _data(box: Box) -> str:
    """A cylinder."""
    left, right, half = number(box.x), number(box.x + box.width), number(box.width / 2)
    top, low = number(box.y + _LID), number(box.bottom - _LID)
    lid = f"A{half} {number(_LID)} 0 0"
    body = f"M{left} {top}{lid} 1 {right} {top}V{low}{lid} 1 {left} {low}Z"
    return f'<path d="{body}"/><path class="bar" d="M{left} {top}{lid} 0 {right} {top}"/>'


def _model(box: Box) -> str:
    """A hexagon."""
    xs = (box.x, box.x + _SIDE, box.x + box.width - _SIDE, box.x + box.width)
    left, inner, outer, right = map(number, xs)
    top, middle, low = map(number, (box.y, box.y + box.height / 2, box.bottom))
    upper = f"M{left} {middle}L{inner} {top}H{outer}"
    return f'<path d="{upper}L{right} {middle}L{outer} {low}H{inner}Z"/>'


def _condition(box: Box) -> str:
    """A diamond."""
    left, right = number(box.x), number(box.x + box.width)
    middle, half = number(box.middle), number(box.y + box.height / 2)
    top, low = number(box.y), number(box.bottom)
    return f'<path d="M{left} {half}L{middle} {top}L{right} {half}L{middle} {low}Z"/>'


def _pipeline(box: Box) -> str:
    """A rectangle with a bar at each side."""
    left, right = number(box.x + _BAR), number(box.x + box.width - _BAR)
    top, low = number(box.y), number(box.bottom)
    bars = f'<path class="bar" d="M{left} {top}V{low}M{right} {top}V{low}"/>'
    return rectangle(box, 2) + bars


_OUTLINES: Mapping[str, Callable[[Box], str]] = {
    DATA: _data,
    MODEL: _model,
    PIPELINE: _pipeline,
    FAMILY: _pipeline,
    RECIPE: _recipe,
    CONDITION: _condition,
}
