"""Degradation: each labelled row counts once in one order, whenever its label comes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from atlas.monitor.estimate import calibrate
from atlas.monitor.events import event_ids, events
from atlas.monitor.ledger import LifeLedger
from atlas.monitor.references import LearntTable, keep_profile
from atlas.profiles.measure import batch, reference
from atlas.store import open_store
from tests.unit.atlas.monitor.lives import Shop, day

BELOW = {"degradation": {"metric": "accuracy", "below": 0.85}}


@pytest.fixture
def shop(tmp_path):
    made = Shop(open_store(tmp_path.as_uri()), rule=BELOW)
    made.train(0.0)
    return made


def ledger(shop):
    return LifeLedger(shop.store, "shop", "shop", "local-1", shop.champion.resolved().digest)


def counted(shop):
    losses = (loss for part in ledger(shop).parts for loss in part.losses)
    return [(loss["batch"][:8], loss["n"], loss["sum"]) for loss in losses]


def reject(shop):
    for event in events(shop.store, "shop"):
        key = f"retrainings/shop/{event.id}/outcome.json"
        shop.store.location.write(key, json.dumps({"result": "rejected"}).encode())


def test_a_worse_metric_fires_once_and_a_good_one_never(shop):
    for number in range(10):
        shop.label(number, 500, right=450)
        assert shop.check().fired == ()
    for number in range(10, 20):
        shop.label(number, 500, right=350)
        shop.check()
    (event,) = events(shop.store, "shop")
    assert event.trigger == "degradation"
    state = shop.check().state("degradation")
    assert (state.fired, state.event, state.budget) == (True, event.id, 0.01)
    assert state.value < 0.85 == state.threshold


def test_labels_that_come_late_are_counted_when_they_come(shop):
    shop.label(0, 100, right=90)
    shop.check()
    shop.check()
    shop.label(1, 50, right=40)
    shop.label(0, 300, right=260, as_of=day(9))
    shop.check()
    assert counted(shop) == [
        ("20260301", 100, 10.0),
        ("20260301", 200, 30.0),
        ("20260302", 50, 10.0),
    ]


def test_labels_that_are_taken_back_stay_counted_and_are_said(shop):
    shop.label(0, 100, right=90)
    shop.check()
    shop.label(0, 60, right=50, as_of=day(9))
    found = shop.check()
    assert counted(shop) == [("20260301", 100, 10.0)]
    assert "were taken back or changed" in found.warnings[0]


def test_many_monitors_at_once_count_each_row_once(shop):
    for number in range(20):
        shop.label(number, 100, right=50)
    with ThreadPoolExecutor(6) as pool:
        found = [*pool.map(lambda one: one.check(), [replace(shop) for _ in range(6)])]
    assert sum(n for _, n, _ in counted(shop)) == 2000
    assert len(event_ids(shop.store, "shop")) == 1
    assert {one.fired for one in found} == {("degradation",)}


def test_after_a_rejection_only_later_labels_fire_and_the_risk_goes_on(shop):
    for number in range(5):
        shop.label(number, 500, right=300)
    first = shop.check().state("degradation")
    reject(shop)
    assert shop.check().fired == ()
    assert shop.check().state("degradation").spent >= first.spent
    for number in range(5, 10):
        shop.label(number, 500, right=300)
    (event,) = shop.check().events
    assert event.numbers == {"parts": 10}


def test_rows_that_another_version_has_predicted_arent_the_champions(shop):
    own = {"n": 100, "sum": 95.0, "sum_squares": 95.0}
    other = {"n": 400, "sum": 10.0, "sum_squares": 10.0}
    versions = {
        "local-1": {"labels": 100, "metrics": {"accuracy": 0.95}, "sums": {"accuracy": own}},
        "local-9": {"labels": 400, "metrics": {"accuracy": 0.025}, "sums": {"accuracy": other}},
    }
    shop.label(0, 500, right=105, versions=versions)
    shop.label(1, 500, right=5, version="local-9")
    shop.label(2, 500, right=5, model="another")
    assert shop.check().fired == ()
    assert counted(shop) == [("20260301", 100, 5.0)]


def test_sums_that_no_rows_have_arent_counted(shop):
    shop.label(0, 100, sums={"accuracy": {"n": 100, "sum": 900.0, "sum_squares": 1.0}})
    found = shop.check()
    assert counted(shop) == []
    assert "the batch isn't counted" in found.warnings[0]


def test_without_the_rows_of_the_test_a_margin_says_so(shop):
    shop.rule = {"degradation": {"metric": "accuracy", "margin": 0.02}}
    shop.label(0, 100, right=50)
    found = shop.check()
    assert found.fired == ()
    assert found.state("degradation").why.startswith("can't be told")
    assert found.warnings


def test_a_metric_of_no_rows_fires_by_batches_in_a_row(shop):
    shop.rule = {"degradation": {"metric": "roc_auc", "below": 0.8, "batches": 3}}
    values = [0.9, 0.7, 0.7, 0.9, 0.7, 0.7]
    for number, value in enumerate(values):
        shop.label(number, 100, metrics={"roc_auc": value})
        assert shop.check().fired == ()
    shop.label(6, 100, metrics={"roc_auc": 0.75})
    found = shop.check()
    assert found.fired == ("degradation",)
    assert (found.state("degradation").budget, found.state("degradation").value) == (0.0, 0.75)
    reject(shop)
    assert shop.check().fired == ()
    for number in range(7, 10):
        shop.label(number, 100, metrics={"roc_auc": 0.7})
    assert len(shop.check().events) == 1


def test_a_metric_of_no_rows_needs_a_bound(shop):
    shop.rule = {"degradation": {"metric": "roc_auc"}}
    assert "expected `below` or `above`" in shop.check().warnings[0]


# The estimate -------------------------------------------------------------------------------


def scored(shop, count, sure):
    """Scores, and labels that follow from them."""
    scores = np.where(shop.random.random(count) < 0.5, 1.0 - sure, sure)
    return scores, shop.random.random(count) < scores


@pytest.fixture
def classifier(tmp_path):
    shop = Shop(
        open_store(tmp_path.as_uri()), rule={"estimate": {"metric": "accuracy", "below": 0.8}}
    )
    scores, labels = scored(shop, 5000, 0.95)
    shop.predictions = reference({"score": np.append(scores, [0.5, 0.6])})
    sha256 = keep_profile(shop.store, shop.predictions)
    learnt = calibrate(
        np.concatenate((scores, np.linspace(0.3, 0.7, 1000))),
        np.concatenate((labels, shop.random.random(1000) < 0.5)),
    )
    table = LearntTable(sha256, 5000, score="score", calibration=learnt)
    shop.train(0.0, tables={"predictions": table})
    return shop


def test_the_estimate_warns_and_starts_nothing(classifier):
    for number, sure in enumerate((0.95, 0.55)):
        scores, _ = scored(classifier, 1000, sure)
        counts = batch(pd.DataFrame({"score": scores}), classifier.predictions)
        classifier.score(number, counted={"predictions": counts})
        found = classifier.check()
        state = found.state("estimate")
        assert state.fired == (sure < 0.8)
        assert (found.fired, found.events) == ((), ())
    assert "is a warning" in state.why


def test_without_a_calibration_the_estimate_says_so(shop):
    shop.rule = {"estimate": {"metric": "accuracy", "below": 0.8}}
    shop.score(0)
    assert shop.check().state("estimate").why == "no batch has scores yet"
