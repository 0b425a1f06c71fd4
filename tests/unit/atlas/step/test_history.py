"""Earlier runs that a step reads: which ones count, in which window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from atlas.errors import StoreError
from atlas.plan.parts import InputSource
from atlas.step import history
from atlas.step.history import history_runs
from atlas.store import Run, open_store

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SOURCE = InputSource("history", "shop", "scores", "score", "inference", window=3 * 86_400)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path.as_uri())


def run(number, *, again=0, pipeline="shop", interval=True, **more):
    start = START + number * DAY
    ends = (
        {"interval_start": start.isoformat(), "interval_end": (start + DAY).isoformat()}
        if interval
        else {}
    )
    created = (start + DAY + timedelta(minutes=again)).isoformat()
    return Run(
        f"inference-{number}-{again}",
        pipeline,
        "inference",
        "p" * 64,
        created=created,
        **{**ends, **more},
    )


def add(store, found, status="done", step="score"):
    store.bind(found)
    store.write_outcome(
        found.pipeline, found.id, step, {"status": status, "plan": found.plan}, None
    )
    return found


def read(store, reader, source=SOURCE, pipeline="shop"):
    return [path.rpartition("/")[2] for _, path in history_runs(store, pipeline, source, reader)]


LABELS = run(5, pipeline="labels")


def test_the_runs_whose_interval_ends_in_the_window(store):
    for number in range(8):
        add(store, run(number))
    assert read(store, LABELS) == ["inference-3-0", "inference-4-0", "inference-5-0"]
    keys = [key for key, _ in history_runs(store, "shop", SOURCE, LABELS)]
    assert keys[0] == "history:shop/score/inference-3-0"


def test_of_one_interval_the_last_run_that_is_done_counts(store):
    for again, status in ((0, "done"), (1, "done"), (2, "failed")):
        add(store, run(4, again=again), status)
    add(store, run(5, trigger="shadow"))
    add(store, run(3, again=9))
    assert read(store, LABELS) == ["inference-3-9", "inference-4-1"]


def test_a_step_that_another_plan_has_done_isn_t_done(store):
    found = add(store, run(4))
    store.write_outcome("shop", found.id, "score", {"status": "done", "plan": "q" * 64}, None)
    add(store, run(5), step="other")
    assert read(store, LABELS) == []


def test_runs_without_an_interval_count_by_when_they_began(store):
    for number in (1, 4, 5, 6):
        add(store, run(number, interval=False))
    assert read(store, run(5, interval=False, pipeline="labels")) == [
        "inference-4-0",
        "inference-5-0",
    ]


def test_a_run_doesn_t_read_itself_or_what_it_repeats(store):
    for number, again in ((3, 0), (4, 0), (5, 0)):
        add(store, run(number, again=again))
    assert read(store, run(5, again=3)) == ["inference-3-0", "inference-4-0"]
    assert read(store, run(5)) == ["inference-3-0", "inference-4-0"]


def test_nothing_has_run(store):
    assert read(store, LABELS) == []


def test_other_files_and_unbound_folders_are_none(store):
    add(store, run(5))
    store.location.write("shop/last-inference.json", b"{}")
    store.location.write("shop/inference-unbound/score/outcome.json", b"{}")
    assert read(store, LABELS) == ["inference-5-0"]


def test_a_damaged_record_is_reported(store):
    add(store, run(5))
    store.location.write("shop/inference-5-0/run.json", b"{")
    with pytest.raises(StoreError, match=r"shop/inference-5-0/run\.json: isn't a run's record"):
        read(store, LABELS)


def test_too_many(store, monkeypatch):
    monkeypatch.setattr(history, "MOST_RUNS", 1)
    for number in (4, 5):
        add(store, run(number))
    with pytest.raises(StoreError, match="2 runs of shop in the window; expected at most 1"):
        read(store, LABELS)
