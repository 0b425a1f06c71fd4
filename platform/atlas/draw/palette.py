"""Colours and signs: of each kind, change and outcome, on light and on dark pages.

No meaning is in a colour alone: kinds differ in shape, changes and outcomes in a sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from atlas.draw.model import (
    ADDED,
    CHANGED,
    CONDITION,
    DATA,
    FAMILY,
    MODEL,
    PIPELINE,
    RECIPE,
    REMOVED,
    STEP,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.draw.model import Node


class Colours(NamedTuple):
    """A fill and an outline, for a light and for a dark page."""

    fill: str
    line: str
    dark_fill: str
    dark_line: str


PAGE = Colours("#ffffff", "#6e7781", "#0d1117", "#8b949e")
GROUP = Colours("#f6f8fa", "#afb8c1", "#161b22", "#3d444d")
TEXT = Colours("#1f2328", "#4d5661", "#f0f6fc", "#b1bac4")
"""Of text, the fill is that of labels and the line that of all else."""

_GREY = Colours("#f6f8fa", "#57606a", "#21262d", "#8b949e")
_YELLOW = Colours("#fff8c5", "#9a6700", "#3b2e0a", "#d29922")
_PURPLE = Colours("#fbefff", "#8250df", "#2b1d4a", "#a371f7")
_BLUE = Colours("#ddf4ff", "#0969da", "#0c2d52", "#4493f8")
_GREEN = Colours("#dafbe1", "#1a7f37", "#0f3320", "#3fb950")
_RED = Colours("#ffebe9", "#cf222e", "#4a1517", "#f85149")
_ORANGE = Colours("#fff1e5", "#bc4c00", "#45200a", "#db6d28")

COLOURS: Mapping[str, Colours] = {
    STEP: _GREY._replace(fill="#ffffff"),
    RECIPE: _GREY,
    CONDITION: _ORANGE._replace(fill="#ffffff"),
    DATA: _YELLOW,
    MODEL: _PURPLE,
    PIPELINE: _BLUE,
    FAMILY: _BLUE,
    ADDED: _GREEN,
    REMOVED: _RED,
    CHANGED: _ORANGE,
    "ran": _GREEN,
    "cached": _BLUE,
    "failed": _RED,
    "skipped": _GREY,
    "running": _ORANGE,
    "waiting": _GREY._replace(fill="#ffffff"),
}
"""Kind, change or outcome → its colours."""

RIVAL = "rival"
"""Class of a node of the challenger's, which is drawn dashed."""
EDGES: Mapping[str, Colours] = {
    "plain": PAGE,
    ADDED: _GREEN,
    REMOVED: _RED,
}
"""Change of an edge, or ``plain`` → its colours."""

SIGNS: Mapping[str, str] = {
    ADDED: "+",
    REMOVED: "\N{MINUS SIGN}",
    CHANGED: "~",
    "ran": "\N{CHECK MARK}",
    "cached": "=",
    "failed": "\N{MULTIPLICATION X}",
    "skipped": "\N{EN DASH}",
    "running": "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}",
    "waiting": "\N{MIDDLE DOT}",
}
"""Change or outcome → its sign."""


def state(node: Node, outcome: str) -> str:
    """Return what a node's colour and sign tell: its outcome, else its change, else nothing.

    An outcome without a colour of its own counts as waiting.
    """
    if outcome:
        return outcome if outcome in COLOURS else "waiting"
    return node.change
