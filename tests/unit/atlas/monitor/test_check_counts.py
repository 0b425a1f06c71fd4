"""Rows and labels since training: what is new counts once, whatever is scored again or taken back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from atlas.monitor.events import events
from atlas.store import open_store
from tests.unit.atlas.monitor.lives import Shop, day


@pytest.fixture
def shop(tmp_path):
    made = Shop(open_store(tmp_path.as_uri()), rule={"new_rows": 5000, "new_labels": 1000})
    made.train(0.0)
    return made


def count(shop, name):
    return shop.check().state(name).value


def reject(shop):
    for event in events(shop.store, "shop"):
        key = f"retrainings/shop/{event.id}/outcome.json"
        shop.store.location.write(key, json.dumps({"result": "rejected"}).encode())


def test_rows_fire_once_when_there_are_so_many(shop):
    for number in range(4):
        shop.score(number)
        assert shop.check().fired == ()
    shop.score(4)
    found = shop.check()
    (event,) = found.events
    assert (event.trigger, event.numbers, event.interval_end) == (
        "new_rows",
        {"rows": 5000},
        day(5),
    )
    shop.score(5)
    again = shop.check()
    assert (again.events, again.fired) == ((), ("new_rows",))


def test_rows_count_again_from_the_event_that_was_rejected(shop):
    for number in range(6):
        shop.score(number)
    shop.check()
    shop.score(6)
    reject(shop)
    assert count(shop, "new_rows") == 1000
    for number in range(7, 11):
        shop.score(number)
    (event,) = shop.check().events
    assert event.numbers == {"rows": 11_000}
    assert event.watermark == events(shop.store, "shop")[0].id


def test_rows_that_are_older_than_the_training_arent_new(shop):
    shop.score(-3)
    shop.score(-0.5)  # ends after the training's data do
    shop.score(0)
    assert count(shop, "new_rows") == 2000


def test_rows_that_another_champion_has_scored_since_the_training_are_new(shop):
    shop.score(0)
    shop.score(1)
    shop.train(1.0)
    shop.score(2)
    assert count(shop, "new_rows") == 2000  # of day 1 and 2; day 0 ended with its training's data


def test_a_batch_that_is_scored_again_counts_once(shop):
    shop.score(0)
    shop.score(0, rows=300, created=day(9))
    assert count(shop, "new_rows") == 300


def test_rows_scored_by_hand_again_count_once(shop):
    rows = shop.rows(1000)
    for hour in range(9):
        shop.score(None, table=rows, created=day(0, hour + 1.0))
    assert count(shop, "new_rows") == 1000


def test_a_clock_that_was_ahead_at_training_hides_rows_until_the_first_batch_only(tmp_path):
    shop = Shop(open_store(tmp_path.as_uri()), rule={"new_rows": 5000})
    shop.train(None, created=day(3650))
    shop.score(0)
    shop.score(1)
    shop.score(None, created=day(1, 5.0))
    assert count(shop, "new_rows") == 2000


def test_the_run_that_made_the_champion_is_gone(shop):
    shop.score(0)
    shop.train(2.0)
    shop.store.location.remove("shop/training-2")
    shop.score(3)
    found = shop.check()
    assert found.state("new_rows").value == 1000
    assert "only its own batches count" in found.warnings[0]


def test_labels_count_by_batch_and_fire_once(shop):
    shop.score(0)
    shop.score(1)
    shop.label(0, 400)
    shop.label(1, 400)
    assert count(shop, "new_labels") == 800
    shop.label(1, 600, as_of=day(9))
    (event,) = shop.check().events
    assert (event.trigger, event.numbers) == ("new_labels", {"labels": 1000})
    shop.label(1, 10, as_of=day(10))  # labels were taken back
    found = shop.check()
    assert (found.fired, found.state("new_labels").value) == (("new_labels",), 410)
    reject(shop)
    assert count(shop, "new_labels") == 0


def test_several_steps_that_measure_a_batch_count_its_labels_once(shop):
    shop.score(0)
    shop.label(0, 300)
    shop.label(0, 500, step="measure_again")
    assert count(shop, "new_labels") == 500


def test_labels_of_older_batches_count_from_the_first_check_on(shop):
    shop.score(0)
    shop.label(0, 200)
    shop.train(1.0)
    assert count(shop, "new_labels") == 0
    shop.label(0, 900, as_of=day(9))
    assert count(shop, "new_labels") == 700
    shop.label(0, 50, as_of=day(10))
    assert count(shop, "new_labels") == 0


def test_without_statistics_no_row_is_counted_and_that_is_said(shop):
    assert "expected `statistics` in the Config" not in shop.check().warnings
    assert any("no row is counted" in text for text in _without_statistics(shop).warnings)


def _without_statistics(shop):
    class Bare(Shop):
        @property
        def monitored(self):
            return replace(super().monitored, statistics={})

    return Bare.check(Bare(shop.store, rule={"new_rows": 1}))
