"""A batch has one look and one number, whoever looks, whenever they are killed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from atlas.errors import StoreError
from atlas.monitor.ledger import LifeLedger
from atlas.monitor.looks import (
    Baseline,
    LabelledPart,
    Look,
    LookResult,
    LossesAtTest,
    Terms,
)
from atlas.store import open_store

TERMS = Terms("a" * 64, 0.01, 100, ["features.x"])


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path.as_uri())


def life(store):
    return LifeLedger(store, "shop", "shop", "3", "d" * 64)


def look(number, batch):
    window = [{"batch": batch, "profiles": {"features": f"{number:064}"}}]
    risks = (0.01, 100, 1e-5, 1e-4)
    end = "2026-01-02T00:00:00+00:00"
    return Look(number, batch, "run", 10, end, window, "a" * 64, [], 0.1, *risks)


def work(store, batches):
    """Give each batch that has none a number, as a check does."""
    ledger = life(store)
    for batch in batches:
        while batch not in {line.batch for line in ledger.lines} | {
            other.batch for other in ledger.unfinished
        }:
            ledger.enter(look(ledger.count + 1, batch))
    for other in [*ledger.unfinished]:
        ledger.finish(LookResult(other.number, other.batch))
    ledger.keep()
    return ledger


def test_many_monitors_give_each_batch_one_number(store):
    batches = [f"b{n}" for n in range(12)]
    orders = [batches[n:] + batches[:n] for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda order: work(store, order), orders):
            pass
    ledger = life(store)
    assert sorted(line.batch for line in ledger.lines) == sorted(batches)
    names = store.location.names(f"{ledger.folder}/looks")
    assert names == [f"{n:09}.json" for n in range(1, 13)]


def test_a_look_that_was_left_is_finished_by_the_next(store):
    first = life(store)
    assert first.enter(look(1, "b1"))
    second = life(store)
    assert [other.batch for other in second.unfinished] == ["b1"]
    assert second.enter(look(2, "b2"))
    second.finish(LookResult(2, "b2"))
    assert second.lines == []  # look 1 isn't over
    second.finish(LookResult(1, "b1", alarms=[{"feature": "x"}]))
    assert [(line.batch, line.alarms) for line in second.lines] == [("b1", 1), ("b2", 0)]
    assert life(store).lines == second.lines


def test_the_first_result_holds(store):
    ledger = life(store)
    ledger.enter(look(1, "b1"))
    late = life(store)
    ledger.finish(LookResult(1, "b1", alarms=[{"feature": "x"}]))
    assert late.finish(LookResult(1, "b1", void="its counts are gone")).void == ""


def test_a_number_that_another_has_taken_is_refused_and_read(store):
    ledger, other = life(store), life(store)
    assert other.enter(look(1, "b1"))
    assert not ledger.enter(look(1, "b2"))
    assert ledger.count == 1
    assert ledger.enter(look(2, "b2"))


def test_the_summary_is_safe_to_lose_and_to_be_old(store):
    ledger = work(store, ["b1", "b2"])
    key = f"{ledger.folder}/summary.json"
    old = store.location.read(key)
    ledger = work(store, ["b3"])
    expected = ledger.lines
    store.location.write(key, old)
    assert life(store).lines == expected
    for wrong in (b"", b"[]", b'{"format": 1}', b'{"format": 9}', b'{"format":1,"looks":[3]}'):
        store.location.write(key, wrong)
        assert life(store).lines == expected
    store.location.remove(key)
    assert life(store).lines == expected


def test_terms_are_those_of_the_first(store):
    assert life(store).terms is None
    assert life(store).begin(TERMS) == TERMS
    later = life(store)
    assert later.begin(Terms("b" * 64, 0.5, 1, [])) == TERMS
    assert later.terms == TERMS


def test_losses_are_counted_once_in_one_order(store):
    ledger, other = life(store), life(store)
    part = {"batch": "b1", "n": 3, "sum": 1.0, "sum_squares": 0.5}
    assert ledger.count_losses(LabelledPart(1, [part], "mae", "shop.measure"))
    assert not other.count_losses(LabelledPart(1, [part, part], "mae", "shop.measure"))
    assert [len(kept.losses) for kept in other.parts] == [1]
    ledger.keep()
    assert [kept.to_bytes() for kept in life(store).parts] == [
        kept.to_bytes() for kept in other.parts
    ]


def test_the_baseline_is_that_of_the_first(store):
    assert life(store).baseline(Baseline(7)).labels == 7
    assert life(store).baseline(Baseline(9)).labels == 7


def test_the_losses_of_a_test_are_those_that_were_found_at_first(store):
    found = LossesAtTest("mae", "evaluate.error", 10, 3.0, 1.5, 0.2)
    assert life(store).tested("mae", "evaluate.error") is None
    life(store).keep_tested(found)
    life(store).keep_tested(LossesAtTest("mae", "evaluate.error", 1, 9.0, 81.0, 0.0))
    assert life(store).tested("mae", "evaluate.error") == found
    assert life(store).tested("mae", "") is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"number": "1"}', b"[" * 5000, b"\xff"])
def test_a_file_that_is_no_look_is_said_to_be_none(store, content):
    ledger = work(store, ["b1"])
    store.location.write(f"{ledger.folder}/looks/000000002.json", content)
    with pytest.raises(StoreError, match="none of the monitor's records"):
        life(store)


@pytest.mark.parametrize("name", ["../x", "a/b", ""])
def test_a_life_is_in_the_store(store, name):
    with pytest.raises(StoreError):
        LifeLedger(store, name, "shop", "3", "d" * 64)
