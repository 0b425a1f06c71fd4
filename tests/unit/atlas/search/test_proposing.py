"""What a search tries: by the search, its seed and the rounds before, and by nothing else."""

from __future__ import annotations

import math
import sys

import pytest

from atlas.errors import AtlasError
from atlas.search.history import added
from atlas.search.proposing import proposed
from atlas.search.spec import Dimension, SearchSpec, grid_size
from atlas.values import canonical

SPACE = {
    "rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "depth": {"low": 1, "high": 8},
    "share": {"low": 0.0, "high": 1.0, "step": 0.25},
    "kind": {"choices": ["a", "b", None, [1, 2]]},
}


def spec(**more) -> SearchSpec:
    return SearchSpec.parse({"space": SPACE, "metric": "loss", "goal": "minimize", **more})


def result(params, value, state="done", reports=()):
    times = {"started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:00:01+00:00"}
    own = {"state": state, "value": value, "reports": list(reports), "metrics": {}, "error": ""}
    return {"params": params, "seconds": 1.0, **own, **times}


def rounds(search: SearchSpec, counts) -> list:
    """Return what a search tries, each trial's loss being its rate."""
    history: list = []
    tried = []
    for count in counts:
        points = proposed(search, history, count)
        tried += points
        history = added(history, [result(point, point["rate"]) for point in points])
    return tried


def test_values_are_of_their_ranges():
    for point in rounds(spec(), (60,)):
        assert 1e-4 <= point["rate"] <= 1e-1
        assert isinstance(point["depth"], int)
        assert 1 <= point["depth"] <= 8
        assert point["share"] in (0.0, 0.25, 0.5, 0.75, 1.0)
        assert point["kind"] in ("a", "b", None, [1, 2])


def test_chance_is_spread():
    points = rounds(spec(), (300,))
    assert {point["depth"] for point in points} == set(range(1, 9))
    assert {point["share"] for point in points} == {0.0, 0.25, 0.5, 0.75, 1.0}
    low = sum(point["rate"] < math.sqrt(1e-4 * 1e-1) for point in points)
    assert 120 < low < 180, "each order of magnitude gets as many"


def test_random_trials_are_the_same_in_whatever_rounds():
    whole = rounds(spec(), (12,))
    assert rounds(spec(), (5, 5, 2)) == whole
    assert rounds(spec(), (1,) * 12) == whole
    assert rounds(spec(seed=1), (12,)) != whole


def test_random_trials_are_those_of_earlier_versions():
    small = {"space": {"n": {"low": 1, "high": 9}}, "metric": "loss", "goal": "minimize"}
    points = proposed(SearchSpec.parse(small), [], 4)
    assert [point["n"] for point in points] == [5, 3, 2, 4]


def test_nothing_is_tried_twice_and_a_small_space_ends_it():
    two = {"kind": {"choices": ["a", "b"]}, "n": {"low": 1, "high": 2}}
    points = proposed(spec(space=two), [], 50)
    assert len(points) == 4 == len({canonical(point) for point in points})


def test_a_grid_has_each_point_once():
    space = {"depth": {"low": 1, "high": 3}, "kind": {"choices": ["a", "b"]}}
    grid = spec(space=space, method="grid")
    assert grid.trials == 6 == grid_size(grid.space)
    assert grid.rounds == (4, 2)
    points = [*proposed(grid, [], 4), *proposed(grid, [None] * 4, 4)]
    expected = [{"depth": d, "kind": k} for d in (1, 2, 3) for k in ("a", "b")]
    assert points == expected


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ({"choices": [1, 2, 3]}, 3),
        ({"low": 1, "high": 8}, 8),
        ({"low": 1, "high": 8, "step": 3}, 3),
        ({"low": 0.0, "high": 1.0, "step": 0.1}, 11),
        ({"low": 0, "high": 1, "integer": False}, None),
        ({"low": 1, "high": 64, "log": True}, 64),
    ],
    ids=["choices", "integers", "steps", "tenths", "floats", "log"],
)
def test_how_many_values_there_are(raw, size):
    assert Dimension.parse(raw).size == size


def test_whole_numbers_on_a_logarithmic_range():
    one = Dimension.parse({"low": 1, "high": 4, "log": True})
    drawn = [one.drawn(chance / 1000) for chance in range(1000)]
    assert set(drawn) == {1, 2, 3, 4}
    assert drawn.count(1) > drawn.count(2) > drawn.count(4)


def test_tpe_is_the_same_each_time_and_learns():
    pytest.importorskip("optuna")
    search = spec(method="tpe")
    first = rounds(search, (8, 8, 8))
    assert first == rounds(search, (8, 8, 8))
    assert rounds(spec(method="tpe", seed=3), (8, 8, 8)) != first
    middle = [sorted(p["rate"] for p in part)[4] for part in (first[:8], first[16:])]
    assert middle[1] < middle[0], "it goes where the loss is small"


def test_tpe_takes_pruned_trials_and_leaves_failed_ones():
    pytest.importorskip("optuna")
    search = spec(method="tpe")
    points = proposed(search, [], 3)
    results = [
        result(points[0], 1.0, reports=[[0, 2.0], [1, 1.0]]),
        result(points[1], 5.0, "pruned", [[0, 5.0]]),
        result(points[2], None, "failed"),
    ]
    assert len(proposed(search, added([], results), 2)) == 2


def test_without_optuna_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(AtlasError, match=r"needs the package optuna.*atlas-ml\[optuna\]"):
        proposed(spec(method="tpe"), [], 1)
