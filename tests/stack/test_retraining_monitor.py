"""From a cause to the end of a retraining, on the real platform, by the real scheduler.

A batch is scored by Airflow, whose asset starts the monitor, which finds what has changed and has
the model trained again by Airflow; the end of that starts the monitor again, which records it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.stack.conftest import Platform
from tests.stack.retrained import Retrained, parts, retrained

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

TERMS = {"per_month": 10}
DRIFT = {"drift": {"features": "all", "tolerance": 0.05}, **TERMS}


def only_event(made: Retrained, trigger: str) -> str:
    """Wait for the one event; it is of the trigger."""
    made.wait(made.events, "an event")
    ((event, facts),) = made.events().items()
    assert facts["trigger"] == trigger
    return event


def end_of(made: Retrained, event: str) -> dict[str, Any]:
    """Wait for the end of an event's retraining, which trained once."""
    end = made.wait(lambda: made.outcome(event), "the end of the retraining")
    runs = made.runs(f"{made.name}-training")
    assert [run for run in runs if event in run] == [*runs], "others trained as well"
    assert len(runs) == 1, f"trained more than once: {runs}"
    return dict(end)


def promoted(made: Retrained, trigger: str) -> str:
    """Wait until a trigger's retraining has made a better model; return the event."""
    event = only_event(made, trigger)
    end = end_of(made, event)
    assert end["result"] == "promoted", end
    assert made.champion == end["version"]
    return event


def labelled(made: Retrained, rows: pd.DataFrame) -> None:
    """Join labels to what was predicted, and have a person start the monitor."""
    made.give("found", rows[["part", "y"]])
    made.pipeline.atlas("run", made.labels)
    made.start(f"{made.name}-monitor")


def test_drift(platform: Platform, tmp_path: Path):
    """A batch that is used more; trained again on parts that wear twice as fast, it is better."""
    with retrained(platform, tmp_path, "driftparts", DRIFT) as made:
        first = made.champion
        dag = f"{made.name}-monitor"
        made.score(parts(1000, 1.0, 2))
        made.wait(lambda: "success" in made.runs(dag).values(), "a run of the monitor")
        assert made.events() == {}
        (tasks,) = [made.tasks(dag, run) for run in made.runs(dag)]
        assert tasks["check"] == "success"
        assert tasks["retrain"] == "skipped"

        made.give("measured", parts(4000, 2.0, 3))
        made.score(parts(1000, 2.0, 4, shift=1.0))
        promoted(made, "drift")
        assert made.champion != first
        check_it_is_deployed(made)


def check_it_is_deployed(made: Retrained) -> None:
    """The monitor is a resource as others are: seen, compared, mended, shown word by word."""
    dag = f"{made.name}-monitor"
    made.rest()
    assert {*made.runs(dag).values()} == {"success"}, made.told()
    status = made.pipeline.status_of(made.config)["monitor"]
    assert [*status["members"]] == [dag]
    assert status["drift"] == {}
    assert status["runs"][dag][1] == "success"
    file = made.pipeline.dag_file.with_name(f"{dag}.py")
    good = file.read_bytes()
    file.write_bytes(good.replace(b"max_active_runs=1", b"max_active_runs=2"))
    drift = made.pipeline.status_of(made.config)["monitor"]["drift"]
    assert drift[dag].startswith("was changed: ")
    preview = made.pipeline.atlas("preview", made.config).stdout
    assert f"~ {dag}: " in preview
    made.pipeline.atlas("deploy", made.config)
    assert file.read_bytes() == good
    assert "nothing to do" in made.pipeline.atlas("deploy", made.config).stdout
    made.pipeline.atlas("destroy", made.config)
    assert not file.exists()
    assert not made.pipeline.airflow.has(dag)


@pytest.mark.long
def test_new_rows(platform: Platform, tmp_path: Path):
    rule = {"new_rows": 1500, **TERMS}
    with retrained(platform, tmp_path, "rowparts", rule) as made:
        made.give("measured", parts(4000, 2.0, 3))
        made.score(parts(1000, 1.0, 2))
        made.score(parts(1000, 1.0, 4))
        promoted(made, "new_rows")


@pytest.mark.long
def test_new_labels(platform: Platform, tmp_path: Path):
    rule = {"new_labels": 800, **TERMS}
    with retrained(platform, tmp_path, "labelparts", rule) as made:
        batch = parts(1000, 1.0, 2)
        made.score(batch)
        made.give("measured", parts(4000, 2.0, 3))
        labelled(made, batch)
        promoted(made, "new_labels")


@pytest.mark.long
def test_degradation(platform: Platform, tmp_path: Path):
    """The same use, and twice the wear: only labels tell."""
    rule = {"degradation": {"metric": "mae", "margin": 0.5}, **TERMS}
    with retrained(platform, tmp_path, "wornparts", rule) as made:
        batch = parts(1000, 2.0, 2)
        made.score(batch)
        made.give("measured", parts(4000, 2.0, 3))
        labelled(made, batch)
        promoted(made, "degradation")


@pytest.mark.long
def test_a_model_that_is_no_better_is_rejected(platform: Platform, tmp_path: Path):
    """The training's data are what they were: drift, but retraining doesn't help."""
    with retrained(platform, tmp_path, "sameparts", DRIFT) as made:
        first = made.champion
        made.score(parts(1000, 1.0, 2, shift=1.0))
        event = only_event(made, "drift")
        end = end_of(made, event)
        assert end["result"] == "rejected", end
        assert made.champion == first
