"""The geometry: nothing overlaps, labels can be read, edges lead from box to box."""

from collections import Counter
from itertools import combinations, pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.draw import of_plan, of_plans
from atlas.draw.layout import layered
from atlas.draw.layout.geometry import (
    LEAST_LABEL,
    PAGE_WIDTH,
    WIDEST,
    node_size,
    sized_lines,
    text_width,
)
from atlas.draw.layout.layered import _Nest
from atlas.draw.model import Drawing, Edge, Group, Node
from tests.golden.graphs import HUNDRED, chain, family, fan, grouped, hostile, plan, step, tangle
from tests.golden.plans import INFERENCE, TRAINING
from tests.unit.atlas.draw.geometry import check, check_edges, overlap, title_box

DRAWINGS = {name: of_plan(plan) for name, plan in HUNDRED.items()}
DRAWINGS |= {
    "training": of_plan(TRAINING),
    "both flows": of_plans([TRAINING, INFERENCE]),
    "family": of_plans(family(12)),
    "hostile": of_plan(hostile()),
    "nothing": Drawing("nothing"),
}
every_drawing = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS.keys())


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
        written = sized_lines(node)
        assert all(text_width(text, size) < width for text, size in written)
        assert len(written) * 16 < height


@every_drawing
def test_edges_run_downwards_or_rightwards(drawing):
    """In bands, an edge that doesn't lead rightwards leads to a band further down."""
    layout = layered(drawing)
    ends = [(route[0], route[-1]) for route in layout.routes.values()]
    assert all(y0 < y1 for (_, y0), (_, y1) in ends) or all(
        x0 < x1 or y0 < y1 for (x0, y0), (x1, y1) in ends
    )


@every_drawing
def test_edges_keep_clear_of_boxes_and_titles_and_end_as_they_point(drawing):
    check_edges(drawing, layered(drawing))


def test_a_wide_fan_goes_from_top_to_bottom_in_rows():
    layout = layered(DRAWINGS["fan"])
    assert layout.width <= PAGE_WIDTH
    assert layout.nodes["load"].bottom < layout.nodes["train_region_000"].y
    last = max(box.bottom for name, box in layout.nodes.items() if name.startswith("train"))
    assert last < layout.nodes["join"].y
    rows = Counter(box.y for name, box in layout.nodes.items() if name.startswith("train"))
    assert len(rows) < 25


def test_a_small_fan_is_drawn_rightwards():
    layout = layered(of_plan(fan(8)))
    assert layout.is_rightwards
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
    check_edges(drawing, layout)
    xs, ys = zip(*(point for route in layout.routes.values() for point in route), strict=True)
    assert min(*xs, *ys) >= 0
    assert max(xs) <= layout.width
    assert max(ys) <= layout.height


def test_a_chain_is_read_from_left_to_right():
    layout = layered(of_plan(chain(6)))
    assert layout.is_rightwards
    assert layout.width > 4 * layout.height
    assert len({box.y + box.height / 2 for box in layout.nodes.values()}) == 1


def test_a_long_chain_is_broken_into_bands_of_the_pages_width():
    """Each line of it is read from left to right, and none is almost empty."""
    layout = layered(DRAWINGS["chain"])
    assert layout.width < 1.1 * PAGE_WIDTH
    assert layout.height < layout.width
    lines = Counter(round(box.y + box.height / 2) for box in layout.nodes.values())
    assert len(lines) > 5
    assert min(lines.values()) > max(lines.values()) / 2


def test_edges_that_are_led_back_do_not_lie_on_each_other():
    layout = layered(DRAWINGS["layers 20x5"])
    back = [
        (round(y0, 1), *sorted((x0, x1)), source)
        for (source, _), route in layout.routes.items()
        for (x0, y0), (x1, y1) in pairwise(route[::3])
        if y0 == y1 and x1 < x0
    ]
    assert back
    for (y, left, right, source), (low, start, end, other) in combinations(back, 2):
        assert source == other or y != low or right < start or end < left


def test_edges_pass_beside_the_title_of_a_group_that_is_entered_from_above():
    """The group's own steps are so many that it is drawn downwards."""
    names = [f"regions.{'train the model of one region '}{n:02}" for n in range(9)]
    drawing = of_plan(plan(step("load"), *(step(name, "load", origin="r.json") for name in names)))
    layout = _Nest(drawing, rightwards=False, length=inf).layout()
    check_edges(drawing, layout)
    (group,) = drawing.groups
    title, (_, top) = title_box(group, layout.groups["regions"]), layout.routes["load", names[0]][0]
    assert top < title.y
    assert all(
        route[-1][1] > title.bottom for pair, route in layout.routes.items() if pair[0] == "load"
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 60), st.integers(0, 10**6), st.integers(1, 30))
def test_any_tangle_is_drawn_without_overlaps(size, seed, reach):
    drawing = of_plan(tangle(size, seed, reach))
    layout = check(drawing)
    assert layout.width <= WIDEST
    check_edges(drawing, layout)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 8), st.integers(2, 12), st.integers(0, 10**6))
def test_any_groups_are_drawn_without_overlaps(groups, size, seed):
    drawing = of_plan(grouped(groups, size, seed))
    layout = check(drawing)
    assert layout.width <= WIDEST
    check_edges(drawing, layout)
