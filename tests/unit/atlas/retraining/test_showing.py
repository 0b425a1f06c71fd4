"""What is shown of events: as they are recorded, or as whoever has just looked at them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.monitor.last import last_check
from atlas.retraining.records import EventRecords, RetrainingEnd
from atlas.retraining.showing import event_states, show, show_again
from atlas.retraining.state import Retraining
from atlas.store import open_store
from tests.unit.atlas.monitor.lives import Shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.delenv("ATLAS_PUSHGATEWAY_URL", raising=False)
    shop = Shop(open_store(tmp_path.as_uri()), {"new_rows": 500, "new_labels": 50})
    shop.train()
    shop.score(1)
    shop.label(1, 100, right=90)
    return shop


def test_an_event_is_open_then_as_recorded_then_as_is_said(shop: Shop) -> None:
    checked = shop.check()
    first, second = checked.open
    assert [one.state for one in event_states(shop.store, "shop")] == ["open", "open"]
    EventRecords(shop.store, "shop", first.id).finish(RetrainingEnd("failed", "no memory", ended=checked.checked))  # fmt: skip
    said = Retraining(second.id, "shop", second.trigger, "waiting", "its turn", "2030-01-01T00:00:00+00:00")  # fmt: skip
    states = {one.event.id: one for one in event_states(shop.store, "shop", [said])}
    assert (states[first.id].state, states[first.id].why) == ("failed", "no memory")
    assert (states[second.id].state, states[second.id].until) == ("waiting", said.until)


def test_what_has_become_of_an_event_is_shown_without_another_look(shop: Shop) -> None:
    checked = shop.check()
    assert show(shop.store, shop.registry, shop.monitored, checked).warnings == ()
    said = [
        Retraining(event.id, "shop", event.trigger, "running", run="r-1") for event in checked.open
    ]
    again = show_again(shop.store, shop.registry, shop.monitored, said)
    assert again.warnings == ()
    raw = last_check(shop.store, "shop")
    assert raw is not None
    assert {(one["state"], one["run"]) for one in raw["states"]} == {("running", "r-1")}
    assert raw["events"] == []


def test_that_it_can_t_be_shown_is_a_warning(shop: Shop) -> None:
    checked = shop.check()
    shop.store.location.write(f"monitor/shop/events/{checked.open[0].id}.json", b"[]")
    for done in (
        show(shop.store, shop.registry, shop.monitored, checked),
        show_again(shop.store, shop.registry, shop.monitored),
    ):
        assert done.page == ""
        assert done.warnings[0].startswith("what was found isn't shown: ")
