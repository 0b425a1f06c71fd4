"""Boxes, routes and the sizes of what is written in them, in pixels."""

from __future__ import annotations

import unicodedata
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from atlas.dataclass import dataclass
from atlas.draw.model import CONDITION, DATA, FAMILY, MODEL, PIPELINE
from atlas.pages.texts import fit, visible, width, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.draw.model import Group, Node

Point: TypeAlias = tuple[float, float]

TITLE, LABEL, DETAIL = 16, 14, 12
"""Font sizes: of the drawing's title, of a node's first line, and of all else."""
LEAST_LABEL, SHOWN_WIDTH = 9, 1600
"""No label may be smaller than the first when the drawing is as wide as the second."""
PAGE_WIDTH = 1200.0
"""How wide the pages are that drawings are mostly seen on: of reports, notebooks and READMEs."""
MARGIN = 16
WIDEST = SHOWN_WIDTH * DETAIL // LEAST_LABEL
"""The width at which the smallest label is as small as it may be."""
STACK = 4
"""How far the further boxes of a stack stand out."""

_LABEL_COLUMNS, _DETAIL_COLUMNS, _MOST_LINES = 28, 32, 3
_TITLE_COLUMNS, _LEAST_DETAIL, _BETWEEN = 80, 12, " · "
_LINE = 17
_PADDING = 12
_SIDES = {MODEL: 12, PIPELINE: 8, FAMILY: 8}
_TOPS = {DATA: 10}
_LEAST_WIDTH = 72
_FLAT = 0.5
"""Which part of a diamond's height its text takes; of its width, it takes the rest."""
# Widths in hundredths of the font size, of DejaVu Sans: the widest of the fonts that may be used.
_WIDTHS = {
    30: "'IJijl",
    40: " ,./:;\\|()-[]ft",
    55: '"*_`!r?csz',
    80: "ABCKRVXZNU&DGHOQ#+<=>^w~",
    100: "%@WmM",
}
_WIDTH_OF = {char: width for width, chars in _WIDTHS.items() for char in chars}
_OTHER, _FOREIGN, _WIDE = 65, 80, 110


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> Box:
        """Return the same rectangle elsewhere."""
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is.

    Attributes:
        width: of the whole, margins included.
        height: likewise.
        nodes: a node's id → its box, all that is drawn of it inside.
        groups: a group's id → its box.
        routes: source and target → the points of cubic Bézier curves: a start, then three for each.
        is_rightwards: whether it is read from left to right, in one band that fits a page.
    """

    width: float
    height: float
    nodes: Mapping[str, Box] = field(default_factory=dict)
    groups: Mapping[str, Box] = field(default_factory=dict)
    routes: Mapping[tuple[str, str], tuple[Point, ...]] = field(default_factory=dict)
    is_rightwards: bool = False

    @property
    def least_label(self) -> float:
        """The size of the smallest label when the drawing is at most `SHOWN_WIDTH` wide."""
        return DETAIL * min(1.0, SHOWN_WIDTH / self.width)


def text_width(text: str, size: int) -> float:
    """Return how wide a text is at most, in pixels."""
    return sum(map(_char_width, text)) * size / 100


def lines(node: Node) -> tuple[str, ...]:
    """Return what is written in a node: label, class, what it is there many times for, changes."""
    return tuple(line for line, _ in sized_lines(node))


def sized_lines(node: Node) -> list[tuple[str, int]]:
    """Return the lines that are written in a node, each with its font size; the label's first."""
    changes = f"changed: {', '.join(node.changes)}" if node.changes else ""
    label = [(line, LABEL) for line in wrapped(node.label, _LABEL_COLUMNS, _MOST_LINES)]
    more = [
        (line, DETAIL)
        for part in (node.detail, node.times(), changes)
        if part
        for line in wrapped(part, _DETAIL_COLUMNS, _MOST_LINES)
    ]
    return label + more


def group_label(group: Group) -> str:
    """Return what is written on a group's box; a long file's name gives way to the group's own."""
    room = _TITLE_COLUMNS - width(visible(group.label)) - len(_BETWEEN)
    detail = fit(group.detail, room) if room >= _LEAST_DETAIL else ""
    return fit(f"{group.label}{_BETWEEN if detail else ''}{detail}", _TITLE_COLUMNS)


def whole_label(group: Group) -> str:
    """Return what a group shows on hover: what is written on it, with nothing cut."""
    return _BETWEEN.join(filter(None, (group.label, group.detail)))


def node_size(node: Node) -> tuple[float, float]:
    """Return a node's width and height, with room for the outline of its kind."""
    written = sized_lines(node)
    widest = max(text_width(line, size) for line, size in written)
    if node.kind == CONDITION:
        return _diamond(widest, len(written) * _LINE)
    stack = 2 * STACK if node.is_stack else 0
    width = max(widest + 2 * (_PADDING + _SIDES.get(node.kind, 0)), _LEAST_WIDTH) + stack
    height = len(written) * _LINE + 2 * _PADDING + _TOPS.get(node.kind, 0) + stack
    return float(round(width)), float(round(height))


def _diamond(width: float, height: float) -> tuple[float, float]:
    """Return the size of the diamond around a text: flat, as most texts are."""
    return float(round(width / (1 - _FLAT) + _PADDING)), float(round(height / _FLAT))


def _char_width(char: str) -> int:
    """Return a character's width in hundredths of the font's size."""
    if char.isascii():
        return _WIDTH_OF.get(char, _OTHER)
    if unicodedata.combining(char):
        return 0
    return _WIDE if unicodedata.east_asian_width(char) in "WF" else _FOREIGN
