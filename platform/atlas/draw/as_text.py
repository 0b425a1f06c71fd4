"""A drawing as plain text: a row for each node, no wider than the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.draw import palette
from atlas.draw.lanes import rows
from atlas.draw.model import (
    ADDED,
    CHANGED,
    CONDITION,
    DATA,
    FAMILY,
    MODEL,
    ORDER,
    PIPELINE,
    RECIPE,
    REMOVED,
    STEP,
    TIMES,
)
from atlas.pages.texts import clip, fit, pad, visible, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.draw.model import Drawing, Edge, Marks, Node

SYMBOLS: Mapping[str, str] = {
    STEP: "●", DATA: "◇", MODEL: "◆", PIPELINE: "▣", FAMILY: "▦", RECIPE: "◉",
    CONDITION: "◊",
}  # fmt: skip
"""Kind → what stands for it."""
_RIVAL = "○"
"""What stands for a step that the challenger runs."""

_GREEN, _RED, _YELLOW, _BLUE, _GREY = "32", "31", "33", "34", "90"
_COLOURS = {
    ADDED: _GREEN, REMOVED: _RED, CHANGED: _YELLOW, "ran": _GREEN, "cached": _BLUE, "failed": _RED,
    "skipped": _GREY, "running": _YELLOW, "waiting": _GREY,
}  # fmt: skip
_ASCII = str.maketrans(
    {
        **dict(zip("●○◇◆▣▦◉◊│─╰╯├┤┴┼·…", "*.o#@%&?|-`'++++-~", strict=True)), TIMES: "x",
        "←": "<-", **dict(zip(palette.SIGNS.values(), "+-~v=x->.", strict=True)),
    }
)  # fmt: skip
_LEAST_TEXT, _WIDEST_MARGIN = 40, 120
"""Columns that the text needs beside its lanes, and that these may take; else they are left out."""
_WIDEST_NAME = 48


def text(
    drawing: Drawing,
    marks: Marks | None = None,
    *,
    columns: int = 0,
    ascii_only: bool = False,
    colour: bool = False,
) -> str:
    """Return a drawing as text.

    Args:
        drawing: what to draw.
        marks: a node's id → its outcome.
        columns: of the terminal; lines are cut to it; 0 for lines as long as need be.
        ascii_only: draw and write with nothing but ASCII.
        colour: tell changes and outcomes by ANSI colours too, not by signs alone.

    Returns:
        Lines without trailing spaces, ending with a line break.
    """
    marks = drawing.outcomes(marks)
    rows = _rows(drawing, marks, columns)
    lines = [
        *_plain(drawing.title, *drawing.notes, ""),
        *rows,
        *_plain(*_legend(drawing, marks)),
    ]
    written = "\n".join(
        _painted(clip(line, columns), state if colour else "") for state, line in lines
    )
    return _ascii(f"{written}\n") if ascii_only else f"{written}\n"


def _plain(*lines: str) -> Iterator[tuple[str, str]]:
    return (("", visible(line)) for line in lines)


def _rows(drawing: Drawing, marks: Marks, columns: int) -> Iterator[tuple[str, str]]:
    """Give every node's line with its change or outcome, below it what changed."""
    nodes = {node.id: node for node in drawing.nodes}
    states = {node.id: palette.state(node, marks.get(node.id, "")) for node in drawing.nodes}
    room = columns - _LEAST_TEXT if columns else _WIDEST_MARGIN
    graph = rows(drawing.upstream(), max(room, 0) // 2)
    margins = _margins([(nodes[row.node], row.margin) for row in graph])
    names, reads = _names(drawing), _reads(drawing)
    cells = [_cells(nodes[row.node], names, reads.get(row.node, [])) for row in graph]
    for row, margin, line in zip(graph, margins, _aligned(cells), strict=True):
        sign = f"{palette.SIGNS.get(states[row.node], ' ')} " if any(states.values()) else ""
        yield states[row.node], f"{sign}{margin}{line}".rstrip()
        for name, change in nodes[row.node].changes.items():
            indent = " " * (len(sign) + len(margin) + 2)
            yield states[row.node], f"{indent}{visible(f'{name}: {change}')}"


def _margins(graph: Sequence[tuple[Node, str]]) -> list[str]:
    """Return every row's lanes, all of one width, with the sign of the node's kind."""
    widest = max((len(margin) for _, margin in graph), default=0) + 1
    return [pad(margin.replace("\0", _symbol(node)), widest) for node, margin in graph]


def _symbol(node: Node) -> str:
    return _RIVAL if node.is_rival and node.kind == STEP else SYMBOLS[node.kind]


def _cells(node: Node, names: Mapping[str, str], reads: Sequence[Edge]) -> list[str]:
    """Return what is written of a node: name, class, what it is there many times for, inputs."""
    read = ", ".join(dict.fromkeys(_read(edge, names) for edge in reads))
    return [names[node.id], *map(visible, (node.detail, node.times(), f"← {read}" if read else ""))]


def _aligned(cells: list[list[str]]) -> Iterator[str]:
    """Give rows of cells in columns; an empty column takes no room."""
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(pad(cell, w) for cell, w in zip(row, widths, strict=True) if w).rstrip()


def _names(drawing: Drawing) -> dict[str, str]:
    """Return how each node is called: its id, without the Config's name if that is in all."""
    heads = {node.id.partition("/")[0] + "/" for node in drawing.nodes}
    head = heads.pop() if len(heads) == 1 else ""
    return {node.id: fit(node.id.removeprefix(head), _WIDEST_NAME) for node in drawing.nodes}


def _reads(drawing: Drawing) -> dict[str, list[Edge]]:
    """Return the edges that lead to each node."""
    reads: dict[str, list[Edge]] = {}
    for edge in drawing.edges:
        reads.setdefault(edge.target, []).append(edge)
    return reads


def _read(edge: Edge, names: Mapping[str, str]) -> str:
    """Return what one edge brings."""
    before = "after " if edge.kind == ORDER else ""
    output = f".{edge.label}" if edge.label else ""
    return f"{palette.SIGNS.get(edge.change, '')}{before}{names[edge.source]}{output}"


def _legend(drawing: Drawing, marks: Marks) -> list[str]:
    """Return a line that explains the symbols and signs that are used, or nothing."""
    kinds = {node.kind for node in drawing.nodes} - {STEP}
    states = {palette.state(node, marks.get(node.id, "")) for node in drawing.nodes}
    states |= {edge.change for edge in drawing.edges}
    shown = [f"{symbol} {kind}" for kind, symbol in SYMBOLS.items() if kind in kinds]
    if any(node.is_rival and node.kind == STEP for node in drawing.nodes):
        shown.append(f"{_RIVAL} the challenger's step")
    shown += [f"{sign} {state}" for state, sign in palette.SIGNS.items() if state in states]
    return ["", "   ".join(shown)] if shown else []


def _painted(line: str, state: str) -> str:
    """Return a line in the colour of a change or an outcome."""
    return f"\x1b[{_COLOURS[state]}m{line}\x1b[0m" if state in _COLOURS else line


def _ascii(written: str) -> str:
    return written.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
