"""A frame with axes, as SVG: what all pictures of the page are drawn in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.monitor.report.words import number, percent
from atlas.pages import xml
from atlas.pages.texts import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WIDTH, HEIGHT = 360.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 12.0, 12.0, 26.0
_LABEL = 16
"""Most characters of a label below the axis."""


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """Where values are in a picture.

    Attributes:
        x: least and greatest value across.
        y: least and greatest value upward.
    """

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        """Return the place of a value from the left."""
        return LEFT + (WIDTH - LEFT - RIGHT) * _share(value, self.x)

    def upward(self, value: float) -> float:
        """Return the place of a value from the top."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _share(value, self.y)

    def point(self, x: float, y: float) -> str:
        """Return a point as paths have it."""
        return f"{self.across(x):.1f} {self.upward(y):.1f}"


def _share(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return round numbers between two, at most so many and one."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(count * step, 12) for count in range(first, last + 1)]


def top_of(values: Iterable[float]) -> float:
    """Return a round number at or above all values, and above 0."""
    most = max((value for value in values if math.isfinite(value)), default=0.0)
    if most <= 0.0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(most)) / 5.0
    return math.ceil(most / step * 1.02) * step


def picture(label: str, inner: str, height: float = HEIGHT) -> str:
    """Return a picture.

    Args:
        label: what it shows, for who doesn't see it.
        inner: its elements.
        height: of its box.
    """
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        f'aria-label="{xml(label)}">{inner}</svg>'
    )


def grid(frame: ChartFrame, *, percents: bool) -> str:
    """Return the lines across a picture, each with its number."""
    write = percent if percents else number
    lines = []
    for tick in ticks(*frame.y):
        y = frame.upward(tick)
        lines.append(
            f'<path class="grid" d="M{LEFT:.0f} {y:.1f}H{WIDTH - RIGHT:.0f}"/>'
            f'<text x="{LEFT - 6:.0f}" y="{y + 3.5:.1f}" class="end">{xml(write(tick))}</text>'
        )
    return "".join(lines)


def below(frame: ChartFrame, marks: Sequence[tuple[float, str]]) -> str:
    """Return labels below a picture: place and text."""
    y = HEIGHT - BOTTOM
    parts = [f'<path class="axis" d="M{LEFT:.0f} {y:.1f}H{WIDTH - RIGHT:.0f}"/>']
    for place, (value, text) in enumerate(marks):
        side = "middle" if 0 < place < len(marks) - 1 else ("start" if place == 0 else "end")
        side = "middle" if len(marks) == 1 else side
        x = frame.across(value)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" class="{side}">{_short(text)}</text>')
    return "".join(parts)


def _short(text: str) -> str:
    return xml(fit(text, _LABEL))


def path(points: Iterable[tuple[float, float | None]], point: Callable[[float, float], str]) -> str:
    """Return the commands of a line, with a gap where a value is None."""
    parts, pen = [], "M"
    for x, y in points:
        if y is None or not math.isfinite(y):
            pen = "M"
            continue
        parts.append(f"{pen}{point(x, y)}")
        pen = "L"
    return "".join(parts)
