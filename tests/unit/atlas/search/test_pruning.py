"""Which trials are given up, by what earlier rounds have shown."""

from __future__ import annotations

import pytest

from atlas.search.history import added, ranked, spent
from atlas.search.pruning import PrunedTrial, TrialProgress, bounds_of
from atlas.search.spec import PruningRule
from tests.unit.atlas.search.test_proposing import result


def history(*curves, state="done"):
    reports = [[[step, value] for step, value in enumerate(curve)] for curve in curves]
    return added([], [result({}, one[-1][1], state, one) for one in reports])


def test_a_trial_that_is_worse_than_the_median_is_given_up():
    bounds = bounds_of(history([9, 5], [9, 6], [9, 7], [9, 8]), "minimize", PruningRule())
    assert bounds == {"1": 6.0}
    progress = TrialProgress(bounds, "minimize")
    progress(20.0, 0)
    with pytest.raises(PrunedTrial):
        progress(7.5, 1)
    better = TrialProgress(bounds, "minimize")
    better(5.9, 0)
    better(50.0, 1)  # its best so far counts
    assert better.reports == [(0, 5.9), (1, 50.0)]


def test_the_other_way_round_for_what_is_maximized():
    bounds = bounds_of(history([0, 5], [0, 6], [0, 7], [0, 8]), "maximize", PruningRule())
    assert bounds == {"1": 7.0}
    with pytest.raises(PrunedTrial):
        TrialProgress(bounds, "maximize")(6.5, 1)


def test_a_step_counts_only_after_those_that_are_waited_for():
    curves = history([3, 3, 3], [3, 3, 3])
    assert bounds_of(curves, "minimize", PruningRule(after_trials=3)) == {}
    assert set(bounds_of(curves, "minimize", PruningRule(after_trials=2))) == {"1", "2"}
    rule = PruningRule(after_trials=2, after_steps=1)
    assert set(bounds_of(curves, "minimize", rule)) == {"2"}


def test_failed_trials_say_nothing_and_pruned_ones_do():
    assert bounds_of(history([1, 1], state="failed"), "minimize", PruningRule(1)) == {}
    assert bounds_of(history([1, 1], state="pruned"), "minimize", PruningRule(1)) == {"1": 1.0}


def test_what_is_handed_on_stays_small():
    curves = history(*[[float(step) for step in range(5000)]] * 4)
    assert len(bounds_of(curves, "minimize", PruningRule())) <= 50


@pytest.mark.parametrize(
    ("value", "step"), [(float("nan"), 1), (1.0, 1.5), (1.0, -1)], ids=["nan", "half", "negative"]
)
def test_a_report_is_a_number_at_a_step(value, step):
    with pytest.raises(ValueError, match="expected"):
        TrialProgress({}, "minimize")(value, step)


def test_it_passes_what_catches_errors():
    assert not issubclass(PrunedTrial, Exception)


def test_the_time_that_trials_took_counts_once():
    def timed(start, end):
        moment = "2026-01-01T00:00:{:02}+00:00"
        return {**result({}, 1.0), "started": moment.format(start), "ended": moment.format(end)}

    assert spent([timed(0, 10), timed(5, 12), timed(20, 30), timed(22, 24)]) == 22.0
    assert spent([]) == 0.0


def test_the_best_comes_first_and_of_equal_ones_the_earlier():
    known = added(
        [], [result({}, 2.0), result({}, 1.0), result({}, 1.0), result({}, 0.0, "pruned")]
    )
    assert [trial["number"] for trial in ranked(known, "minimize")] == [1, 2, 0]
    assert [trial["number"] for trial in ranked(known, "maximize")] == [0, 1, 2]
    assert [trial["round"] for trial in added(known, [result({}, 1.0)])] == [1, 1, 1, 1, 2]
