"""A metric of a model's versions over time, as a small picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.pages import xml

if TYPE_CHECKING:
    from atlas.catalog.entries import CatalogModel

_WIDTH, _HEIGHT, _SIDE, _TOP, _LOW = 700, 130, 60, 14, 28
_FEW = 2


def over_time(model: CatalogModel) -> str:
    """Return the promotion's metric of each version, the oldest on the left; else nothing.

    The table beside it has the same numbers: the picture has a short text in place of them.
    """
    points = [
        (version.version, version.metrics[model.metric])
        for version in reversed(model.versions)
        if model.metric in version.metrics
    ]
    if len(points) < _FEW:
        return ""
    values = [value for _, value in points]
    low, high = min(values), max(values)
    label = f"{model.metric} of {len(points)} versions, from {low:.5g} to {high:.5g}"
    drawn = "".join(_point(model, points, index, low, high) for index in range(len(points)))
    line = " ".join(
        "{:.1f},{:.1f}".format(*_place(points, i, low, high)) for i in range(len(points))
    )
    bottom = _HEIGHT - _LOW
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{xml(label)}">'
        f'<line class="axis" x1="{_SIDE}" y1="{bottom}" x2="{_WIDTH - 10}" y2="{bottom}"/>'
        f'<text x="{_SIDE - 6}" y="{_TOP + 4}" text-anchor="end">{high:.4g}</text>'
        f'<text x="{_SIDE - 6}" y="{bottom}" text-anchor="end">{low:.4g}</text>'
        f'<text x="{_SIDE}" y="{_HEIGHT - 8}">{xml(points[0][0])}</text>'
        f'<text x="{_WIDTH - 10}" y="{_HEIGHT - 8}" text-anchor="end">{xml(points[-1][0])}</text>'
        f'<polyline points="{line}"/>{drawn}</svg>'
    )


def _place(
    points: list[tuple[str, float]], index: int, low: float, high: float
) -> tuple[float, float]:
    """Return where a point is."""
    across = (_WIDTH - _SIDE - 16) * index / (len(points) - 1)
    share = (points[index][1] - low) / (high - low) if high > low else 0.5
    return _SIDE + across, _HEIGHT - _LOW - share * (_HEIGHT - _LOW - _TOP)


def _point(
    model: CatalogModel, points: list[tuple[str, float]], index: int, low: float, high: float
) -> str:
    x, y = _place(points, index, low, high)
    version, value = points[index]
    best = ' class="best"' if version == model.champion else ""
    note = f"version {version}{', the champion' if best else ''}: {value:.5g}"
    return f'<circle{best} cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{xml(note)}</title></circle>'
