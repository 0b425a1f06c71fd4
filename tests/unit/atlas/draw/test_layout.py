"""The geometry: nothing overlaps, labels can be read, edges lead from box to box."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.draw import of_plan, of_plans
from atlas.draw.layout import Box, layered
from atlas.draw.layout.geometry import LEAST_LABEL, WIDEST, lines, node_size, text_width
from atlas.draw.model import Drawing, Edge, Group, Node
from tests.golden.graphs import HUNDRED, family, grouped, hostile, tangle
from tests.golden.plans import INFERENCE, TRAINING

DRAWINGS = {name: of_plan(plan) for name, plan in HUNDRED.items()}
DRAWINGS |= {
    "training": of_plan(TRAINING),
    "both flows": of_plans([TRAINING, INFERENCE]),
    "family": of_plans(family(12)),
    "hostile": of_plan(hostile()),
    "nothing": Drawing("nothing"),
}
every_drawing = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS.keys())


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


@every_drawing
def test_boxes_do_not_overlap(drawing):
    check(drawing)


@every_drawing
def test_labels_can_be_read_when_the_page_is_1600_wide(drawing):
    layout = layered(drawing)
    assert layout.least_label >= LEAST_LABEL
    assert layout.width <= WIDEST


@every_drawing
def test_text_fits_its_box(drawing):
    for node in drawing.nodes:
        width, height = node_size(node)
        sizes = (14, 12, 12)
        assert all(text_width(t, s) < width for t, s in zip(lines(node), sizes, strict=False))
        assert len(lines(node)) * 16 < height


@every_drawing
def test_edges_run_downwards_or_rightwards(drawing):
    layout = layered(drawing)
    down = all(route[0][1] < route[-1][1] for route in layout.routes.values())
    right = all(route[0][0] < route[-1][0] for route in layout.routes.values())
    assert down or right


def test_edges_keep_clear_of_boxes_they_do_not_touch():
    """At a hundred steps, where rows needn't be broken, no edge runs behind a box."""
    for name in ("layers 10x10", "layers 20x5", "tangle", "grouped", "chain"):
        drawing = DRAWINGS[name]
        layout = layered(drawing)
        for (source, target), route in layout.routes.items():
            others = {n: b for n, b in layout.nodes.items() if n not in (source, target)}
            for x, y in samples(route):
                inside = [n for n, b in others.items() if overlap(Box(x, y, 0.01, 0.01), b)]
                assert not inside, (name, source, target)


def samples(route):
    """Points along the curves."""
    for start in range(0, len(route) - 1, 3):
        p = route[start : start + 4]
        for t in (n / 10 for n in range(11)):
            u = 1 - t
            weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            yield tuple(sum(w * q[i] for w, q in zip(weights, p, strict=True)) for i in (0, 1))


def test_a_wide_fan_is_drawn_rightwards():
    layout = layered(DRAWINGS["fan"])
    assert layout.height > layout.width
    assert layout.nodes["load"].x < layout.nodes["train_region_000"].x < layout.nodes["join"].x


def test_the_layout_does_not_depend_on_anything_else():
    assert layered(DRAWINGS["tangle"]) == layered(of_plan(tangle(100)))


def test_cycles_between_pipelines_are_drawn():
    nodes = tuple(Node(name, name, group=name[0]) for name in ("a1", "a2", "b1", "b2"))
    edges = tuple(
        Edge(s, t, "x") for s, t in (("a1", "b1"), ("b1", "a2"), ("a2", "b2"), ("b2", "a1"))
    )
    drawing = Drawing("cycle", nodes, edges, (Group("a", "a"), Group("b", "b")))
    layout = layered(drawing)
    assert layout.routes.keys() == drawing.pairs().keys()
    assert not any(overlap(a, b) for a, b in combinations(layout.nodes.values(), 2))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(0, 10**6), st.integers(1, 30))
def test_any_tangle_is_drawn_without_overlaps(size, seed, reach):
    assert check(of_plan(tangle(size, seed, reach))).width <= WIDEST


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.integers(2, 12), st.integers(0, 10**6))
def test_any_groups_are_drawn_without_overlaps(groups, size, seed):
    assert check(of_plan(grouped(groups, size, seed))).width <= WIDEST
