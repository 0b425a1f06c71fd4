"""The page's pictures: a distribution then and now, and quantities over batches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlas.monitor.report.chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    ChartFrame,
    below,
    grid,
    path,
    picture,
    top_of,
)
from atlas.monitor.report.shapes import MISSING
from atlas.monitor.report.words import batch, day, number, percent, value_of
from atlas.monitor.report.words import name as named
from atlas.pages import xml
from atlas.pages.texts import fit
from atlas.profiles.columns import TIME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.monitor.report.content import Course, Line
    from atlas.monitor.report.shapes import FeatureShape

_ROW, _NAME = 30.0, 17
_BARS_LEFT, _BARS_RIGHT = 116.0, 52.0
_MOST_DOTS = 60
_NEAR = 6
_DAY, _DAYS = 10, 4 * 86_400.0


def distribution(name: str, shape: FeatureShape) -> str:
    """Return the picture of a feature's distribution, then and now."""
    label = f"Distribution of {name}, at training and now. {told(shape)}"
    return _bars(label, shape) if shape.labels else _histogram(label, shape)


def told(shape: FeatureShape) -> str:
    """Return what a distribution's picture shows, in words."""
    parts = []
    if shape.gap is not None:
        at = value_of(shape.kind, shape.gap.at)
        then, now = percent(shape.gap.then), percent(shape.gap.now)
        parts.append(f"Up to {at}: {then} of the rows at training, {now} now.")
    elif shape.labels:
        rows = zip(shape.labels, shape.then, shape.now, strict=True)
        label, then_share, now_share = max(rows, key=lambda row: abs(row[2] - row[1]))
        then, now = percent(then_share), percent(now_share)
        parts.append(f"{named(label)}: {then} at training, {now} now.")
    if any(shape.missing) and MISSING not in shape.labels:
        then, now = (percent(share) for share in shape.missing)
        parts.append(f"Missing: {then} at training, {now} now.")
    return " ".join(parts)


# Distributions ----------------------------------------------------------------------------------


def _histogram(label: str, shape: FeatureShape) -> str:
    """Return bins: those of now are filled, those of training are a line above."""
    edges = shape.edges
    frame = ChartFrame((edges[0], edges[-1]), (0.0, top_of((*shape.then, *shape.now))))
    middle = edges[0] / 2.0 + edges[-1] / 2.0
    shown = (edges[0], middle, edges[-1])
    marks = [(value, _mark(shape.kind, value, edges)) for value in shown]
    area = f"{_outline(frame, shape.now, edges)}V{frame.upward(0.0):.1f}H{LEFT:.1f}Z"
    inner = (
        grid(frame, percents=True),
        f'<path class="area now" d="{area}"/>',
        f'<path class="line then" d="{_outline(frame, shape.then, edges)}"/>',
        _gap(frame, shape),
        below(frame, marks),
    )
    return picture(label, "".join(inner))


def _mark(kind: str, value: float, edges: Sequence[float]) -> str:
    """Return the label of a value below the axis: of a wide range of times, days."""
    text = value_of(kind, value)
    return text[:_DAY] if kind == TIME and edges[-1] - edges[0] > _DAYS else text


def _outline(frame: ChartFrame, shares: Sequence[float], edges: Sequence[float]) -> str:
    """Return the commands of a line along the tops of bins."""
    steps = (
        f"V{frame.upward(share):.1f}H{frame.across(edge):.1f}"
        for share, edge in zip(shares, edges[1:], strict=True)
    )
    return f"M{frame.across(edges[0]):.1f} {frame.upward(0.0):.1f}{''.join(steps)}"


def _gap(frame: ChartFrame, shape: FeatureShape) -> str:
    """Return a line where the distributions differ most."""
    if shape.gap is None or not frame.x[0] <= shape.gap.at <= frame.x[1]:
        return ""
    x = frame.across(shape.gap.at)
    title = f"<title>{xml(told(shape))}</title>"
    return f'<path class="gap" d="M{x:.1f} {TOP:.0f}V{HEIGHT - BOTTOM:.0f}">{title}</path>'


def _bars(label: str, shape: FeatureShape) -> str:
    """Return two bars for each category: of training above, of now below."""
    most = max((*shape.then, *shape.now, 1e-9))
    width = (WIDTH - _BARS_LEFT - _BARS_RIGHT) / most
    height = _ROW * len(shape.labels) + 4.0
    rows = zip(shape.labels, shape.then, shape.now, strict=True)
    inner = "".join(
        _bar(name, 4.0 + _ROW * place, (then * width, now * width), (then, now))
        for place, (name, then, now) in enumerate(rows)
    )
    return picture(label, inner, height)


def _bar(name: str, y: float, widths: tuple[float, float], shares: tuple[float, float]) -> str:
    then, now = widths
    return (
        f'<text x="{_BARS_LEFT - 6:.0f}" y="{y + 15:.1f}" class="end">{xml(fit(name, _NAME))}'
        f"<title>{xml(name)}</title></text>"
        f'<rect class="bar then" x="{_BARS_LEFT:.0f}" y="{y:.1f}" width="{then:.1f}" height="9"/>'
        f'<rect class="bar now" x="{_BARS_LEFT:.0f}" y="{y + 11:.1f}" width="{now:.1f}" '
        f'height="9"/>'
        f'<text x="{_BARS_LEFT + then + 4:.1f}" y="{y + 8.5:.1f}" class="small">'
        f"{percent(shares[0])}</text>"
        f'<text x="{_BARS_LEFT + now + 4:.1f}" y="{y + 19.5:.1f}" class="small">'
        f"{percent(shares[1])}</text>"
    )


# Over batches -----------------------------------------------------------------------------------


def course(shown: Course) -> str:
    """Return the picture of quantities over batches."""
    frame = _frame(shown)
    inner = (
        grid(frame, percents=shown.percent),
        _band(frame, shown),
        "".join(_line(frame, line) for line in shown.lines),
        "".join(_dots(frame, shown)),
        below(frame, _ends(shown.batches)),
    )
    return picture(f"{shown.title}. {shown.text}".strip(), "".join(inner))


def _frame(shown: Course) -> ChartFrame:
    """Return a frame that has all values; from 0 where none is far from it."""
    bands = shown.band or ((), ())
    series = (*(line.values for line in shown.lines), *bands)
    values = [value for own in series for value in own if value is not None]
    values = [value for value in values if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    last = max(len(shown.batches) - 1, 1)
    if (low >= 0.0 and high < _NEAR * max(high - low, 0.0)) or low == high >= 0.0:
        return ChartFrame((0.0, last), (0.0, top_of((high,))))
    edge = (high - low or abs(high) or 1.0) * 0.08
    return ChartFrame((0.0, last), (low - edge, high + edge))


def _ends(batches: Sequence[str]) -> list[tuple[float, str]]:
    """Return the labels of the first and the last batch."""
    if not batches:
        return []
    ends = [(0.0, day(batches[0]))]
    return ends if len(batches) == 1 else [*ends, (len(batches) - 1.0, day(batches[-1]))]


def _band(frame: ChartFrame, shown: Course) -> str:
    """Return the area between two bounds."""
    if shown.band is None:
        return ""
    rows = zip(range(len(shown.batches)), *shown.band, strict=True)
    whole = [(x, a, b) for x, a, b in rows if a is not None and b is not None]
    whole = [row for row in whole if math.isfinite(row[1]) and math.isfinite(row[2])]
    if not whole:
        return ""
    points = [(x, a) for x, a, _ in whole] + [(x, b) for x, _, b in reversed(whole)]
    return f'<path class="band" d="{path(points, frame.point)}Z"/>'


def _line(frame: ChartFrame, line: Line) -> str:
    commands = path(enumerate(line.values), frame.point)
    if len([value for value in line.values if value is not None]) == 1 and commands:
        commands += "h0.1"
    return f'<path class="line {line.style}" d="{commands}"/>'


def _dots(frame: ChartFrame, shown: Course) -> Iterator[str]:
    """Give a dot for each value of the first line, which says what all are there."""
    first = shown.lines[0] if shown.lines else None
    if first is None:
        return
    for place, value in enumerate(first.values):
        is_alarm = place in shown.alarms
        if value is None or not math.isfinite(value):
            continue
        if len(shown.batches) <= _MOST_DOTS or is_alarm:
            x, y = frame.across(place), frame.upward(value)
            yield _dot(x, y, _said(shown, place), is_alarm=is_alarm)


def _dot(x: float, y: float, said: str, *, is_alarm: bool) -> str:
    title = f"<title>{xml(said)}</title>"
    if is_alarm:
        shape = f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"
        return f'<path class="alarm" d="{shape}">{title}</path>'
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.2">{title}</circle>'


def _said(shown: Course, place: int) -> str:
    if shown.said:
        return shown.said[place]
    write = percent if shown.percent else number
    values = (
        f"{line.name} {write(line.values[place])}"
        for line in shown.lines
        if line.values[place] is not None
    )
    return f"{batch(shown.batches[place])}: {', '.join(values)}"
