"""What holds of the geometry of every drawing, for tests to check."""

from itertools import combinations

from atlas.draw.layout import Box, layered
from atlas.draw.layout.geometry import DETAIL, group_label, node_size, text_width


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.bottom and b.y < a.bottom


def within(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - 0.01
        and inner.y >= outer.y - 0.01
        and inner.x + inner.width <= outer.x + outer.width + 0.01
        and inner.bottom <= outer.bottom + 0.01
    )


def outer_groups(drawing, node):
    parents = {group.id: group.parent for group in drawing.groups}
    group, found = node.group, set()
    while group:
        found.add(group)
        group = parents[group]
    return found


def check(drawing):
    """No two boxes overlap, all lie in the page and in their groups and in no others."""
    layout = layered(drawing)
    page = Box(0, 0, layout.width, layout.height)
    assert layout.nodes.keys() == {node.id for node in drawing.nodes}
    for (one, a), (two, b) in combinations(layout.nodes.items(), 2):
        assert not overlap(a, b), (one, two)
    for node in drawing.nodes:
        box = layout.nodes[node.id]
        assert within(box, page)
        assert (box.width, box.height) == node_size(node)
        around = outer_groups(drawing, node)
        for name, group in layout.groups.items():
            assert within(box, group) if name in around else not overlap(box, group)
    for (source, target), route in layout.routes.items():
        assert touches(route[0], layout.nodes[source]), source
        assert touches(route[-1], layout.nodes[target]), target
        assert len(route) % 3 == 1
    return layout


def touches(point, box):
    return within(
        Box(*point, 0, 0), Box(box.x - 0.1, box.y - 0.1, box.width + 0.2, box.height + 0.2)
    )


def check_edges(drawing, layout):
    """No edge runs behind a box that it isn't of, or a title; each ends as its arrowhead points."""
    titles = [title_box(group, layout.groups[group.id]) for group in drawing.groups]
    groups = {node.id: outer_groups(drawing, node) for node in drawing.nodes}
    for (source, target), route in layout.routes.items():
        others = [box for name, box in layout.nodes.items() if name not in (source, target)]
        own = groups[source] | groups[target]
        others += [box for name, box in layout.groups.items() if name not in own]
        for start in range(0, len(route) - 1, 3):
            piece = route[start : start + 4]
            near = [box for box in (*others, *titles) if overlap(around(piece), box)]
            for x, y in samples(piece) if near else ():
                point = Box(x, y, 0.01, 0.01)
                assert not any(overlap(point, box) for box in near), (source, target)
        assert is_straight(route[-4:]), (source, target)


def around(piece):
    xs, ys = zip(*piece, strict=True)
    return Box(min(xs), min(ys), max(xs) - min(xs) + 0.01, max(ys) - min(ys) + 0.01)


def title_box(group, box):
    return Box(box.x + 10, box.y + 8, text_width(group_label(group), DETAIL), 12)


def is_straight(piece):
    """Whether all points of the last curve are on the line along which its arrowhead points."""
    (x0, y0), *_, (x1, y1) = piece
    across = 0 if abs(x1 - x0) < abs(y1 - y0) else 1
    along = abs(x1 - x0) + abs(y1 - y0)
    return along > 4 and all(abs(point[across] - piece[-1][across]) < 0.01 for point in piece)


def samples(piece):
    """Points along one curve."""
    for t in (n / 10 for n in range(11)):
        u = 1 - t
        weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
        yield tuple(sum(w * q[i] for w, q in zip(weights, piece, strict=True)) for i in (0, 1))
