"""Drift: a look for each batch, one event for a change, whatever repeats, crashes or comes late."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from atlas.errors import StoreError
from atlas.monitor.batches import batches, record_batch
from atlas.monitor.budget import Budget
from atlas.monitor.events import event_ids, events
from atlas.monitor.looks import Look, LookResult
from atlas.store import open_store
from tests.unit.atlas.monitor.lives import START, Shop, day


@pytest.fixture
def shop(tmp_path):
    made = Shop(open_store(tmp_path.as_uri()))
    made.train()
    return made


def looks(shop):
    """Every look with its result, as the store has them."""
    (folder,) = (f for f in shop.store.location.names("monitor/shop") if "@" in f)
    found = []
    for name in shop.store.location.names(f"monitor/shop/{folder}/looks"):
        look = Look.from_bytes(shop.store.location.read(f"monitor/shop/{folder}/looks/{name}"))
        key = f"monitor/shop/{folder}/results/{name}"
        found.append((look, LookResult.from_bytes(shop.store.location.read(key))))
    return found


def names(window):
    return [entry["batch"] for entry in window]


def test_a_change_makes_one_event_and_quiet_batches_none(shop):
    for number in range(5):
        shop.score(number)
        assert shop.check().events == ()
    shop.score(5, shift=0.5)
    first = shop.check()
    (event,) = first.events
    assert (event.trigger, event.version, event.interval_end) == ("drift", "local-1", day(6))
    assert event.numbers["batch"] == "20260306T000000Z-20260307T000000Z"
    assert first.fired == ("drift",)
    shop.score(6, shift=0.5)
    again = shop.check()
    assert (again.events, again.open, again.fired) == ((), (event,), ("drift",))
    assert again.state("drift").event == event.id
    assert event_ids(shop.store, "shop") == [event.id]


def test_each_batch_has_one_look_and_the_risks_add_up_to_the_budget(shop):
    for number in range(12):
        shop.score(number)
        if number % 3:
            shop.check()
    shop.check()
    shop.check()
    found = looks(shop)
    assert [look.number for look, _ in found] == [*range(1, 13)]
    assert [look.batch for look, _ in found] == [r.batch for r in batches(shop.store, "shop")]
    budget = Budget(0.01, 100)
    assert found[-1][0].spent == budget.spent(12)
    risks = math.fsum(look.risk for look, _ in found)
    assert math.isclose(budget.reference + risks, budget.spent(12))
    assert [len(look.window) for look, _ in found] == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8]


def test_a_batch_that_is_scored_again_is_looked_at_once_and_is_new_in_later_windows(shop):
    shop.score(0)
    shop.check()
    before = batches(shop.store, "shop")[0].profiles
    shop.score(0, created=day(9))
    after = batches(shop.store, "shop")[0].profiles
    assert before != after
    assert shop.check().looks == ()
    shop.score(1)
    shop.check()
    ((first, _), (second, _)) = looks(shop)
    assert [entry["profiles"] for entry in first.window] == [before]
    assert second.window[0]["profiles"] == after


def test_a_late_batch_has_the_next_number_and_the_window_of_its_own_time(shop):
    for number in (0, 1, 4):
        shop.score(number)
    shop.check()
    shop.score(2)
    shop.check()
    found = [look for look, _ in looks(shop)]
    assert found[-1].batch == "20260303T000000Z-20260304T000000Z"
    expected = ["20260301T000000Z-20260302T000000Z", "20260302T000000Z-20260303T000000Z"]
    assert names(found[-1].window)[:-1] == expected


def test_rows_are_in_a_window_once(shop):
    shop.score(0)
    shop.score(0.5)  # overlaps both
    shop.score(1)
    rows = shop.rows(1000)
    shop.score(2, table=rows)
    shop.score(3, table=rows)  # the same rows: no look of their own
    shop.score(4)
    shop.check()
    found = {look.batch: names(look.window) for look, _ in looks(shop)}
    overlapping = "20260301T120000Z-20260302T120000Z"
    last = "20260305T000000Z-20260306T000000Z"
    assert len(found) == 5
    assert found[overlapping] == [overlapping]
    assert len(found[last]) == 4  # days 0, 1, one of the two alike, and its own
    assert overlapping not in found[last]


def test_the_same_rows_scored_by_hand_again_and_again_are_one_batch(shop):
    rows = shop.rows(1000, shift=0.08)  # less than a batch's noise, more than that of eight
    for hour in range(20):
        shop.score(None, table=rows, created=day(0, hour + 1.0))
        assert shop.check().fired == ()
    assert len(looks(shop)) == 1


def test_an_empty_batch_has_no_look(shop):
    shop.score(0, rows=0, table={f"f{n}": [] for n in range(2)})
    assert shop.check().looks == ()
    shop.score(0, created=day(9))
    assert len(shop.check().looks) == 1


def test_many_monitors_at_once_make_one_look_a_batch_and_one_event(shop):
    for number in range(12):
        shop.score(number, shift=0.5 if number > 6 else 0.0)
    shops = [replace(shop) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = [*pool.map(lambda one: one.check(), shops)]
    assert sum(len(one.events) for one in found) == 1
    assert len({one.state("drift").event for one in found}) == 1
    assert [look.number for look, _ in looks(shop)] == [*range(1, 13)]
    assert len({look.batch for look, _ in looks(shop)}) == 12
    assert len(event_ids(shop.store, "shop")) == 1


class Killed(Exception):
    """What a process that is killed doesn't come back from."""


class Mortal:
    """A location whose process is killed at its n-th write, before or after it."""

    def __init__(self, location, left, after):
        self.location, self.left, self.after = location, left, after

    def __getattr__(self, name):
        return getattr(self.location, name)

    def _act(self, name, *args):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        done = getattr(self.location, name)(*args)
        if self.left == 0:
            raise Killed
        return done

    def create(self, key, content):
        return self._act("create", key, content)

    def write(self, key, content):
        return self._act("write", key, content)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_check_that_is_killed_at_any_write_is_completed_by_the_next(tmp_path, after):
    from atlas.store import Store

    for left in range(1, 40):
        shop = Shop(open_store((tmp_path / f"{left}").as_uri()))
        shop.train()
        shop.score(0)
        shop.score(1, shift=0.5)
        dying = replace(shop, store=Store(Mortal(shop.store.location, left, after)))
        try:
            dying.check(registry=shop.registry)
            is_killed = False
        except Killed:
            is_killed = True
        shop.score(0, created=day(9), shift=0.5)  # scored again meanwhile
        last = shop.check()
        assert last.fired == ("drift",)
        assert [look.number for look, _ in looks(shop)] == [1, 2]
        assert [len(event_ids(shop.store, "shop"))] == [1]
        if not is_killed:
            break
    assert left > 6


def test_what_a_look_was_of_is_what_it_sees_after_a_crash(shop):
    """Numbered and then killed: the batch is scored again, and the look is of the first rows."""
    from atlas.store import Store

    shop.score(0)
    dying = replace(shop, store=Store(Mortal(shop.store.location, 2, after=True)))
    with pytest.raises(Killed):
        dying.check(registry=shop.registry)  # terms, then the look's number
    shop.score(0, shift=3.0, created=day(9))
    assert shop.check().fired == ()
    ((look, result),) = looks(shop)
    assert (look.number, result.alarms, result.void) == (1, [], "")


def test_a_look_whose_counts_are_gone_is_void_and_keeps_its_number(shop):
    from atlas.store import Store

    shop.score(0, shift=3.0)
    dying = replace(shop, store=Store(Mortal(shop.store.location, 2, after=True)))
    with pytest.raises(Killed):
        dying.check(registry=shop.registry)
    (record,) = batches(shop.store, "shop")
    shop.store.location.remove(f"profiles/counts/{record.profiles['features']}.profile")
    shop.score(1)
    found = shop.check()
    assert [look.void for look in found.looks] == [
        f"the counts of {record.batch} are gone",
        f"the counts of {record.batch} are gone",
    ]
    assert (found.fired, len(looks(shop))) == ((), 2)


def outcome(shop, event, result):
    key = f"retrainings/shop/{event.id}/outcome.json"
    shop.store.location.write(key, json.dumps({"result": result}).encode())


@pytest.mark.parametrize(
    ("result", "again"),
    [("rejected", True), ("declined", True), ("failed", False), ("requested", False)],
)
def test_a_trigger_fires_again_once_its_retraining_was_rejected(shop, result, again):
    shop.score(0, shift=0.5)
    (event,) = shop.check().events
    shop.score(1, shift=0.5)
    shop.check()
    outcome(shop, event, result)
    assert shop.check().events == (() if not again else shop.check().open)
    shop.score(2, shift=0.5)
    shop.check()
    assert len(events(shop.store, "shop")) == 1 + again
    assert [look.number for look, _ in looks(shop)] == [1, 2, 3]


def test_a_life_goes_on_when_its_champion_is_promoted_again(shop):
    for number in range(3):
        shop.score(number)
    shop.check()
    shop.train(2.0)
    shop.score(3)
    assert shop.check().state("drift").spent == Budget(0.01).spent(1)
    shop.promote("local-1")
    assert shop.check().state("drift").spent == Budget(0.01).spent(3)
    shop.score(4)
    (look,) = shop.check().looks
    assert look.number == 4


def test_the_champion_is_changed_in_the_middle_of_a_check(shop):
    """The cause is over with its champion; what was seen stays, should it come back."""
    shop.score(0, shift=0.5)
    old = shop.champion

    class Moving:
        def __init__(self, registry):
            self.registry, self.asked = registry, 0

        def find(self, model, version):
            self.asked += 1
            if self.asked == 2:
                shop.train(1.0)
            return self.registry.find(model, version)

    found = shop.check(registry=Moving(shop.registry))
    assert (found.champion, found.events, found.open) == (old.version, (), ())
    assert "has become the champion during the check" in found.warnings[0]
    assert shop.check().fired == ()
    shop.promote(old.version)
    assert shop.check().fired == ("drift",)


def test_batches_of_another_version_or_reference_arent_looked_at(shop):
    shop.score(0, version="local-9", shift=3.0)
    shop.score(1, digest="e" * 64, shift=3.0)
    shop.score(2, model="other", shift=3.0)
    shop.score(3, reference="f" * 64, shift=3.0)
    found = shop.check()
    assert (found.looks, found.fired) == ((), ())


def test_a_champion_without_a_profile_is_said_to_have_none(shop):
    shop.train(1.0, profiled=False)
    shop.score(2)
    found = shop.check()
    assert "no profile of what it was trained on" in found.warnings[0]
    assert found.state("drift").why == "no batch has been looked at yet"


def test_there_is_no_champion(tmp_path):
    found = Shop(open_store(tmp_path.as_uri())).check()
    assert (found.champion, found.triggers) == ("", ())
    assert "has no champion" in found.warnings[0]


def test_a_reference_that_is_gone_is_a_warning(shop):
    shop.score(0)
    shop.store.location.remove(f"profiles/references/{shop.champion.reference}.json")
    assert "it was removed, train the model again" in shop.check().warnings[0]


def test_what_the_config_says_later_can_only_take_alarms_away(shop):
    shop.rule = {"drift": {"tolerance": 0.0, "features": ["f0"], "false_alarms": 0.01}}
    shop.score(0)
    shop.check()
    shop.rule = {"drift": {"tolerance": 0.0, "false_alarms": 0.2, "looks": 7}}
    rows = shop.rows(1000)
    rows["f1"] = rows["f1"] + 3.0
    shop.score(1, table=rows)
    found = shop.check()
    assert found.fired == ()
    assert "others hold for the next champion" in found.warnings[0]
    last = looks(shop)[-1][0]
    assert (last.false_alarms, last.looks, last.spent) == (0.01, 100, Budget(0.01).spent(2))
    shop.rule = {"drift": {"tolerance": 0.0, "features": ["f1"], "false_alarms": 0.001}}
    rows["f0"] = rows["f0"] + 3.0
    shop.score(2, table=rows)
    assert shop.check().fired == ()  # f0 isn't wanted any more, f1 never was
    assert looks(shop)[-1][0].false_alarms == 0.001


def test_tolerances_are_those_of_the_rule(shop):
    shop.rule = {"drift": {"tolerance": {"f0": 0.9}}}
    rows = shop.rows(1000)
    rows["f0"] = rows["f0"] + 1.0
    shop.score(0, table=rows)
    assert shop.check().fired == ()
    rows["f1"] = rows["f1"] + 1.0
    shop.score(1, table=rows)
    (event,) = shop.check().events
    assert {alarm["feature"] for alarm in event.numbers["alarms"]} == {"f1"}


def test_columns_that_arent_there_are_said(shop):
    shop.rule = {"drift": {"features": ["f0", "age"], "tolerance": 0.0}}
    shop.score(0)
    assert "wasn't profiled with features.age" in shop.check().warnings[0]


def test_a_gone_column_is_said_and_is_no_drift(shop):
    shop.score(0, table={"f0": shop.random.normal(0, 1, 1000)})
    found = shop.check()
    assert found.fired == ()
    assert found.state("drift").details["gone"] == ["features.f1"]


def test_clocks_that_jump_and_summer_time_change_nothing(shop):
    """Around Europe's change of clocks a day has 23 hours, and the clock of the monitor is wrong."""
    berlin = [
        ("2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00"),
        ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("2026-03-30T00:00:00+02:00", "2026-03-31T00:00:00+02:00"),
    ]
    for number, (start, end) in enumerate(berlin):
        shop.score(number, interval_start=start, interval_end=end, created=day(40))
        jump = timedelta(days=3650 if number == 1 else -3650)
        assert len(shop.check(now=START + jump).looks) == 1
    found = [look for look, _ in looks(shop)]
    assert [look.number for look in found] == [1, 2, 3]
    assert [len(look.window) for look in found] == [1, 2, 3]
    assert shop.check().looks == ()


def test_a_store_that_fails_is_no_void_look(shop, monkeypatch):
    shop.score(0)

    def fail(*_):
        raise StoreError("the disk is away")

    monkeypatch.setattr("atlas.monitor.looking.load_profile", fail)
    with pytest.raises(StoreError, match="the disk is away"):
        shop.check()
    monkeypatch.undo()
    (look,) = shop.check().looks
    assert (look.number, look.void) == (1, "")
    assert record_batch(shop.store, batches(shop.store, "shop")[0]) is False


def test_tolerances_that_were_not_learnt_are_said(shop):
    shop.rule = {"drift": {}}
    shop.score(0)
    (warning,) = [one for one in shop.check().warnings if "wasn't learnt" in one]
    assert "features: how days differ wasn't learnt, so every difference counts as drift" in warning
    assert "statistics.features.time" in warning
    shop.rule = {"drift": {"tolerance": 0.05}}
    shop.score(1)
    assert not [one for one in shop.check().warnings if "wasn't learnt" in one]
