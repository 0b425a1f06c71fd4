"""A pipeline on the bench: small data in, outputs and metrics out, nothing real touched."""

from __future__ import annotations

import pandas as pd
import pytest

from atlas.errors import AtlasError, StepError
from atlas.testing import Bench
from tests.projects import project

__all__ = ["project"]

SOURCE = """
from atlas import Sink, Source

class Load(Source):
    pass

class Parts(NamedTuple):
    train: Any
    test: Any

class Split(Template):
    fraction: float = 0.5
    def run(self, rows: Any) -> Parts:
        at = int(len(rows) * self.fraction)
        return Parts(rows.iloc[:at].reset_index(drop=True), rows.iloc[at:].reset_index(drop=True))

class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    def run(self, rows: Any) -> Model:
        self.context.metric("rows", len(rows))
        return Model({"mean": float(rows["x"].mean())})

class Scores(NamedTuple):
    scores: Any

class Score(Template):
    def run(self, rows: Any, model: dict[str, float]) -> Scores:
        return Scores(rows.assign(score=model["mean"]))

class Write(Sink):
    pass

class Break(Template):
    def run(self, rows: Any) -> Model:
        raise ValueError("as it is")
"""
TRAINING = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.rows"}},
    "split": {
        "class": "steps:Split",
        "inputs": {"rows": "load.rows"},
        "params": {"fraction": {"parameter": "part"}},
    },
    "train": {"class": "steps:Train", "inputs": {"rows": "split.train"}},
}
INFERENCE = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.rows"}},
    "score": {"class": "steps:Score", "inputs": {"rows": "load.rows", "model": "model.mean"}},
    "write": {"class": "steps:Write", "inputs": {"rows": "score.scores", "target": "data.scores"}},
}
CONFIG = {
    "data": {"rows": {}, "scores": {}},
    "model": {"name": "m", "from": {"mean": "train.model"}},
}
PARAMETERS = {"part": {"type": "number", "default": 0.5}}
ROWS = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})


@pytest.fixture
def on_bench(project, tmp_path):
    project.environment(
        data={"rows": {"uri": "store:rows.parquet"}, "scores": {"uri": "store:scores/"}}
    )
    project.pipeline("p", SOURCE, TRAINING, INFERENCE, CONFIG)
    import json

    document = {
        "version": 1,
        "name": "t",
        "flow": "training",
        "steps": TRAINING,
        "parameters": PARAMETERS,
    }
    project.write("p/training.json", json.dumps(document))
    (pipeline,) = project.resolve()
    return Bench(pipeline, tmp_path / "bench")


def test_a_whole_flow(on_bench, project):
    ran = on_bench.run(data={"rows": ROWS})
    assert ran.metrics == {"train.rows": 2.0}
    assert ran.output("train.model") == {"mean": 1.5}
    assert len(ran.output("split.test")) == 2
    assert not project.state.exists()


def test_parameters_and_until(on_bench):
    ran = on_bench.run(data={"rows": ROWS}, parameters={"part": 0.75}, until="split")
    assert len(ran.output("split.train")) == 3
    with pytest.raises(StepError, match="the artifact isn't there"):
        ran.output("train.model")


def test_an_output_that_there_isn_t(on_bench):
    ran = on_bench.run(data={"rows": ROWS})
    message = r"step split: has no output 'tran' \(did you mean 'train'\?\); there are test, train$"
    with pytest.raises(StepError, match=message):
        ran.output("split.tran")


def test_inference_with_a_model_of_the_test(on_bench):
    ran = on_bench.run(flow="inference", data={"rows": ROWS}, model={"mean": {"mean": 7.0}})
    assert ran.data("scores")["score"].tolist() == [7.0] * 4


def test_inference_with_what_was_trained_before(on_bench):
    on_bench.run(data={"rows": ROWS})
    ran = on_bench.run(flow="inference", data={"rows": ROWS}, interval=("2026-01-01", "2026-01-02"))
    assert ran.data("scores")["score"].tolist() == [1.5] * 4


def test_one_step(on_bench):
    ran = on_bench.step("split", rows=ROWS, params={"fraction": 0.25})
    assert len(ran.output("train")) == 1
    assert ran.output("split.test")["x"].tolist() == [2.0, 3.0, 4.0]
    assert on_bench.step("train", rows=ROWS).metrics == {"rows": 4.0}
    assert (
        on_bench.step("split", rows=ROWS, parameters={"part": 0.75}).output("train")["x"].size == 3
    )


def test_one_step_with_data_and_a_model(on_bench):
    assert len(on_bench.step("load", source=ROWS).output("rows")) == 4
    ran = on_bench.step("score", rows=ROWS, model={"mean": 2.0})
    assert ran.output("scores")["score"].tolist() == [2.0] * 4
    written = on_bench.step("write", rows=ROWS, target=ROWS.head(0))
    assert len(written.data("scores")) == 4


def test_a_step_that_fails(on_bench, project):
    steps = {**TRAINING, "train": {**TRAINING["train"], "class": "steps:Break"}}
    project.pipeline("p", SOURCE, steps, config={"data": CONFIG["data"]}, parameters=PARAMETERS)
    (pipeline,) = project.resolve()
    for act in (
        lambda bench: bench.step("train", rows=ROWS),
        lambda bench: bench.run(data={"rows": ROWS}),
    ):
        with pytest.raises(StepError, match="as it is"):
            act(Bench(pipeline, on_bench.folder))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda bench: bench.run(data={"row": ROWS}), "has no such data; it has rows"),
        (lambda bench: bench.run(flow="sideways"), "doesn't have a flow 'sideways'"),
        (lambda bench: bench.step("spilt", rows=ROWS), "doesn't have a step 'spilt'"),
        (lambda bench: bench.run(data={}), "nothing at"),
        (
            lambda bench: bench.step("split", rows=ROWS).output("nothing"),
            "has no output 'nothing'; there are test, train",
        ),
        (lambda bench: bench.step("split", rows=ROWS).output("other.x"), "isn't there; there are"),
        (lambda bench: bench.run(flow="inference", data={"rows": ROWS}), "no version 'champion'"),
    ],
)
def test_what_isn_t_there_is_said(on_bench, act, words):
    with pytest.raises(AtlasError, match=words):
        act(on_bench)
