"""Several pipelines at once: models, references between pipelines, families."""

from __future__ import annotations

from atlas.runner import RunSettings

SOURCE = """

class Model(NamedTuple):
    model: dict[str, float]

class Scores(NamedTuple):
    scores: dict[str, Any]

class Train(Template):
    value: float = 1.0
    axis: str = ""
    def run(self) -> Model:
        self.context.metric("quality", self.value)
        return Model({"value": self.value})

class Score(Template):
    def run(self, model: dict[str, float]) -> Scores:
        self.context.metric("rows", 3)
        return Scores({"score": model["value"]})

class Gather(Template):
    def run(self, members: Any) -> Scores:
        return Scores({"all": members})
"""
TRAIN = {"train": {"class": "steps:Train", "params": {"value": {"parameter": "value"}}}}
SCORE = {"score": {"class": "steps:Score", "inputs": {"model": "model.part"}}}
PARAMETERS = {"value": {"type": "number", "default": 1.0}}
CONFIG = {
    "model": {"name": "m", "from": {"part": "train.model"}},
    "promotion": {"metric": "train.quality", "at_least": 1.0, "beats_champion": True},
}


def lines(ran) -> list[str]:
    return [line for one in ran.result.runs for line in one.finished.lines()]


def both(project, **more):
    project.pipeline("p", SOURCE, TRAIN, SCORE, CONFIG)
    document = {
        "version": 1,
        "name": "p-training",
        "flow": "training",
        "steps": TRAIN,
        "parameters": PARAMETERS,
    }
    import json

    project.write("p/training.json", json.dumps(document))


def test_training_then_inference_without_any_server(project):
    both(project)
    ran = project.run()
    assert ran.ok, [f.error for f in ran.result.runs]
    assert lines(ran) == [
        "m version local-1 is registered",
        "version local-1 is the champion: train.quality is 1",
    ]
    _, inference = ran.result.runs
    assert inference.run.model.version == "local-1"
    assert project.store.get("p", inference.run.id, "score", "scores") == {"score": 1.0}


def test_only_a_better_model_is_promoted(project):
    both(project)
    project.run(flows=("training",))
    worse = project.run(settings=RunSettings(parameters={"value": 0.5}), flows=("training",))
    assert (
        lines(worse)[1]
        == "version local-2 isn't the champion: train.quality is 0.5, and must be at least 1"
    )
    same = project.run(settings=RunSettings(parameters={"value": 1.0}), flows=("training",))
    assert lines(same)[1] == "version local-1 is the champion: this run made the very same"
    project.write("p/helpers.py", "")
    other = project.run(settings=RunSettings(parameters={"value": 1.0}), flows=("training",))
    assert "and the champion's is 1" in lines(other)[1]
    project.run(settings=RunSettings(parameters={"value": 2.0}), flows=("training",))
    inference = project.run(flows=("inference",))
    assert inference.first.run.model.version == "local-4"
    assert inference.value("score", "scores") == {"score": 2.0}


def test_a_model_that_was_changed_behind_its_digest(project):
    both(project)
    ran = project.run(flows=("training",))
    project.store.put("p", ran.id, "train", "model", {"value": 9.0})
    inference = project.run(flows=("inference",))
    assert inference.first.error.startswith("M005: model m, version local-1, part ")
    assert "isn't the part that was registered" in inference.first.error


def test_inference_without_a_model(project):
    both(project)
    ran = project.run(flows=("inference",))
    assert "model m: there is no version 'champion'" in ran.first.error


def test_a_pipeline_that_reads_another(project):
    project.pipeline("base", SOURCE, {"train": {"class": "steps:Train"}})
    steps = {"use": {"class": "steps:Score", "inputs": {"model": "pipeline:base/train.model"}}}
    project.pipeline("above", SOURCE, steps)
    ran = project.run()
    assert ran.ok, [f.error for f in ran.result.runs]
    above = next(one for one in ran.result.runs if one.plan.name == "above")
    base = next(one for one in ran.result.runs if one.plan.name == "base")
    assert above.run.upstream == {"pipeline:base/train": f"base/{base.run.id}"}
    assert project.run("above").ok


def test_without_a_successful_run_of_the_other(project):
    project.pipeline(
        "base",
        SOURCE.replace("return Model", "raise RuntimeError"),
        {"train": {"class": "steps:Train"}},
    )
    steps = {"use": {"class": "steps:Score", "inputs": {"model": "pipeline:base/train.model"}}}
    project.pipeline("above", SOURCE, steps)
    alone = project.run("above")
    assert "pipeline:base: has no successful run with a step 'train'" in alone.first.error
    ran = project.run()
    above = next(one for one in ran.result.runs if one.plan.name == "above")
    assert above.error == "base/training isn't done"


def test_a_family_and_what_reads_it(project):
    steps = {"train": {"class": "steps:Train", "params": {"axis": {"axis": "region"}}}}
    project.pipeline("family", SOURCE, steps, config={"matrix": {"region": ["emea", "apac"]}})
    gather = {
        "gather": {"class": "steps:Gather", "inputs": {"members": "family:family/train.model"}}
    }
    project.pipeline("whole", SOURCE, gather)
    ran = project.run(settings=RunSettings(jobs=4))
    assert ran.ok, [f.error for f in ran.result.runs]
    whole = next(one for one in ran.result.runs if one.plan.name == "whole")
    value = project.store.get("whole", whole.run.id, "gather", "scores")
    assert value == {"all": {"emea": {"value": 1.0}, "apac": {"value": 1.0}}}
    parents = {one.family.name for one in ran.result.runs if one.plan.config == "family"}
    assert len(parents) == 1
    assert parents != {""}


KEYED = """
class Keys(NamedTuple):
    keys: list[int]

class Square(NamedTuple):
    square: int

class All(NamedTuple):
    all: list[int]

class List(Template):
    def run(self) -> Keys:
        return Keys([3, 1, 2])

class Each(Template):
    def run(self, key: int) -> Square:
        return Square(key * key)

class Take(Template):
    def run(self, squares: list[int]) -> All:
        return All(squares)
"""


class Planted:
    """A pickle that makes a file when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


def test_the_keys_of_another_pipeline_are_counted_and_not_read(project, tmp_path):
    """Its Plan, a file of the store, says that they are a pickle; this project's Recipe doesn't."""
    keys = {"class": "steps:List", "outputs": {"keys": {"format": "pickle"}}}
    each = {"class": "steps:Each", "foreach": {"key": "list.keys"}}
    project.pipeline("base", KEYED, {"list": keys, "each": each})
    steps = {"take": {"class": "steps:Take", "inputs": {"squares": "pipeline:base/each.square"}}}
    project.pipeline("above", KEYED, steps)
    base = project.run("base")
    assert base.ok, base.errors()
    plant(project, base, tmp_path / "mark")
    above = project.run("above")
    assert above.ok, above.errors()
    assert above.value("take", "all") == [9, 1, 4]
    assert not (tmp_path / "mark").exists()


def plant(project, ran, mark):
    """Put another pickle in the place of a run's keys, as who may write to the store can."""
    import hashlib
    import json
    import pickle

    content = pickle.dumps(Planted(mark))
    folder = project.state / "store" / "base" / ran.id / "list" / "keys"
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest.update(size=len(content), sha256=digest, data=f"base/{ran.id}/list/keys/data.pickle")
    (folder / "data.pickle").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest))
