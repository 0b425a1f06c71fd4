"""What stands around the picture in an SVG: the title above, and what the signs mean below."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from atlas.draw import palette
from atlas.draw.layout.geometry import DETAIL, MARGIN, STACK, TITLE, WIDEST, Box, text_width
from atlas.draw.model import FAMILY, KINDS, STEP, Node
from atlas.draw.shapes import number, outline
from atlas.pages.texts import wrapped, xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.draw.model import Drawing, Marks

_LEAST_WIDTH = 400.0
_TITLE_COLUMNS, _NOTE_COLUMNS, _MOST_LINES = 100, 140, 4
_TITLE_LINE, _NOTE_LINE, _LEGEND_LINE = 28.0, 18.0, 24.0
_SWATCH, _SWATCH_HEIGHT, _GAP = 26.0, 14.0, 18.0


class Frame(NamedTuple):
    """The head and foot of an SVG as text, its whole size, and where the picture begins."""

    width: float
    height: float
    left: float
    top: float
    head: str
    foot: str


class _Entry(NamedTuple):
    """One swatch of the legend: the node's classes, its kind, its sign and what that means."""

    classes: str
    kind: str
    sign: str
    meaning: str


def frame(
    drawing: Drawing, marks: Marks, width: float, height: float, *, titled: bool = True
) -> Frame:
    """Return what stands around a picture of a given size.

    Args:
        drawing: what is drawn.
        marks: a node's id → its outcome.
        width: of the picture, in pixels.
        height: likewise.
        titled: whether the title is part of it; a page may have it above.
    """
    notes = [line for note in drawing.notes for line in wrapped(note, _NOTE_COLUMNS, _MOST_LINES)]
    title = wrapped(drawing.title, _TITLE_COLUMNS, _MOST_LINES) if titled else []
    sized = [*((line, TITLE) for line in title), *((note, DETAIL) for note in notes)]
    widest = max((text_width(line, size) for line, size in sized), default=0.0)
    whole = min(max(width, _LEAST_WIDTH, widest + 2 * MARGIN), max(width, float(WIDEST)))
    top = MARGIN / 2 + _TITLE_LINE * len(title) + _NOTE_LINE * len(notes)
    foot, rows = _legend(_entries(drawing, marks), whole, top + height)
    return Frame(
        width=whole,
        height=top + height + rows * _LEGEND_LINE + (MARGIN / 2 if rows else 0),
        left=(whole - width) / 2,
        top=top,
        head="\n".join(_head(title, notes)),
        foot=foot,
    )


def _head(title: list[str], notes: list[str]) -> Iterator[str]:
    """Give the title's lines and the notes below it."""
    for index, line in enumerate(title):
        y = MARGIN / 2 + _TITLE_LINE * index + 20
        yield f'<text class="title" x="{MARGIN}" y="{number(y)}">{xml(line)}</text>'
    for index, note in enumerate(notes):
        y = MARGIN / 2 + _TITLE_LINE * len(title) + _NOTE_LINE * (index + 0.75)
        yield f'<text class="small" x="{MARGIN}" y="{number(y)}">{xml(note)}</text>'


def _entries(drawing: Drawing, marks: Marks) -> list[_Entry]:
    """Return what there is to explain: the kinds, changes and outcomes that are drawn."""
    nouns: dict[str, dict[str, None]] = {}
    for node in drawing.nodes:
        if node.kind != STEP:
            nouns.setdefault(node.kind, {})[node.noun or node.kind] = None
    states = {palette.state(node, marks.get(node.id, "")) for node in drawing.nodes}
    shown = [
        _Entry(f"node {kind}", kind, "", " or ".join(nouns[kind]))
        for kind in KINDS
        if kind in nouns
    ]
    if any(node.is_rival for node in drawing.nodes):
        shown.append(_Entry(f"node step {palette.RIVAL}", STEP, "", "the challenger's"))
    return shown + [
        _Entry(f"node step {state}", STEP, sign, state)
        for state, sign in palette.SIGNS.items()
        if state in states
    ]


def _legend(entries: list[_Entry], width: float, top: float) -> tuple[str, int]:
    """Return the legend, and how many lines it takes."""
    x, row = float(MARGIN), 0
    parts = []
    for entry in entries:
        needed = _SWATCH + 6 + text_width(entry.meaning, DETAIL) + _GAP
        if x + needed > width and x > MARGIN:
            x, row = float(MARGIN), row + 1
        parts.append(_swatch(entry, x, top + row * _LEGEND_LINE))
        x += needed
    return "\n".join(parts), row + 1 if entries else 0


def _swatch(entry: _Entry, x: float, y: float) -> str:
    """Return one swatch and what it means."""
    many = "members" if entry.kind == FAMILY else ""
    more = STACK if many else 0
    box = Box(x, y - more, _SWATCH + more, _SWATCH_HEIGHT + 2 * more)
    shape = outline(Node("", "", entry.kind, many=many), box)
    sign = f'<text class="small middle" x="{number(x + _SWATCH / 2)}" y="{number(y + 11)}">'
    mark = f"{sign}{entry.sign}</text>" if entry.sign else ""
    words = f'<text class="small" x="{number(x + _SWATCH + 6)}" y="{number(y + 11)}">'
    return f'<g class="{entry.classes}">{shape}{mark}</g>{words}{xml(entry.meaning)}</text>'
