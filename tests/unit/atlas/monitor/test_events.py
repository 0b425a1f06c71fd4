"""One cause is one event, whoever finds it, and what was altered isn't taken for one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from atlas.errors import StoreError
from atlas.monitor.events import (
    TriggerEvent,
    event,
    event_ids,
    events,
    open_events,
    record_event,
    result_of,
)
from atlas.store import open_store


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path.as_uri())


def drift(**changed):
    facts = {
        "pipeline": "shop",
        "model": "shop",
        "version": "3",
        "digest": "a" * 64,
        "trigger": "drift",
        "interval_end": "2026-01-02T00:00:00+00:00",
        "created": "2026-01-02T01:00:00+00:00",
    }
    return TriggerEvent(**{**facts, **changed})


def outcome(store, of, result):
    key = f"retrainings/{of.pipeline}/{of.id}/outcome.json"
    store.location.write(key, json.dumps({"result": result}).encode())


def test_an_event_is_called_by_its_cause_alone():
    one = drift()
    assert one.id == drift(created="2027-01-01T00:00:00+00:00", why="x", numbers={"a": 1}).id
    changes = ({"watermark": "0" * 16}, {"trigger": "new_rows"}, {"version": "4"})
    others = [drift(**change).id for change in (*changes, {"digest": "b" * 64})]
    assert len({one.id, *others}) == 5
    assert TriggerEvent.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_the_first_of_many_writers_holds(store):
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda n: record_event(store, drift(why=f"{n}")), range(50))]
    assert sum(is_new for _, is_new in found) == 1
    assert len({one.why for one, _ in found}) == 1
    assert event_ids(store, "shop") == [drift().id]


def test_an_event_is_open_until_nothing_more_comes_of_it(store):
    first, _ = record_event(store, drift())
    record_event(store, drift(trigger="new_rows", created="2026-01-01T00:00:00+00:00"))
    assert [one.trigger for one in open_events(store, "shop")] == ["new_rows", "drift"]
    outcome(store, first, "failed")
    assert len(open_events(store, "shop")) == 2
    outcome(store, first, "rejected")
    assert [one.trigger for one in open_events(store, "shop")] == ["new_rows"]
    assert result_of(store, "shop", first.id) == "rejected"
    assert len(events(store, "shop")) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"id": 1}', b"[" * 5000, b"\xff"],
    ids=["empty", "list", "cut", "no cause", "deep", "no text"],
)
def test_a_file_that_is_no_event_is_said_to_be_none(store, content):
    key = f"monitor/shop/events/{drift().id}.json"
    store.location.write(key, content)
    with pytest.raises(StoreError, match="isn't an event"):
        events(store, "shop")
    store.location.write(f"retrainings/shop/{drift().id}/outcome.json", content)
    with pytest.raises(StoreError, match="isn't an outcome"):
        result_of(store, "shop", drift().id)


def test_an_event_under_anothers_name_isnt_taken(store):
    content = json.dumps(drift().to_json()).encode()
    store.location.write(f"monitor/shop/events/{'0' * 16}.json", content)
    with pytest.raises(StoreError, match="another cause"):
        events(store, "shop")
    altered = {**drift().to_json(), "version": "4"}
    store.location.write(f"monitor/shop/events/{'0' * 16}.json", json.dumps(altered).encode())
    with pytest.raises(StoreError, match="its id isn't that of its cause"):
        events(store, "shop")


@pytest.mark.parametrize("identity", ["", "../../x", "0" * 15, "G" * 16])
def test_an_id_names_no_other_file(store, identity):
    with pytest.raises(StoreError, match="16 hexadecimal digits"):
        event(store, "shop", identity)


def test_an_event_that_isnt_there_is_answered_by_those_that_are(store):
    record_event(store, drift())
    with pytest.raises(StoreError, match=drift().id):
        event(store, "shop", "0" * 16)
