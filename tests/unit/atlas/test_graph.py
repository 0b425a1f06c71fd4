"""The DAG algorithms, against brute force on small graphs and against the clock on large ones."""

import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.graph import ancestors, descendants, find_cycle, layers, order, reverse, without_cycles

DIAMOND = {"d": ["b", "c"], "c": ["a"], "b": ["a"], "a": []}
NAMES = "abcdef"


def graphs():
    names = st.sampled_from(NAMES)
    return st.dictionaries(names, st.lists(names, max_size=4), max_size=6)


def is_cycle(edges, cycle):
    pairs = zip(cycle, cycle[1:] + cycle[:1], strict=True)
    return all(up in edges[down] for up, down in pairs)


def shortest_cycle_length(edges):
    for size in range(1, len(edges) + 1):
        if any(is_cycle(edges, nodes) for nodes in permutations(edges, size)):
            return size
    return 0


def test_order_is_topological_and_by_name():
    assert order(DIAMOND) == ["a", "b", "c", "d"]


def test_order_does_not_depend_on_how_the_edges_were_written():
    shuffled = {key: DIAMOND[key][::-1] for key in reversed(DIAMOND)}
    assert order(shuffled) == order(DIAMOND)


def test_order_prefers_the_smallest_name_that_is_ready():
    assert order({"z": [], "a": ["z"], "m": []}) == ["m", "z", "a"]


def test_unknown_upstream_names_are_ignored():
    assert order({"b": ["a", "nobody"], "a": []}) == ["a", "b"]


def test_iterables_are_read_once():
    assert order({"b": iter(["a", "a"]), "a": iter(())}) == ["a", "b"]


def test_order_shows_the_cycle():
    with pytest.raises(ValueError, match="cycle: a -> b -> a"):
        order({"a": ["b"], "b": ["a"], "c": ["b"]})


def test_a_cycle_reads_in_the_direction_of_the_data():
    assert find_cycle({"a": ["c"], "b": ["a"], "c": ["b"]}) == ("a", "b", "c")


def test_a_step_that_reads_itself_is_a_cycle():
    assert find_cycle({"a": ["a"], "b": ["c"], "c": ["b"]}) == ("a",)


def test_the_shorter_of_two_cycles_is_shown():
    edges = {"a": ["c"], "b": ["a"], "c": ["b"], "x": ["y", "c"], "y": ["x"]}
    assert find_cycle(edges) == ("x", "y")


def test_no_cycle():
    assert find_cycle(DIAMOND) == ()
    assert find_cycle({}) == ()


@settings(deadline=None)
@given(graphs())
def test_find_cycle_is_shortest(edges):
    cycle = find_cycle(edges)
    assert len(cycle) == shortest_cycle_length(edges)
    assert not cycle or (is_cycle(edges, cycle) and cycle[0] == min(cycle))


@settings(deadline=None)
@given(graphs())
def test_order_respects_every_edge(edges):
    if find_cycle(edges):
        return
    place = {node: index for index, node in enumerate(order(edges))}
    assert place.keys() == edges.keys()
    assert all(place[up] < place[node] for node, ups in edges.items() for up in ups if up in place)


def test_ancestors_and_descendants():
    assert ancestors(DIAMOND, ["d"]) == {"a", "b", "c"}
    assert ancestors(DIAMOND, ["b", "d"]) == {"a", "b", "c"}
    assert descendants(DIAMOND, ["b"]) == {"d"}
    assert descendants(DIAMOND, ["nobody"]) == set()


def test_layers_are_longest_paths():
    assert layers({**DIAMOND, "e": ["a", "d"]}) == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 3}


def test_reverse():
    assert reverse(DIAMOND) == {"a": ["c", "b"], "b": ["d"], "c": ["d"], "d": []}


@settings(deadline=None)
@given(graphs())
def test_without_cycles_drops_only_what_closes_one(edges):
    kept = without_cycles(edges)
    assert find_cycle(kept) == ()
    assert kept.keys() == edges.keys()
    for node, ups in edges.items():
        for up in set(ups) & edges.keys() - set(kept[node]):
            assert find_cycle({**kept, node: [*kept[node], up]})


def large(steps, seed=1):
    draw = random.Random(seed)
    return {
        f"step{n}": [f"step{draw.randrange(n)}" for _ in range(min(n, 3))] for n in range(steps)
    }


@pytest.mark.parametrize(
    "edges",
    [
        large(10_000),
        {f"s{n}": [f"s{n - 1}"] for n in range(10_000)},
        {**{f"s{n}": ["s0"] for n in range(1, 10_000)}, "s0": []},
        {f"s{n}": [f"s{(n - 1) % 10_000}"] for n in range(10_000)},
        {f"s{n}": [f"s{m}" for m in range(max(0, n - 50), n)] for n in range(2_000)},
        {f"s{n}": [f"s{m}" for m in range(300)] for n in range(300)},
        {**large(10_000), "step0": ["step9999"]},
    ],
    ids=["random", "chain", "star", "ring", "dense", "complete", "random with a cycle"],
)
def test_large_graphs_are_checked_whole(edges):
    """Without recursion, in about linear time: make bench measures it."""
    kept = without_cycles(edges)
    assert not find_cycle(kept)
    assert sorted(order(kept)) == sorted(edges)
    assert sorted(layers(kept)) == sorted(edges)
