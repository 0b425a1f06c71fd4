"""The running loss alarms where a model is worse than at its test, and as good as never otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlas.errors import ProfileError
from atlas.monitor.budget import Budget
from atlas.monitor.row_metrics import ROW_METRICS, LossAtTest, LossSums
from atlas.monitor.running import ASYMPTOTIC, FINITE, RunningRule, fresh, limit_of, running

ACCURACY, BRIER, MAE, RMSE = (ROW_METRICS[n] for n in ("accuracy", "brier_score", "mae", "rmse"))
BUDGET = Budget(0.01)


def sums(metric, name, values):
    parts = {"n": len(values), "sum": values.sum(), "sum_squares": (values**2).sum()}
    return metric.sums(name, parts)


def stream(metric, draw, sizes, rng):
    """The sums of batches: `draw(number, size, rng)` gives each one's values of the metric."""
    return [sums(metric, f"b{i}", draw(i, n, rng)) for i, n in enumerate(sizes)]


def first_alarm(counted, score, rule):
    looks = (n for n in range(1, len(counted) + 1) if running(counted[:n], score, rule).fired)
    return next(looks, None)


DRAWS = {
    "accuracy": (ACCURACY, lambda n, rng: (rng.random(n) < 0.9).astype(float)),
    "nearly always right": (ACCURACY, lambda n, rng: (rng.random(n) < 0.999).astype(float)),
    "brier": (BRIER, lambda n, rng: rng.beta(0.5, 4.0, n)),
    "log loss": (ROW_METRICS["log_loss"], lambda n, rng: -np.log(rng.beta(8, 1, n))),
    "heavy tails": (MAE, lambda n, rng: rng.lognormal(0.0, 1.0, n)),
    "very heavy tails": (MAE, lambda n, rng: rng.pareto(2.5, n)),
    "squares": (RMSE, lambda n, rng: rng.standard_normal(n) ** 2),
}


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("size", [5, 300])
def test_a_quiet_stream_doesnt_alarm(kind, size):
    metric, draw = DRAWS[kind]
    rng, rule, fired = np.random.default_rng(3), RunningRule(metric, BUDGET), 0
    for _ in range(10):
        score = metric.score(draw(1000, rng))
        counted = stream(metric, lambda _, n, r: draw(n, r), [size] * 25, rng)
        fired += first_alarm(counted, score, rule) is not None
    assert fired == 0


@pytest.mark.parametrize(
    ("before", "after", "size", "within"), [(0.9, 0.8, 500, 3), (0.95, 0.9, 1000, 5)]
)
def test_a_model_that_becomes_worse_is_seen_soon_however_long_it_was_good(
    before, after, size, within
):
    rng, rule, late = np.random.default_rng(5), RunningRule(ACCURACY, BUDGET), 0
    for _ in range(20):
        score = ACCURACY.score((rng.random(5000) < before).astype(float))
        counted = stream(
            ACCURACY,
            lambda i, n, r: (r.random(n) < (before if i < 60 else after)).astype(float),
            [size] * (60 + within),
            rng,
        )
        alarm = first_alarm(counted, score, rule)
        late += alarm is None or alarm <= 60
    assert late <= 1


def test_what_it_says_of_an_alarm():
    score = LossAtTest(10_000, 1000.0, 1000.0)
    counted = [LossSums(f"b{i}", 1000, 100.0, 100.0) for i in range(10)]
    counted += [LossSums(f"b{i}", 1000, 300.0, 300.0) for i in range(10, 13)]
    seen = running(counted, score, RunningRule(ACCURACY, BUDGET, batches=2))
    assert seen.fired
    assert (seen.since, seen.batches, seen.rows) == ("b10", 3, 3000)
    assert seen.value == pytest.approx(0.7)
    assert seen.whole == pytest.approx(1.0 - 1900 / 13000)
    assert seen.value < seen.bound < seen.limit < 0.9
    assert seen.chance < 1e-6
    assert seen.promise == FINITE
    assert seen.spent == BUDGET.spent(13)


def test_one_bad_batch_isnt_two():
    counted = [LossSums("b", 5000, 2500.0, 2500.0)] * 3
    rule = RunningRule(ACCURACY, BUDGET, batches=2, limit=0.9)
    assert not running(counted, None, rule).fired
    assert running([*counted, LossSums("c", 1, 0.0, 0.0)], None, rule).fired


def test_nothing_is_said_without_labels():
    seen = running([LossSums("b", 0, 0.0, 0.0)], None, RunningRule(ACCURACY, BUDGET, limit=0.9))
    assert (seen.fired, seen.since, seen.rows, seen.chance) == (False, "", 0, 1.0)
    assert math.isnan(seen.value)


def test_a_margin_and_a_limit_are_in_the_metrics_unit():
    counted = [LossSums("b", 100_000, 400_000.0, 2e6)]  # rmse 2
    assert running(counted, None, RunningRule(RMSE, BUDGET, limit=1.9)).fired
    assert not running(counted, None, RunningRule(RMSE, BUDGET, limit=2.1)).fired
    score = RMSE.score(np.random.default_rng(1).standard_normal(100_000) ** 2)
    assert limit_of(score, RunningRule(RMSE, BUDGET, margin=0.5))[0] == pytest.approx(1.5, abs=0.05)
    assert limit_of(score, RunningRule(RMSE, BUDGET))[1] == ASYMPTOTIC
    accuracy = limit_of(LossAtTest(10**6, 10**5, 10**5), RunningRule(ACCURACY, BUDGET, margin=0.02))
    assert accuracy == (pytest.approx(0.88, abs=0.002), FINITE)


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("rows", [50, 1000])
def test_the_tests_own_error_covers_the_truth(kind, rows):
    metric, draw = DRAWS[kind]
    rng = np.random.default_rng(6)
    rule = RunningRule(metric, Budget(0.5))  # 5 % for the test
    truth = metric.value(metric.score(draw(2_000_000, rng)).sum / 2_000_000)
    missed = sum(
        metric.is_worse(truth, limit_of(metric.score(draw(rows, rng)), rule)[0]) for _ in range(400)
    )
    # Where the promise is for many rows only, a heavy tail takes more of them.
    assert missed / 400 <= (0.05 + 0.03 if metric.range else 0.16)


@pytest.mark.parametrize(
    ("metric", "score"),
    [(ACCURACY, None), (ACCURACY, LossAtTest(0, 0.0, 0.0)), (MAE, LossAtTest(10, 20.0, 40.0)), (MAE, LossAtTest(1, 2.0, 4.0))],
)  # fmt: skip
def test_a_score_that_says_nothing_of_its_error_is_refused(metric, score):
    with pytest.raises(ProfileError, match="or a limit of the metric in the Config"):
        limit_of(score, RunningRule(metric, BUDGET))


@pytest.mark.parametrize("name", ROW_METRICS)
def test_losses_are_above_zero_and_come_back_as_the_metric(name):
    metric = ROW_METRICS[name]
    values = np.array([1.0, 0.0, 1.0, 1.0])
    made = sums(metric, "b", values)
    assert made.n == 4
    assert made.sum >= 0.0
    mean = values.mean()
    assert metric.value(made.sum / 4) == pytest.approx(math.sqrt(mean) if metric.is_root else mean)
    assert metric.loss_of(metric.value(made.sum / 4)) == pytest.approx(made.sum / 4)
    score = metric.score(values)
    assert (score.n, score.sum, score.sum_squares) == (4, made.sum, made.sum_squares)


@pytest.mark.parametrize(
    "values",
    [
        {"n": 10, "sum": 11.0, "sum_squares": 12.0},
        {"n": 10, "sum": 5.0, "sum_squares": 1.0},
        {"n": 10, "sum": math.nan, "sum_squares": 1.0},
        {"n": -1, "sum": 0.0, "sum_squares": 0.0},
        {"n": 2.5, "sum": 1.0, "sum_squares": 1.0},
        {"n": "3", "sum": 1.0, "sum_squares": 1.0},
        {"n": 3},
    ],
)
def test_sums_that_no_rows_have_are_refused(values):
    with pytest.raises(ProfileError, match="b: accuracy: no"):
        ACCURACY.sums("b", values)


def test_a_test_row_without_a_value_is_refused():
    with pytest.raises(ProfileError, match="mae: 1 of 2 rows of the test have none"):
        MAE.score([1.0, math.nan])


def test_labels_that_come_late_are_counted_once_and_corrections_are_told():
    rng = np.random.default_rng(7)
    rows = {f"b{i}": (rng.random(200) < 0.9).astype(float) for i in range(4)}
    counted = []
    for known in (50, 50, 120, 200, 200):
        now = [sums(ACCURACY, name, values[:known]) for name, values in rows.items()]
        new = fresh(counted, now)
        assert new.revised == ()
        counted += new.sums
    assert len(counted) == 12
    assert sum(part.n for part in counted) == 800
    expected = 800 - sum(values.sum() for values in rows.values())
    assert sum(part.sum for part in counted) == pytest.approx(expected)
    changed = {**rows, "b1": 1.0 - rows["b1"], "b2": rows["b2"][:100]}
    again = fresh(counted, [sums(ACCURACY, name, values) for name, values in changed.items()])
    assert again.sums == ()
    assert again.revised == ("b1", "b2")


def test_late_labels_keep_the_promise_and_the_power():
    rng = np.random.default_rng(8)
    score = ACCURACY.score((rng.random(5000) < 0.9).astype(float))
    rule = RunningRule(ACCURACY, BUDGET)

    def life(accuracy):
        values = [(rng.random(400) < accuracy(i)).astype(float) for i in range(30)]
        counted = []
        for now in range(1, 34):
            # A quarter of the labels comes with the batch, a quarter with each of the next three.
            known = [(i, min(4, now - i) * 100) for i in range(min(now, 30))]
            now_known = [sums(ACCURACY, f"b{i}", values[i][:n]) for i, n in known]
            counted += fresh(counted, now_known).sums
            if running(counted, score, rule).fired:
                return now
        return None

    assert [life(lambda _: 0.9) for _ in range(8)] == [None] * 8
    seen = [life(lambda i: 0.9 if i < 20 else 0.75) for _ in range(5)]
    assert all(look is not None and 20 < look <= 24 for look in seen)
