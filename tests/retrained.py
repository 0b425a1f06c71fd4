"""A pipeline whose champion is retrained, as tests ask for it: small, and quick to train."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from atlas.config_retraining import RetrainingRule
from atlas.monitor.events import TriggerEvent
from atlas.monitor.spec import MonitoredPipeline
from atlas.retraining import RetrainingPlace
from atlas.runner import RunSettings
from atlas.runner.settings import THREADS
from atlas.step.finish import finished_run
from atlas.step.versions import registry
from atlas.store import Store
from tests.projects import Project

SOURCE = """
class Model(NamedTuple):
    model: dict[str, float]

class Score(NamedTuple):
    quality: float

class Train(Template):
    quality: float = 0.5
    ledger: str = ""
    def run(self) -> Model:
        if self.ledger:
            with open(self.ledger, "a") as file:
                file.write(f"{self.context.run}\\n")
        return Model({"quality": self.quality})

class Evaluate(Template):
    def run(self, model: dict[str, float]) -> Score:
        self.context.metric("quality", model["quality"])
        return Score(model["quality"])
"""
TRAINING = {
    "train": {
        "class": "steps:Train",
        "params": {"quality": {"parameter": "quality"}, "ledger": {"parameter": "ledger"}},
    },
    "evaluate": {"class": "steps:Evaluate", "inputs": {"model": "train.model"}},
}
INFERENCE = {"score": {"class": "steps:Evaluate", "inputs": {"model": "model.part"}}}
PARAMETERS = {
    "quality": {"type": "number", "default": 0.5},
    "ledger": {"type": "string", "default": ""},
}
CONFIG: dict[str, Any] = {
    "model": {"name": "houses", "from": {"part": "train.model"}},
    "promotion": {"metric": "evaluate.quality", "direction": "higher", "beats_champion": True},
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def champion(project: Project, name: str = "houses", **config: Any) -> Store:
    """Write the pipeline and train its first champion; return the store."""
    project.environment(targets={"training": "local"})
    config = {**CONFIG, "model": {**CONFIG["model"], "name": name}, **config}
    project.pipeline(name, SOURCE, TRAINING, INFERENCE, config, parameters=PARAMETERS)
    ran = project.run(name, RunSettings(isolate=THREADS), flows=("training",))
    assert ran.ok, ran.errors()
    return project.store


def place(store: Store, **more: Any) -> RetrainingPlace:
    """Return where retrainings are, with no target but this machine."""

    def none(target: str, _: object) -> Any:
        raise AssertionError(target)

    return RetrainingPlace(store, registry(store), none, **{"isolate": THREADS, **more})


def pipeline(
    name: str = "houses",
    *,
    protected: bool = False,
    promotion: dict[str, Any] | None = None,
    **rule: Any,
) -> MonitoredPipeline:
    return MonitoredPipeline(
        pipeline=name,
        model=name,
        config=name,
        environment="local",
        rule=RetrainingRule(**{"per_month": 1000, **rule}),
        promotion=promotion,
        protected=protected,
    )


def cause(
    store: Store, watermark: str = "1", name: str = "houses", trigger: str = "drift", **more: Any
) -> TriggerEvent:
    """Return an event of the present champion."""
    version = registry(store).find(name, "champion")
    assert version is not None
    return TriggerEvent(
        pipeline=name,
        model=name,
        version=version.version,
        digest=version.resolved().digest,
        trigger=trigger,
        watermark=watermark,
        **more,
    )


def training_runs(store: Store, name: str = "houses") -> list[str]:
    """Return the runs of retrainings."""
    return [run for run in store.runs(name) if "-retraining-" in run]


def status_of(store: Store, run: str, name: str = "houses") -> str:
    finished = finished_run(store, store.run(name, run))
    return finished.status if finished else ""
