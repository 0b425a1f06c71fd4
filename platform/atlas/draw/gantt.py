"""Bars over time, one for each unit of a run, and how each ended."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from atlas.draw.palette import COLOURS
from atlas.pages import xml
from atlas.pages.texts import fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.step import Outcome

_MOST_BARS = 500
_MARKS = ("ran", "cached", "failed")
_BAR, _GAP, _LABEL, _WIDTH = 16, 4, 220, 900


STYLE = "".join(
    (
        ".wide { overflow: auto; }\n",
        ".gantt { width: 100%; min-width: 640px; font-size: 11px; fill: currentColor; }\n",
        *(f".gantt .{mark} {{ fill: {COLOURS[mark].line}; }}\n" for mark in _MARKS),
        "@media (prefers-color-scheme: dark) {\n",
        *(f".gantt .{mark} {{ fill: {COLOURS[mark].dark_line}; }}\n" for mark in _MARKS),
        "}\n",
    )
)
"""The bars' colours, on a light and on a dark screen."""


def marks_of(
    outcomes: Mapping[tuple[str, int | None], Outcome], skipped: Mapping[str, str]
) -> dict[str, str]:
    """Return each step's mark in a drawing; of several keys, the worst."""
    marks = dict.fromkeys(skipped, "skipped")
    for (step, _), outcome in outcomes.items():
        mark = mark_of(outcome)
        if _WORSE[mark] >= _WORSE.get(marks.get(step, ""), -1):
            marks[step] = mark
    return marks


_WORSE = {"cached": 0, "ran": 1, "skipped": 2, "failed": 3}


def mark_of(outcome: Outcome) -> str:
    """Return how a unit ended: ran, cached, failed or skipped."""
    if outcome.is_skipped:
        return "skipped"
    return "failed" if not outcome.ok else "cached" if outcome.cached else "ran"


def gantt(outcomes: Mapping[tuple[str, int | None], Outcome]) -> str:
    """Return bars over time, one for each unit, as SVG."""
    spans = [
        (name, outcome, *span(outcome))
        for name, outcome in outcomes.items()
        if outcome.started and not outcome.is_skipped
    ]
    spans = sorted(spans, key=lambda span: (span[2], span[0][0]))[:_MOST_BARS]
    if not spans:
        return "<p>Nothing ran.</p>"
    start, end = min(span[2] for span in spans), max(span[3] for span in spans)
    scale = (_WIDTH - _LABEL - 80) / max(end - start, 0.001)
    height = len(spans) * (_BAR + _GAP) + _GAP
    bars = (
        _bar(index, name_of(*name), outcome, (begin - start) * scale, (finish - begin) * scale)
        for index, (name, outcome, begin, finish) in enumerate(spans)
    )
    box = f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Time of each step"'
    inner = f'<svg class="gantt" xmlns="http://www.w3.org/2000/svg" {box}>{"".join(bars)}</svg>'
    return f'<div class="wide">{inner}</div>'


def span(outcome: Outcome) -> tuple[float, float]:
    """Return when a unit began and ended, in seconds since 1970."""
    start = datetime.fromisoformat(outcome.started).timestamp()
    return start, start + outcome.seconds


def _bar(index: int, name: str, outcome: Outcome, left: float, width: float) -> str:
    top = _GAP + index * (_BAR + _GAP)
    text = f'<text x="{_LABEL - 8}" y="{top + 12}" text-anchor="end">{xml(fit(name, 34))}</text>'
    place = f'x="{_LABEL + left:.1f}" y="{top}" width="{max(width, 1.5):.1f}" height="{_BAR}"'
    bar = f'<rect {place} rx="2" class="{mark_of(outcome)}"/>'
    at = _LABEL + left + max(width, 1.5) + 4
    return f'{text}{bar}<text x="{at:.1f}" y="{top + 12}">{outcome.seconds:.2f} s</text>'


def name_of(step: str, item: int | None) -> str:
    """Return what a unit is called: its step, and which key's it is."""
    return step if item is None else f"{step}[{item}]"
