"""A champion is beaten on the challenger's own test set, with its own parts all the way."""

from __future__ import annotations

from atlas.runner import RunSettings
from tests.projects import project

__all__ = ["project"]

SOURCE = """
from statistics import mean

class Rows(NamedTuple):
    rows: list[float]

class Scaled(NamedTuple):
    rows: list[float]
    fitted: dict[str, float]

class Trained(NamedTuple):
    model: dict[str, float]

class Load(Template):
    top: float
    def run(self) -> Rows:
        return Rows([self.top * part for part in (0.25, 0.5, 0.75, 1.0)])

class Scale(Template):
    def run(self, rows: list[float], fitted: Any = None) -> Scaled:
        learnt = fitted or {"by": max(rows)}
        return Scaled([row / learnt["by"] for row in rows], learnt)

class Train(Template):
    off: float
    name: str = "off"
    def run(self, rows: list[float]) -> Trained:
        return Trained({"mean": mean(rows), self.name: self.off})

class Measure(Template):
    name: str = "off"
    def run(self, model: dict[str, float], rows: list[float]) -> None:
        self.context.metric("error", abs(mean(rows) - model["mean"]) + model[self.name])
"""
CONFIG = {
    "model": {"name": "m", "from": {"part": "train.model", "scaler": "scale.fitted"}},
    "promotion": {"metric": "measure.error", "at_most": 9.0, "beats_champion": True},
}


def train(
    project, *, top, off, isolate="none", source=SOURCE, promotion=CONFIG["promotion"], **changed
):
    steps = {
        "load": {"class": "steps:Load", "params": {"top": top}},
        "scale": {"class": "steps:Scale", "inputs": {"rows": "load.rows"}},
        "train": {
            "class": "steps:Train",
            "inputs": {"rows": "scale.rows"},
            "params": {"off": off, **changed},
        },
        "measure": {
            "class": "steps:Measure",
            "inputs": {"model": "train.model", "rows": "scale.rows"},
            "params": changed,
        },
    }
    project.pipeline("p", source, steps, config={**CONFIG, "promotion": promotion})
    ran = project.run(settings=RunSettings(isolate=isolate, jobs=1))
    assert ran.ok, ran.errors()
    return ran


def verdict(ran) -> str:
    return ran.first.finished.lines()[-1].partition("champion: ")[2]


def test_a_result_is_taken_only_beside_the_same_champion(project):
    train(project, top=4.0, off=0.125)
    again = train(project, top=4.0, off=0.125)
    assert again.outcome("measure").reason.startswith("it has no output")
    assert again.cached() == {"load", "scale", "train"}


def test_a_champion_that_cannot_be_scored_here(project):
    train(project, top=4.0, off=0.25)
    other = train(project, top=4.0, off=0.125, name="bias")
    warning, _, said = other.first.finished.lines()
    assert warning == ("warning: the champion can't be scored on this test set: KeyError: 'bias'")
    assert said.endswith("measure.error is 0.125, and the champion's is 0.25 on its own test set")
    assert other.first.finished.promotion.promoted


def test_a_part_that_its_step_cannot_be_given(project):
    source = SOURCE.replace("fitted: Any = None", "known: Any = None").replace("fitted or", "")
    for off in (0.5, 0.25):
        ran = train(project, top=4.0, off=off, source=source)
    (warning, *_) = ran.first.finished.lines()
    assert "step scale: makes the part 'scaler', and has no input 'fitted' to take it" in warning
    assert verdict(ran).endswith("and the champion's is 0.5 on its own test set")


def test_a_step_that_trains_has_no_other_model_to_score(project):
    source = SOURCE.replace(
        "return Trained(", "self.context.metric('error', self.off); return Trained("
    )
    promotion = {**CONFIG["promotion"], "metric": "train.error"}
    for off in (0.5, 0.25):
        ran = train(project, top=4.0, off=off, source=source, promotion=promotion)
    assert ran.outcome("train").metrics == {"error": 0.25}
    assert len(ran.first.finished.lines()) == 2
    assert verdict(ran).endswith("and the champion's is 0.5 on its own test set")
