"""Drawings of a search, as SVG: parallel coordinates, and the values in the order of the trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.pages import xml
from atlas.search.axes import Axis, number, text_of
from atlas.search.history import DONE, ranked, sign_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.search.spec import Dimension

_TOP, _BOTTOM, _SIDE, _HEIGHT, _BETWEEN = 46, 24, 90, 320, 150
_WIDE, _LOW, _LEFT = 900, 200, 70
_FAINT, _STRONG = 0.18, 0.75


def parallel(history: Sequence[Any], space: Mapping[str, Dimension], metric: str, goal: str) -> str:
    """Return the trials as lines over the params, the metric last; better ones are stronger."""
    params = [Axis.of(name, one) for name, one in space.items()]
    values = [trial["value"] for trial in history if trial["value"] is not None]
    axes = [*params, Axis.over(metric, values)]
    between = max(_BETWEEN, (_WIDE - 2 * _SIDE) // (len(axes) - 1))
    places = [_SIDE + index * between for index in range(len(axes))]
    width = _SIDE + places[-1]
    order = {trial["number"]: rank for rank, trial in enumerate(ranked(history, goal))}
    drawn = sorted(history, key=lambda trial: -order.get(trial["number"], len(history)))
    lines = "".join(_line(trial, axes, places, order) for trial in drawn)
    marks = "".join(map(_axis, places, axes))
    texts = "".join(map(_texts, places, axes))
    height = _TOP + _HEIGHT + _BOTTOM
    label = "Parallel coordinates of the trials"
    return _svg(width, height, label, f"{marks}{lines}{texts}", least=width)


def _svg(width: int, height: int, label: str, inner: str, *, least: int = 0) -> str:
    style = f"width:100%;min-width:{min(least or 500, width)}px;max-width:{width * 1.3:.0f}px"
    size = f'viewBox="0 0 {width} {height}" style="{style}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}" '
        f'font-size="11">{inner}</svg>'
    )


def _y(place: float) -> float:
    return _TOP + (1 - place) * _HEIGHT


def _axis(x: int, axis: Axis) -> str:
    rule = f'<line class="axis" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_TOP + _HEIGHT}"/>'
    return rule + "".join(
        f'<line class="axis" x1="{x - 4}" x2="{x + 4}" y1="{_y(at):.1f}" y2="{_y(at):.1f}"/>'
        for at, _ in axis.ticks()
    )


def _texts(x: int, axis: Axis) -> str:
    """Return what is written at an axis, over the lines."""
    title = f'<text class="name" x="{x}" y="20" text-anchor="middle">{xml(axis.name[:24])}</text>'
    scale = f'<text class="scale" x="{x}" y="34" text-anchor="middle">log</text>'
    ticks = "".join(
        f'<text class="tick" x="{x - 8}" y="{_y(at) + 4:.1f}" text-anchor="end">{xml(text)}</text>'
        for at, text in axis.ticks()
    )
    return f"{title}{scale if axis.log else ''}{ticks}"


def _line(trial: Any, axes: Sequence[Axis], places: Sequence[int], order: Mapping[int, int]) -> str:
    """Return one trial's line; of one without a value, up to its last param."""
    points = [
        (x, _y(axis.place(trial["params"][axis.name])))
        for x, axis in zip(places[:-1], axes[:-1], strict=True)
    ]
    if trial["value"] is not None:
        points.append((places[-1], _y(axes[-1].place(trial["value"]))))
    if len(points) == 1:
        points.append((points[0][0] + _BETWEEN // 3, points[0][1]))
    path = "M" + " L".join(f"{x} {y:.1f}" for x, y in points)
    rank = order.get(trial["number"])
    name = "best" if rank == 0 else trial["state"]
    shade = "" if rank is None or rank == 0 else f' stroke-opacity="{_shade(rank, len(order))}"'
    return (
        f'<g class="trial {name}" id="trial-{trial["number"]}"><title>{xml(told(trial))}</title>'
        f'<path class="hit" d="{path}"/><path class="line" d="{path}"{shade}/></g>'
    )


def _shade(rank: int, count: int) -> str:
    return f"{_STRONG - (_STRONG - _FAINT) * rank / max(count - 1, 1):.2f}"


def told(trial: Any) -> str:
    """Return a trial in words."""
    params = ", ".join(f"{name} {text_of(value)}" for name, value in trial["params"].items())
    value = "" if trial["value"] is None else f": {number(float(trial['value']))}"
    state = "" if trial["state"] == DONE else f", {trial['state']}"
    return f"trial {trial['number']}{state}{value} ({params})"


def over_time(history: Sequence[Any], metric: str, goal: str) -> str:
    """Return the value of each trial in their order, and the best value so far."""
    values = [trial["value"] for trial in history if trial["value"] is not None]
    axis = Axis.over(metric, values)
    width = _WIDE - _LEFT - 20
    apart = width / max(len(history), 1)

    def x(index: float) -> float:
        return _LEFT + (index + 0.5) * apart

    def y(value: float) -> float:
        return 10 + (1 - axis.place(value)) * (_LOW - 20)

    ticks = "".join(
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDE - 20}" y1="{y(axis.low + at * span):.1f}" '
        f'y2="{y(axis.low + at * span):.1f}"/><text class="tick" x="{_LEFT - 8}" '
        f'y="{y(axis.low + at * span) + 4:.1f}" text-anchor="end">{xml(text)}</text>'
        for span in (axis.high - axis.low,)
        for at, text in axis.ticks()
    )
    dots = "".join(
        f'<circle class="{trial["state"]}" cx="{x(trial["number"]):.1f}" '
        f'cy="{_LOW - 10 if trial["value"] is None else y(trial["value"]):.1f}" r="3.5">'
        f"<title>{xml(told(trial))}</title></circle>"
        for trial in history
    )
    steps = "".join(f" H{x(at):.1f} V{y(value):.1f}" for at, value in _records(history, goal))
    start = f"M{_LEFT} {y(next(iter(_records(history, goal)))[1]):.1f}" if steps else ""
    line = f'<path class="so-far" d="{start}{steps} H{_WIDE - 20}"/>' if steps else ""
    return _svg(_WIDE, _LOW, "Value of each trial, and the best so far", f"{ticks}{line}{dots}")


def _records(history: Sequence[Any], goal: str) -> Iterator[tuple[int, float]]:
    """Give the trials that were better than all before them."""
    best: float | None = None
    for trial in history:
        if trial["state"] == DONE:
            value = sign_of(goal) * trial["value"]
            if best is None or value > best:
                best = value
                yield trial["number"], trial["value"]
