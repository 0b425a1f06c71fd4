"""What a check has found is shown: the page, the facts for `atlas status`, and the metrics."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atlas.errors import PlatformError, StoreError
from atlas.metrics.catalogue import CATALOGUE
from atlas.metrics.exposition import Sample
from atlas.metrics.metric import MONITOR
from atlas.monitor.checked import CheckedPipeline
from atlas.monitor.event_states import EventState, recorded_states
from atlas.monitor.last import last_check
from atlas.monitor.publishing import publish
from atlas.monitor.report.gathering import page_of
from atlas.monitor.samples import STATES, samples
from atlas.store import open_store
from atlas.tracking.metrics_outbox import WAITING, WaitingMetrics
from atlas.tracking.pushgateway import Pushgateway
from tests.unit.atlas.monitor.lives import Shop
from tests.unit.atlas.monitor.report.test_page import Parsed

RULE = {
    "drift": {"tolerance": 0.0},
    "new_rows": 9000,
    "new_labels": 500,
    "degradation": {"metric": "accuracy", "below": 0.8},
}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Eight batches, of which the last two have drifted, and labels that get worse."""
    shop = Shop(open_store(tmp_path.as_uri()), dict(RULE))
    shop.train()
    for number in range(8):
        shop.score(number, shift=0.0 if number < 6 else 1.0)
        shop.label(number, 100, right=90 if number < 3 else 20)
    return shop


def test_the_page_says_and_shows_what_was_found(shop: Shop) -> None:
    checked = shop.check()
    done = publish(shop.store, shop.registry, shop.monitored, checked)
    assert done.warnings == ()
    text = Parsed(done.page).text
    assert "new_labels, degradation, drift: fired" in text
    assert "8,000 of 9,000 rows" in text
    assert "Risk of a false alarm of drift" in text
    assert "Running accuracy, as labels came" in text
    assert "Labels since training" in text
    for event in checked.open:
        assert event.id in text
    page = page_of(shop.store, shop.registry, shop.monitored, checked)
    assert {suspect.name for suspect in page.suspects} == {"f0", "f1"}
    assert all(suspect.shape and suspect.measured.alarms for suspect in page.suspects)
    (running,) = page.performance
    value = checked.state("degradation")
    assert running.lines[0].values[-1] == pytest.approx(value.value)
    assert running.alarms
    assert shop.store.location.read("monitor/shop/report.html").decode() == done.page
    assert done.url.endswith("/monitor/shop/report.html")


def test_what_was_published_last_can_be_read_without_a_check(shop: Shop) -> None:
    assert last_check(shop.store, "shop") is None
    checked = shop.check()
    publish(shop.store, shop.registry, shop.monitored, checked)
    raw = last_check(shop.store, "shop")
    assert raw is not None
    states = {trigger["name"]: trigger["state"] for trigger in raw["triggers"]}
    assert states == {"new_rows": "quiet", "new_labels": "fired", "degradation": "fired", "drift": "fired"}  # fmt: skip
    assert {state["state"] for state in raw["states"]} == {"open"}
    assert raw["champion"] == checked.champion
    shop.store.location.write("monitor/shop/last.json", b"[1]")
    with pytest.raises(StoreError, match=r"monitor/shop/last.json: isn't a check"):
        last_check(shop.store, "shop")


def test_publishing_twice_writes_the_same(shop: Shop) -> None:
    checked = shop.check()
    one, two = (publish(shop.store, shop.registry, shop.monitored, checked) for _ in range(2))
    assert one == two
    assert len(shop.store.location.names(WAITING)) == 1


def series(found: list[Sample]) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("atlas_monitor_"), *sample.labels): sample.value
        for sample in found
    }


def test_every_metric_has_its_value(shop: Shop) -> None:
    checked = shop.check()
    states = recorded_states(shop.store, "shop")
    page = page_of(shop.store, shop.registry, shop.monitored, checked, states)
    found = series([*samples(checked, page, states)])
    own = {m.name.removeprefix("atlas_monitor_") for m in CATALOGUE if m.part == MONITOR}
    assert {key[0] for key in found} == own - {"dropped_series"}
    assert found["info", "shop", checked.champion] == 1.0
    assert (found["batches",], found["rows",], found["looks",]) == (8, 8000, 8)
    assert found["trigger_fired", "drift"] == 1.0
    assert found["trigger_fired", "new_rows"] == 0.0
    assert found["trigger_value", "new_rows"] == 8000
    assert found["trigger_threshold", "new_rows"] == 9000
    assert 0.0 < found["risk_spent", "drift"] < found["risk_budget", "drift"] == 0.01
    assert ("risk_spent", "new_rows") not in found
    assert found["drifted_columns",] == 2
    worst = max(
        one.distance / one.threshold for one in page.measured["features"] if one.feature == "f0"
    )
    assert found["distance", "features", "f0"] == pytest.approx(worst)
    assert worst > 1.0
    assert found["retrainings", "open"] == len(checked.open) == 3
    assert {key[1] for key in found if key[0] == "retrainings"} == {*STATES}
    created = min(datetime.fromisoformat(event.created).timestamp() for event in checked.open)
    assert found["open_event_timestamp_seconds",] == created


def test_events_of_an_earlier_champion_are_not_this_one_s(shop: Shop) -> None:
    before = shop.check()
    shop.train(until=9.0)
    checked = shop.check()
    states = recorded_states(shop.store, "shop")
    page = page_of(shop.store, shop.registry, shop.monitored, checked, states)
    found = series([*samples(checked, page, states)])
    assert {state.event.version for state in states} == {before.champion}
    assert found["retrainings", "open"] == 0
    assert ("open_event_timestamp_seconds",) not in found
    assert len(page.happenings) == 3


def test_what_has_become_of_an_event_is_what_one_is_told(shop: Shop) -> None:
    checked = shop.check()
    states = [
        EventState(checked.open[0], "failed", "no memory <b>", run="retraining-1"),
        EventState(checked.open[1], "waiting", until="2026-04-01T00:00:00+00:00"),
        EventState(checked.open[2], "promoted", version="9"),
    ]
    done = publish(shop.store, shop.registry, shop.monitored, checked, states=states)
    text = Parsed(done.page).text
    assert "no memory <b>; run retraining-1" in text
    assert "may begin at 2026-04-01 00:00 UTC" in text
    assert "made version 9" in text
    raw = last_check(shop.store, "shop")
    assert raw is not None
    assert [state["state"] for state in raw["states"]] == ["failed", "waiting", "promoted"]


def test_a_pushgateway_that_is_down_keeps_nothing_from_being_shown(shop: Shop) -> None:
    checked = shop.check()
    gateway = Pushgateway("http://127.0.0.1:9")
    done = publish(shop.store, shop.registry, shop.monitored, checked, gateway=gateway)
    assert len(done.warnings) == 1
    assert done.warnings[0].startswith("metrics not pushed: pushgateway at http://127.0.0.1:9")
    (name,) = shop.store.location.names(WAITING)
    waiting = WaitingMetrics.parse(shop.store.location.read(f"{WAITING}/{name}"))
    assert waiting.group.labels["flow"] == "monitor"
    assert 'atlas_monitor_trigger_fired{trigger="drift"} 1.0' in waiting.batch


def test_without_a_champion_there_is_a_page(tmp_path: Path) -> None:
    shop = Shop(open_store(tmp_path.as_uri()), dict(RULE))
    done = publish(shop.store, shop.registry, shop.monitored, shop.check())
    text = Parsed(done.page).text
    assert "Champion: there is none" in text
    assert "has no champion" in text


def test_of_a_champion_that_has_changed_since_the_page_says_what_was_found(shop: Shop) -> None:
    checked = shop.check()
    shop.train(until=9.0)
    page = page_of(shop.store, shop.registry, shop.monitored, checked)
    assert page.version == checked.champion
    assert page.triggers
    assert page.suspects == ()


def test_counts_that_are_gone_leave_what_was_seen(shop: Shop) -> None:
    checked = shop.check()
    for name in shop.store.location.names("profiles/counts"):
        shop.store.location.remove(f"profiles/counts/{name}")
    page = page_of(shop.store, shop.registry, shop.monitored, checked)
    assert {suspect.name for suspect in page.suspects} == {"f0", "f1"}
    assert not any(suspect.shape for suspect in page.suspects)


def test_a_registry_that_does_not_answer_is_an_error(shop: Shop) -> None:
    class Down:
        kind = "store"

        def find(self, model: str, version: str) -> None:
            raise PlatformError("no answer")

    with pytest.raises(PlatformError):
        publish(shop.store, Down(), shop.monitored, shop.check())  # type: ignore[arg-type]


def test_an_older_check_pushes_nothing_in_place_of_a_newer_one(shop: Shop) -> None:
    checked = shop.check()
    later = datetime(2030, 1, 1, tzinfo=UTC).isoformat()
    for one in (replace(checked, checked=later, rows=7), checked):
        publish(shop.store, shop.registry, shop.monitored, one)
    names = shop.store.location.names(WAITING)
    kept = [WaitingMetrics.parse(shop.store.location.read(f"{WAITING}/{name}")) for name in names]
    assert [waiting.recency.created for waiting in kept] == [later]
    assert "atlas_monitor_rows 7.0" in kept[0].batch


def test_plain_data_are_json(shop: Shop) -> None:
    checked: CheckedPipeline = shop.check()
    publish(shop.store, shop.registry, shop.monitored, checked)
    raw = json.loads(shop.store.location.read("monitor/shop/last.json"))
    assert raw["pipeline"] == "shop"
    assert raw["checked"] == checked.checked
