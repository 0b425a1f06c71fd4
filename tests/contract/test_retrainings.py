"""Exactly one retraining per event: whatever is repeated, reordered or killed, at any moment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from atlas.retraining import retrain, retraining_of
from atlas.retraining.records import events_of
from tests.contract import retraining_child
from tests.projects import Project, environment, project
from tests.retrained import cause, champion, pipeline, place, training_runs

__all__ = ["project"]
PIPELINES, WORKERS, BUDGET = 10, 3, 4
SECONDS = 880
"""A limit for a machine that others use, too; alone, the longest takes about a minute."""
pytestmark = pytest.mark.timeout(SECONDS + 20)


def child(project: Project, *arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", retraining_child.__name__, *map(str, arguments)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        words, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(ATLAS_STATE=str(project.state)),
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err[-4000:]
    return out


@pytest.mark.parametrize(
    "approval",
    [
        pytest.param("none", marks=pytest.mark.long),
        pytest.param("training", marks=pytest.mark.long),
        "promotion",
    ],
)
def test_a_kill_before_or_after_any_write_comes_to_the_same_end(project, tmp_path, approval):
    store = champion(project)
    event = cause(store)
    job, result = tmp_path / "job.json", tmp_path / "result.json"
    ways: dict[str, Any] = {"approval": approval}
    job.write_text(json.dumps({"causes": [event.to_json()], "ways": ways}))
    ended(child(project, "points", project.url, job, result))
    found = json.loads(result.read_text())
    *killed, whole = found
    assert len(killed) > 20
    assert all(one["killed"] for one in killed)
    assert whole["end"]["state"] == "promoted"
    for one in found:
        assert one["end"]["state"] == "promoted", one
        assert one["runs"] == [f"training-retraining-{event.id}"], one
        assert one["statuses"] == ["done"], one
        assert (one["versions"], one["starts"]) == (2, 1), one
        assert one["champion"] == one["end"]["version"] == "local-2", one


@pytest.mark.parametrize(
    ("count", "of_each"), [(250, 8), pytest.param(1000, 25, marks=pytest.mark.long)]
)
def test_events_repeated_reordered_and_killed_are_one_retraining_each(
    project, tmp_path, count, of_each
):
    names = [f"houses{number}" for number in range(PIPELINES)]
    for name in names:
        store = champion(project, name)
    events = [cause(store, str(n), names[n % PIPELINES]) for n in range(count)]
    job, ledger = tmp_path / "job.json", tmp_path / "ledger"
    rule = {"in_flight": 1000, "per_month": 1000, "parameters": {"all": {"ledger": str(ledger)}}}
    raws = [event.to_json() for event in events]
    job.write_text(json.dumps({"causes": raws, "rule": rule, "deaths": of_each}))
    workers = [child(project, "work", project.url, job, seed) for seed in range(WORKERS)]
    deaths = sum(int(ended(worker).split()[0]) for worker in workers)
    assert deaths >= WORKERS * of_each
    trained = Counter(ledger.read_text().split())
    for name in names:
        own = {event.id for event in events if event.pipeline == name}
        assert set(training_runs(store, name)) == {f"training-retraining-{id_}" for id_ in own}
        assert events_of(store, name) == sorted(own)
        starts = json.loads(store.location.read(f"retrainings/{name}/ledger.json"))["starts"]
        assert Counter(start["event"] for start in starts) == dict.fromkeys(own, 1)
    for event in events:
        there = retraining_of(store, event.pipeline, event.id)
        assert there is not None
        assert (there.state, there.attempt) == ("rejected", 1)
        assert store.run_outcome(event.pipeline, there.run)["status"] == "done"
        assert trained[there.run]
    # A step that a kill cut off before its end was recorded is done once more, as in any run.
    assert len({event.id for event in events}) == len(trained) == count
    assert sum(trained.values()) <= count + deaths


def test_no_crash_and_no_crowd_passes_the_budget_of_a_month_or_uses_it_up(project, tmp_path):
    store = champion(project)
    events = [cause(store, str(number)) for number in range(12)]
    rule = {"in_flight": 1000, "per_month": BUDGET}
    job = tmp_path / "job.json"
    raws = [event.to_json() for event in events]
    job.write_text(json.dumps({"causes": raws, "rule": rule, "deaths": 10}))
    for worker in [child(project, "work", project.url, job, seed) for seed in range(WORKERS)]:
        ended(worker)
    states = [retrain(place(store), pipeline(**rule), event).state for event in events]
    assert Counter(states) == {"rejected": BUDGET, "waiting": len(events) - BUDGET}
    assert len(training_runs(store)) == BUDGET
