"""A search in a run: its rounds, what comes of it, what is taken again, what fails."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from atlas.plan import Plan
from atlas.runner import RunSettings
from atlas.step.binding import RunRequest, bind
from atlas.step.execute import recorded
from atlas.store import add_code
from atlas.tracking.record import record_of
from atlas.tracking.trials import trial_records
from tests.projects import environment

SOURCE = """
from pathlib import Path

class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    x: float
    folder: str = ""
    def run(self) -> Model:
        if self.folder and not Path(self.folder, "there").exists():
            raise ValueError(f"nothing for {self.x}")
        self.context.metric("loss", (self.x - 3) ** 2)
        return Model({"x": self.x})

class Use(Template):
    def run(self, model: dict[str, float]) -> Model:
        return Model(model)
"""
SEARCH = {
    "space": {"x": {"choices": [1.0, 2.0, 3.5, 9.0, 4.0]}},
    "metric": "loss",
    "goal": "minimize",
    "method": "grid",
    "concurrency": 2,
}


def write(project, search: dict[str, Any] | None = None, config: Any = None, **params: Any) -> None:
    train: dict[str, Any] = {"class": "steps:Train", "params": params}
    if search is not None:
        train["search"] = search
    steps = {"train": train, "use": {"class": "steps:Use", "inputs": {"model": "train.model"}}}
    project.pipeline("p", SOURCE, steps, config=config)


def test_the_best_trial_is_the_model(project):
    write(project, SEARCH)
    ran = project.run()
    assert ran.ok, ran.errors()
    assert ran.value("train", "model") == ran.value("use", "model") == {"x": 3.5}
    assert ran.value("train", "best_params") == {"x": 3.5}
    table = ran.value("train", "trials")
    assert list(table["param.x"]) == [1.0, 2.0, 3.5, 9.0, 4.0]
    assert list(table["round"]) == [1, 1, 2, 2, 3]
    assert ran.outcome("train").metrics == {"loss": 0.25}
    own = ran.project.store.manifest("p", ran.id, "train", "model")
    assert own.data.startswith(f"p/{ran.id}/train-trials-2/0000/model/"), "it isn't written twice"


def test_a_second_run_takes_every_trial_of_the_first(project):
    write(project, SEARCH)
    first = project.run()
    again = project.run()
    assert all(one.cached for one in again.first.outcomes.values())
    assert again.value("train", "model") == first.value("train", "model")
    write(project, {**SEARCH, "space": {"x": {"choices": [2.0, 1.0, 3.0]}}})
    other = project.run()
    outcomes = other.first.outcomes
    assert [outcomes["train-trials-1", n].cached for n in (0, 1)] == [True, True]
    assert not outcomes["train-trials-2", 0].cached


def test_a_config_adds_a_search_changes_it_and_takes_it_away(project):
    write(project, None, {"steps": {"train": {"search": SEARCH}}}, x=1.0)
    assert project.run().value("train", "best_params") == {"x": 3.5}
    fewer = {"space": {"x": {"choices": [1.0, 2.0]}}}
    write(project, SEARCH, {"steps": {"train": {"search": fewer}}})
    assert project.run().value("train", "best_params") == {"x": 2.0}
    write(project, SEARCH, {"steps": {"train": {"search": None, "params": {"x": 4.0}}}})
    plan = project.plan()
    assert [step.name for step in plan.steps] == ["train", "use"]


def test_the_best_params_are_trained_with_once_more(project):
    write(project, {**SEARCH, "refit": True})
    ran = project.run()
    assert ran.ok, ran.errors()
    assert ran.value("train", "model") == {"x": 3.5}
    assert ran.value("train-trials-1", "model", 0) is None, "models of trials aren't kept"
    assert ran.outcome("train").metrics == {"loss": 0.25, "search_loss": 0.25}


def test_it_ends_when_no_trial_is_done_and_goes_on_when_some_are(project, tmp_path):
    write(project, SEARCH, folder=str(tmp_path))
    ran = project.run()
    assert set(ran.errors()) == {"train"}
    message = ran.errors()["train"]
    assert message.startswith("no trial is done: of 5, 5 failed: ValueError: nothing for 1.0; ")
    (tmp_path / "there").touch()
    resumed = project.run(settings=RunSettings(resume=True))
    assert resumed.ok, resumed.errors()
    assert resumed.id == ran.id


def test_no_round_begins_once_the_time_is_up(project):
    write(project, {**SEARCH, "time": "1ms"})
    ran = project.run()
    assert ran.ok, ran.errors()
    assert len(ran.value("train", "trials")) in (2, 4, 5)
    assert ran.value("train-propose-3", "proposals") in ([], [{"params": {"x": 4.0}}])


def test_a_metric_that_is_no_number_fails_its_trial_alone(project):
    source = SOURCE.replace("(self.x - 3) ** 2", "float('nan') if self.x > 3 else self.x")
    write(project, SEARCH)
    project.write(
        "p/steps.py", project.root.joinpath("p/steps.py").read_text().replace(SOURCE, source)
    )
    ran = project.run()
    assert ran.ok, ran.errors()
    table = ran.value("train", "trials")
    assert list(table["state"]) == ["done", "done", "failed", "failed", "failed"]
    assert "expected a finite number" in table["error"][2]


def test_a_retry_comes_before_a_failed_trial(project, tmp_path):
    write(project, SEARCH, folder=str(tmp_path))
    (tmp_path / "there").touch()
    document = project.root / "p/training.json"
    text = document.read_text().replace(
        '"class": "steps:Train",',
        '"class": "steps:Train", "retries": {"limit": 1, "delay": "1ms"},',
    )
    document.write_text(text)
    source = (project.root / "p/steps.py").read_text()
    once = (
        'if not (m := Path(self.folder, f"{self.x}")).exists(): m.touch(); raise ValueError("once")'
    )
    changed = source.replace(
        "        self.context.metric", f"        {once}\n        self.context.metric"
    )
    project.write(
        "p/steps.py",
        changed.replace("; raise", "\n            raise").replace(
            ": m.touch", ":\n            m.touch"
        ),
    )
    ran = project.run()
    assert ran.ok, ran.errors()
    assert set(ran.value("train", "trials")["state"]) == {"done"}
    assert ran.outcome("train-trials-1", 0).attempts == 2


def test_a_plan_comes_back_as_it_was(project):
    write(project, {**SEARCH, "method": "random", "trials": 5, "pruning": {}})
    plan = project.plan()
    assert Plan.from_text(plan.text) == plan


def test_mlflow_gets_each_trial_as_a_run_of_its_own(project):
    write(project, SEARCH)
    ran = project.run()
    run = ran.first.run
    plan = ran.project.store.plan(run.plan)
    record = record_of(project.store, plan, run)
    trials = list(trial_records(project.store, plan, run, record))
    assert [trial.params for trial in trials] == [{"x": f"{x}"} for x in (1.0, 2.0, 3.5, 9.0, 4.0)]
    assert [trial.metrics["loss"][0] for trial in trials] == [4.0, 1.0, 0.25, 36.0, 1.0]
    assert len({trial.tags["atlas.run"] for trial in trials}) == 5
    assert {trial.status for trial in trials} == {"FINISHED"}
    assert trials[3].name == f"{ran.id} train trial 3"
    assert record.metrics["train.loss"][0] == 0.25
    assert not [name for name in (*record.metrics, *record.params) if "trials" in name]
    assert '"method": "grid"' in record.params["train.search"]
    assert record.artifacts["search/train.html"].startswith(b"<!doctype html>")


ENDING = SOURCE.replace(
    '        if self.folder and not Path(self.folder, "there").exists():\n'
    '            raise ValueError(f"nothing for {self.x}")\n',
    """        import os, signal, time
        if self.x in (2.0, 9.0) and not Path(self.folder, "there").exists():
            {ending}
""",
)
ENDINGS = {
    "raises": "raise ValueError(f'nothing for {self.x}')",
    "is killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "exits": "os._exit(3)",
    "hangs": "time.sleep(600)",
}
TOLD = {
    "raises": "ValueError: nothing for 2.0",
    "is killed": "its process was ",
    "exits": "its process ended by itself, with exit code 3",
    "hangs": "timed out after 15 s",
}


WAYS = [
    pytest.param(way, marks=[] if way == "is killed" else [pytest.mark.long])
    for way in sorted(ENDINGS)
]


def write_ending(project, way: str, tmp_path, **search: Any) -> None:
    """Write a search of which two trials of five end in some way."""
    assert "{ending}" in ENDING
    more = {"timeout": "15s"} if way == "hangs" else {}
    train = {
        "class": "steps:Train",
        "params": {"folder": str(tmp_path)},
        "search": {**SEARCH, **search},
        **more,
    }
    steps = {"train": train, "use": {"class": "steps:Use", "inputs": {"model": "train.model"}}}
    project.pipeline("p", ENDING.replace("{ending}", ENDINGS[way]), steps)


def states_in_mlflow(project, ran) -> list[str]:
    run = ran.first.run
    plan = ran.project.store.plan(run.plan)
    record = record_of(project.store, plan, run)
    return [trial.status for trial in trial_records(project.store, plan, run, record)]


@pytest.mark.parametrize("way", WAYS)
def test_a_search_goes_on_while_no_more_trials_fail_than_may(way, project, tmp_path):
    write_ending(project, way, tmp_path, max_failed=2, concurrency=5)
    ran = project.run()
    assert ran.ok, ran.errors()
    assert ran.value("use", "model") == {"x": 3.5}
    table = ran.value("train", "trials")
    assert list(table["state"]) == ["done", "failed", "done", "failed", "done"]
    assert table["error"][1].startswith(TOLD[way])
    (note,) = ran.outcome("train").notes
    assert note.startswith(f"2 of 5 trials failed; the first: {TOLD[way]}")
    assert "3 done, 2 failed; 2 may fail" in str(ran.value("train", "page"))
    found = states_in_mlflow(project, ran)
    assert found == ["FINISHED", "FAILED", "FINISHED", "FAILED", "FINISHED"]


def test_a_search_fails_once_more_trials_have_failed_than_may_and_is_resumed(project, tmp_path):
    write_ending(project, "is killed", tmp_path, max_failed=1)
    ran = project.run()
    assert set(ran.errors()) == {"train-propose-3"}
    message = ran.errors()["train-propose-3"]
    assert "2 of 4 trials failed; expected at most 1 (max_failed): its process was" in message
    assert states_in_mlflow(project, ran) == ["FINISHED", "FAILED", "FINISHED", "FAILED"]
    (tmp_path / "there").touch()
    resumed = project.run(settings=RunSettings(resume=True))
    assert resumed.ok, resumed.errors()
    assert resumed.id == ran.id
    assert set(resumed.value("train", "trials")["state"]) == {"done"}
    outcomes = resumed.first.outcomes
    assert [outcomes["train-trials-1", n].cached for n in (0, 1)] == [True, False]


@pytest.mark.long
def test_of_the_last_round_too_no_more_may_fail(project, tmp_path):
    write_ending(project, "raises", tmp_path, max_failed=1, concurrency=5)
    ran = project.run()
    assert set(ran.errors()) == {"train"}
    assert "2 of 5 trials failed; expected at most 1 (max_failed)" in ran.errors()["train"]


def test_a_killed_trial_ends_a_search_that_does_not_say_how_many_may_fail(project, tmp_path):
    write_ending(project, "is killed", tmp_path)
    ran = project.run()
    assert set(ran.errors()) == {"train-trials-1"}


@pytest.mark.long
@pytest.mark.parametrize("way", sorted(ENDINGS))
def test_an_orchestrator_gets_a_failed_trial_where_its_process_is_gone(way, project, tmp_path):
    write_ending(project, way, tmp_path, max_failed=2, concurrency=5)
    plan, store = project.plan(), project.store
    store.add_plan(plan)
    add_code(store, project.root / "p", plan.code)
    codes = [ended(store, plan, step, *more) for step, *more in STARTED]
    assert codes == [0, 0, 0]
    run = bind(store, plan, RunRequest(id="r"))
    results = [store.get("p", run.id, "train-trials-1", "result", index=n) for n in (0, 1)]
    assert [result["state"] for result in results] == ["done", "failed"]
    assert results[1]["error"].startswith(TOLD[way])
    assert results[1]["params"] == {"x": 2.0}
    outcome = recorded(store, run, "train-trials-1", 1)
    assert (outcome.ok, outcome.key, outcome.attempts) == (True, "", 1)


STARTED = (("train-propose-1",), ("train-trials-1", "0"), ("train-trials-1", "1"))


def ended(store, plan: Plan, step: str, index: str = "") -> int:
    """Return the exit code of a step that is started as an orchestrator does."""
    command = [sys.executable, "-m", "atlas.step", "--plan", plan.digest, "--run", "r"]
    more = ["--index", index] if index else []
    env = environment(ATLAS_STORE=store.url)
    return subprocess.run([*command, "--step", step, *more], env=env, timeout=200).returncode
