"""The picture of an interval: a dot for the value, and a line, on the metric's scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlas.cards.words import interval, number
from atlas.pages import xml

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.cards.card import CardMetric

_WIDTH, _HEIGHT, _EDGE = 180.0, 14.0, 6.0


def scale_of(metrics: Sequence[CardMetric], name: str) -> tuple[float, float] | None:
    """Return the least and the greatest number that is shown of a metric; None where none is."""
    ends = [
        end
        for metric in metrics
        if metric.name == name and metric.low is not None and metric.high is not None
        for end in (metric.low, metric.high, metric.value)
    ]
    if not ends or not all(map(math.isfinite, ends)):
        return None
    low, high = min(ends), max(ends)
    return (low, high) if high > low else None


def interval_bar(metric: CardMetric, scale: tuple[float, float] | None) -> str:
    """Return the picture as SVG; nothing where there is no interval."""
    if scale is None or metric.low is None or metric.high is None:
        return ""
    low, value, high = (_place(end, scale) for end in (metric.low, metric.value, metric.high))
    middle = _HEIGHT / 2
    label = f"{number(metric.value)}, interval {interval(metric)[0]}"
    ends = "".join(f'<path d="M{x:.1f} 3V11"/>' for x in (low, high))
    return (
        f'<svg class="bar" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" '
        f'aria-label="{xml(label)}"><line class="axis" x1="0" x2="{_WIDTH:.0f}" y1="{middle}" '
        f'y2="{middle}"/><line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>{ends}'
        f'<circle cx="{value:.1f}" cy="{middle}" r="4"/></svg>'
    )


def _place(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    return _EDGE + (_WIDTH - 2 * _EDGE) * (value - low) / (high - low)
