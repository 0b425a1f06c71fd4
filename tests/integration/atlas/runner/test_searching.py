"""A search in a run: its rounds, what comes of it, what is taken again, what fails."""

from __future__ import annotations

from typing import Any

from atlas.plan import Plan
from atlas.runner import RunSettings
from atlas.tracking.record import record_of
from atlas.tracking.trials import trial_records

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
