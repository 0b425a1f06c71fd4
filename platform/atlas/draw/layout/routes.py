"""From the points that an edge goes through to curves: smooth, and straight where they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.draw.layout.geometry import Point

    Piece: TypeAlias = tuple[Point, Point | None]

ARROW = 12.0
"""How long an edge runs straight before its end, so that its arrowhead points along it."""
_RADIUS = 8.0
_ROUND = 0.55
"""How large a corner is, and how far along its sides its curve's control points lie."""


def straightened(points: Sequence[Point]) -> list[Point]:
    """Return the points without those that lie between two others of one straight line."""
    kept: list[Point] = []
    for point in points:
        while len(kept) > 1 and _between(kept[-2], kept[-1], point):
            kept.pop()
        if not kept or not (_same(kept[-1][0], point[0]) and _same(kept[-1][1], point[1])):
            kept.append(point)
    return kept


def curves(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return cubic curves through some points, as a start and three points for each.

    Where two points lie side by side or above each other, the way between them is straight, and
    round where it turns; elsewhere it leaves and reaches both vertically.
    """
    way = [points[0]]
    for point, corner in _pieces(_with_room(points)):
        way += (*_controls(way[-1], point, corner), point)
    return tuple(way)


def _with_room(points: Sequence[Point]) -> list[Point]:
    """Return the points such that a curve ends straight, on a way as long as an arrowhead."""
    *way, (x, y) = points
    while len(way) > 1 and _same(way[-1][0], x) and y - way[-1][1] < ARROW:
        way.pop()
    before_x, before_y = way[-1]
    if _same(before_x, x) or y <= before_y:
        return [*way, (x, y)]
    return [*way, (x, y - min(ARROW, (y - before_y) / 3)), (x, y)]


def _pieces(points: list[Point]) -> Iterator[Piece]:
    """Give each piece's end, and of a corner's piece the corner."""
    for index, point in enumerate(points[1:], 1):
        after = points[index + 1] if index + 1 < len(points) else None
        if after is None or not _turns(points[index - 1], point, after):
            yield point, None
            continue
        yield _towards(point, points[index - 1]), None
        yield _towards(point, after), point


def _controls(start: Point, end: Point, corner: Point | None) -> tuple[Point, Point]:
    """Return the control points of one piece."""
    (x0, y0), (x1, y1) = start, end
    if corner:
        return _part(start, corner, _ROUND), _part(end, corner, _ROUND)
    if _same(x0, x1) or _same(y0, y1):
        return _part(start, end, 1 / 3), _part(end, start, 1 / 3)
    swing = (y1 - y0) / 2
    return (x0, y0 + swing), (x1, y1 - swing)


def _towards(point: Point, other: Point) -> Point:
    """Return where a corner's curve begins or ends, on the way to another point."""
    distance = abs(other[0] - point[0]) + abs(other[1] - point[1])
    return _part(point, other, min(_RADIUS / distance, 0.5))


def _part(start: Point, end: Point, part: float) -> Point:
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _turns(before: Point, point: Point, after: Point) -> bool:
    """Return whether a straight way turns by a right angle at a point."""
    return any(
        _same(before[axis], point[axis]) and _same(point[1 - axis], after[1 - axis])
        for axis in (0, 1)
    )


def _between(before: Point, point: Point, after: Point) -> bool:
    return any(
        _same(before[axis], point[axis]) and _same(point[axis], after[axis]) for axis in (0, 1)
    )


def _same(one: float, other: float) -> bool:
    return round(one, 2) == round(other, 2)
