"""A replay says when triggers would have fired, as the check does, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atlas.errors import AtlasError, ProfileError
from atlas.monitor.life import ChampionLife
from atlas.monitor.replay.replaying import replay, replay_synthetic
from atlas.monitor.replay.synthetic import MadeUp, Shift, synthetic
from atlas.monitor.replay.tuning import bounds_of
from atlas.monitor.row_metrics import ROW_METRICS, LossAtTest
from atlas.profiles.measure import reference
from atlas.store import open_store
from tests.unit.atlas.monitor.lives import Shop

RULE = {
    "new_rows": 3000,
    "new_labels": 1000,
    "degradation": {"metric": "accuracy", "below": 0.85},
    "drift": {"tolerance": 0.0, "false_alarms": 0.01},
}


@pytest.fixture
def shop(tmp_path):
    return Shop(open_store(str(tmp_path)), dict(RULE))


def life(shop):
    return ChampionLife(shop.store, shop.monitored, shop.champion, "2026-04-01T00:00:00+00:00")


def first(found, trigger, bounds=""):
    return next(r for r in found.replayed if (r.trigger, r.bounds) == (trigger, bounds))


def files(shop):
    root = Path(shop.store.url.removeprefix("file://"))
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def fill(shop):
    """Ten batches: the rows change with the sixth, the labels with the seventh."""
    shop.train()
    for number in range(10):
        shop.score(number, 1000, 0.0 if number < 5 else 0.6)
        shop.label(number, 500, right=460 if number < 6 else 330)


def test_it_finds_what_a_check_finds_batch_by_batch_and_writes_nothing(shop):
    fill(shop)
    before = files(shop)
    found = replay(life(shop))
    assert files(shop) == before
    assert (found.pipeline, found.champion, found.batches) == ("shop", "local-1", 10)
    assert {name: first(found, name).number for name in RULE} == {
        "new_rows": 3,
        "new_labels": 2,
        "degradation": 7,
        "drift": 6,
    }
    assert first(found, "drift").batch == "20260306T000000Z-20260307T000000Z"
    assert set(found.tolerances) == {"features.f0", "features.f1"}
    checked = {state.name: state for state in shop.check().triggers}
    assert all(checked[name].fired for name in RULE)
    assert checked["drift"].details["batch"] == first(found, "drift").batch


def test_other_bounds_fire_at_other_times(shop):
    fill(shop)
    found = replay(life(shop))
    assert first(found, "new_rows", "new_rows=6000").number == 6
    assert first(found, "new_rows", "new_rows=1500").number == 2
    assert first(found, "new_labels", "new_labels=2000").number == 4
    assert first(found, "drift", "drift.tolerance=0.1").number >= 6
    assert first(found, "degradation", "degradation.batches=5").number == 9
    tried = replay(life(shop), ["drift.tolerance=0.9", "degradation.below=0.5", "new_rows=99999"])
    assert first(tried, "drift", "drift.tolerance=0.9").number == 0
    assert first(tried, "degradation", "degradation.below=0.5").batch == ""
    assert first(tried, "new_rows", "new_rows=99999").why == "10,000 of 99,999 rows"
    assert first(tried, "drift").number == 6


def test_the_tolerance_that_it_names_is_the_smallest_that_keeps_quiet(shop):
    fill(shop)
    needed = replay(life(shop)).tolerances
    least = max(needed.values())
    for tolerance, quiet in ((least + 0.001, True), (least - 0.005, False)):
        found = replay(life(shop), [f"drift.tolerance={tolerance:.4f}"])
        assert (first(found, "drift", f"drift.tolerance={tolerance:.4f}").number == 0) == quiet


def test_without_batches_or_a_reference_it_says_so(shop):
    shop.train(profiled=False)
    found = replay(life(shop))
    assert found.batches == 0
    assert first(found, "drift").why.startswith("can't be told: the champion has no profile")
    assert first(found, "new_rows").why == "0 of 3,000 rows"
    assert any("has no profile" in text for text in found.warnings)
    shop.score(1)
    assert replay(life(shop)).batches == 1


def test_made_up_batches_show_what_a_change_would_lead_to(shop):
    shop.train(rows=20_000)
    shop.rule = {"drift": {}}
    quiet = replay_synthetic(life(shop), [], ["drift.looks=50"], batches=5, streams=3)
    assert (first(quiet, "drift").fired, first(quiet, "drift").early) == (0, 0)
    change = [Shift.parse("f1=0.5sd@4")]
    sizes = {"batches": 5, "streams": 3}
    found = replay_synthetic(life(shop), change, ["drift.looks=50"], **sizes)
    drift = first(found, "drift")
    assert (drift.streams, drift.fired, drift.early, drift.delay) == (3, 3, 0, 1)
    assert drift.number == 4
    assert found == replay_synthetic(life(shop), change, ["drift.looks=50"], **sizes)


MADE = MadeUp(
    reference(
        {
            "features.n": np.random.default_rng(1).gamma(2.0, 1.0, 20_000),
            "features.few": [1.0, 2.0, 2.0, 5.0] * 500,
            "features.gaps": [1.0, np.nan, 2.0, 3.0] * 500,
            "features.kind": [*"aabc"] * 500,
            "features.gone": [np.nan] * 2000,
        }
    ),
    metric=ROW_METRICS["accuracy"],
    score=LossAtTest(1000, 100.0, 100.0),
)


def counts(shifts, number=-1):
    made = synthetic(MADE, [Shift.parse(s) for s in shifts], batches=4, rows=10_000, seed=1)
    return made.batches[number]


def far(name, shifts, number=-1):
    """The distance of a made-up batch's distribution from the reference's."""
    now, then = counts(shifts, number).counts.features[name], MADE.beside.features[name]
    shares = [f.counts / max(f.present, 1) for f in (now, then)]
    return float(np.abs(np.cumsum(shares[0]) - np.cumsum(shares[1])).max())


def test_made_up_rows_are_like_those_of_training_but_for_the_change():
    for name in MADE.beside.features:
        assert far(name, []) < 0.02
        feature = counts([]).counts.features[name]
        assert feature.counts.sum() == feature.present
    assert counts([]).counts.features["features.gaps"].missing == pytest.approx(2500, abs=200)
    assert counts([]).counts.features["features.gone"].missing == 10_000
    spread = np.random.default_rng(1).gamma(2.0, 1.0, 20_000)
    moved = float(
        np.mean(spread <= np.quantile(spread, 0.4))
        - np.mean(spread + spread.std() / 2 <= np.quantile(spread, 0.4))
    )
    assert far("features.n", ["n=0.5sd@3"]) >= moved - 0.02
    assert far("features.n", ["n=0.5sd@3"], 1) < 0.02
    assert far("features.few", ["few=-10sd@1"]) == pytest.approx(0.75, abs=0.02)
    assert counts(["gaps=missing:0.6@2"]).counts.features["features.gaps"].missing == pytest.approx(
        6000, abs=200
    )
    assert far("features.kind", ["kind=new:0.3@2"]) == pytest.approx(0.3, abs=0.02)
    assert counts(["accuracy=0.7@2"]).losses.sum == pytest.approx(3000, abs=200)
    assert counts([]).losses.sum == pytest.approx(1000, abs=150)


@pytest.mark.parametrize("name", ["mae", "rmse", "log_loss", "brier_score"])
def test_made_up_losses_have_the_tests_mean_and_spread(name):
    metric = ROW_METRICS[name]
    values = np.random.default_rng(2).beta(1.0, 4.0, 5000)
    of = MadeUp(reference({}), metric=metric, score=metric.score(values))
    made = synthetic(of, [], batches=1, rows=20_000, seed=1).batches[0].losses
    assert made.sum / made.n == pytest.approx(values.mean(), rel=0.05)
    assert made.sum_squares / made.n == pytest.approx((values**2).mean(), rel=0.1)
    worse = metric.value(2.0 * values.mean())
    changed = [Shift(name, "value", worse, 1)]
    made = synthetic(of, changed, batches=1, rows=20_000, seed=1).batches[0].losses
    assert metric.value(made.sum / made.n) == pytest.approx(worse, rel=0.05)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("n", "shift 'n': expected COLUMN=0.5sd@10"),
        ("n=0.5sd", "expected COLUMN=0.5sd@10"),
        ("n=0.5sd@0", "expected COLUMN=0.5sd@10"),
        ("gaps=missing:1.5@2", "found a share of 1.5, expected 0 to 1"),
        (
            "other=1sd@2",
            "shift of other: the reference has no such column; expected one of features.n",
        ),
        ("kind=1sd@2", "shift of kind: found a category, expected a number for sd"),
        ("n=new:0.1@2", "shift of n: found a number, expected categories for new"),
        (
            "rmse=2@2",
            "found rmse, a metric whose losses at the champion's test are known: accuracy",
        ),
    ],
)
def test_changes_of_nothing_are_refused(text, says):
    with pytest.raises(AtlasError, match=says):
        counts([text])


def test_a_metric_that_cant_be_so_is_refused():
    with pytest.raises(ProfileError, match="accuracy can't be -1"):
        synthetic(MADE, [Shift("accuracy", "value", -1.0, 1)], batches=1, rows=10, seed=1)


@pytest.mark.parametrize(
    "text", ["drift.tolerance=2", "drift=3", "other=1", "drift.false_alarms", "approval=none", ""]
)
def test_bounds_that_a_config_cant_have_are_refused(shop, text):
    with pytest.raises(AtlasError, match="expected what `retraining` has"):
        bounds_of(shop.monitored.rule, [text])


def test_bounds_of_a_trigger_that_the_config_lacks_can_be_tried(shop):
    shop.rule = {"new_rows": 10}
    found = bounds_of(shop.monitored.rule, ["drift.false_alarms=0.05", "new_labels=7"])
    assert [(bounds.trigger, bounds.changed) for bounds in found] == [
        ("new_rows", ""),
        ("drift", "drift.false_alarms=0.05"),
        ("new_labels", "new_labels=7"),
    ]
    assert found[1].rule.drift.false_alarms == 0.05
