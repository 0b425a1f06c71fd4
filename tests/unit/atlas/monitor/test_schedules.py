"""The best schedule is the best of all, and a retraining that gains nothing is called so."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from atlas.monitor.replay.schedules import (
    DOESNT,
    HELPS,
    UNSURE,
    Losses,
    best_schedule,
    gains,
    scheduled,
)


def losses(mean, rows=None, error=0.0):
    periods = len(mean[0])
    return Losses(rows or [1.0] * periods, mean, [[error] * periods for _ in mean])


def drawn(periods, seed):
    random = np.random.default_rng(seed)
    mean = [
        [math.nan if model > period else float(random.random()) for period in range(periods)]
        for model in range(periods)
    ]
    return losses(mean, [float(rows) for rows in random.integers(1, 100, periods)])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("cost", [0.0, 3.0, 30.0, 1e6])
def test_no_other_schedule_costs_less(seed, cost):
    found = drawn(7, seed)
    best = best_schedule(found, cost)
    every = [c for n in range(7) for c in combinations(range(1, 7), n)]
    totals = [scheduled(found, chosen, cost).total for chosen in every]
    assert best.total == pytest.approx(min(totals))
    assert best.total == pytest.approx(scheduled(found, best.trainings, cost).total)
    assert cost < 1e6 or best.trainings == ()


def test_of_equal_schedules_the_shortest_is_the_best():
    assert best_schedule(losses([[1.0] * 5] * 5), 0.0).trainings == ()


def test_a_change_that_training_mends_helps_and_another_doesnt():
    nan = math.nan
    mended = losses([[0.1, 0.3, 0.3], [nan, 0.1, 0.1], [nan, nan, 0.1]], [100.0, 100.0, 100.0])
    (gain,) = gains(mended, scheduled(mended, [1], 5.0))
    assert (gain.training, gain.verdict, gain.cost) == (1, HELPS, 5.0)
    assert gain.gain == pytest.approx(40.0)
    assert best_schedule(mended, 5.0).trainings == (1,)
    noise = losses([[0.1, 0.3, 0.3], [nan, 0.3, 0.3], [nan, nan, 0.3]])
    schedule = scheduled(noise, [1, 2], 0.0)
    assert [gain.verdict for gain in gains(noise, schedule)] == [DOESNT, DOESNT]
    assert best_schedule(noise, 0.0).trainings == ()


def test_a_gain_within_its_error_cant_be_told():
    found = losses([[0.1, 0.30], [math.nan, 0.29]], [100.0, 100.0], error=0.01)
    (gain,) = gains(found, scheduled(found, [1], 0.0))
    assert gain.verdict == UNSURE
    assert gain.error == pytest.approx(100 * 0.01 * math.sqrt(2))
    (costly,) = gains(found, scheduled(found, [1], 50.0))
    assert costly.verdict == DOESNT


def test_many_periods_take_no_time():
    assert len(best_schedule(drawn(200, 1), 0.5).trainings) <= 199
