"""An MLflow whose JSON is of another shape: a message each time, and a run that is done all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from atlas.errors import AtlasError
from atlas.http.service import Patience, Service
from atlas.models.champions import Champions, Ruling
from atlas.store import ModelPart, open_store
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.record import FINISHED, RunRecord
from atlas.tracking.registry import CHAMPION, ModelRegistration
from tests.projects import environment, project
from tests.strange import HALF, STRANGE, VALUES, Script, mutations

__all__ = ["project"]

NAME = "p"
MARK = {"atlas.run": "training-r1", "atlas.pipeline": NAME}
REGISTRATION = ModelRegistration("m", "training-r1", {"part": ModelPart("file:///x", "a" * 64)})
RECORD = RunRecord(
    NAME, "r1", FINISHED, 1, 2, params={"a": "1"}, metrics={"s.q": (1.0, 1)}, tags=MARK,
    artifacts={"x.txt": b"x"},
)  # fmt: skip
INFO = {"run_id": "1", "artifact_uri": "mlflow-artifacts:/0/1/artifacts"}
TAGS = {**REGISTRATION.all_tags(), **MARK}
VERSION = {
    "name": "m", "version": "1", "aliases": [],
    "tags": [{"key": key, "value": value} for key, value in TAGS.items()],
}  # fmt: skip
CHALLENGING = {**VERSION, "version": "2"}
ANSWERS: dict[str, Any] = {
    "experiments/get?": {"experiment": {"experiment_id": "0", "creation_time": 1700000000000}},
    "experiments/get-by-name": {"experiment": {"experiment_id": "0"}},
    "runs/create": {"run": {"info": INFO}},
    "runs/search": {"runs": [{"info": INFO}]},
    "runs/": {},
    "mlflow-artifacts": {},
    "registered-models/create": {"registered_model": {"name": "m"}},
    "registered-models/alias": {"model_version": VERSION},
    "registered-models/get": {
        "registered_model": {"name": "m", "tags": [{"key": "k", "value": "v"}]}
    },
    "registered-models/set-tag": {},
    "registered-models/search": {"registered_models": [{"name": "m"}]},
    "model-versions/create": {"model_version": VERSION},
    "model-versions/search": {"model_versions": [VERSION, CHALLENGING]},
    "model-versions/get?name=m&version=2": {"model_version": CHALLENGING},
    "model-versions/get": {"model_version": VERSION},
    "model-versions/delete": {},
}


def kept(server: MlflowTracker) -> None:
    with TemporaryDirectory() as folder:
        champions = Champions(open_store(folder), server, "m")
        with champions.held():
            champions.keep("2", Ruling(False, "it fails"), "1")


def moved(server: MlflowTracker) -> None:
    with TemporaryDirectory() as folder:
        champions = Champions(open_store(folder), server, "m")
        with champions.held() as lease:
            champions.move(champions.intend("1", Ruling(True, "it passes"), ""), lease)


CALLS: dict[str, Callable[[MlflowTracker], Any]] = {
    "send": lambda it: it.send(RECORD),
    "send again": lambda it: it.send(RECORD, again=True),
    "register": lambda it: it.register(REGISTRATION, "1"),
    "set alias": lambda it: it.set_alias("m", CHAMPION, "1"),
    "find": lambda it: [it.find("m", "1"), it.find("m", CHAMPION)],
    "resolve": lambda it: it.find("m", CHAMPION).resolved(),  # type: ignore[union-attr]
    "keep": kept,
    "move": moved,
    "models": lambda it: it.models(),
    "versions": lambda it: [one.metrics() for one in it.versions("m")],
}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Script, MlflowTracker]]:
    at_once = Patience(0.0, 0.0, 0.0, 0.0)
    service = property(lambda it: Service("mlflow", it.url, patience=at_once))
    monkeypatch.setattr(MlflowTracker, "service", service)
    monkeypatch.setattr("atlas.http.once._PAUSES", (0.0, 0.0))
    made = Script(ANSWERS)
    with made.serving() as url:
        yield made, MlflowTracker(url)


def outcome(call: Callable[[MlflowTracker], Any], server: MlflowTracker) -> AtlasError | None:
    """Return the error that a call ends with, in one line; any other exception is a bug."""
    found = None
    try:
        call(server)
    except AtlasError as error:
        found = error
    assert found is None or (str(found).strip() and "\n" not in str(found))
    return found


@pytest.mark.parametrize("name", CALLS)
def test_a_right_mlflow_is_understood(script, name):
    assert outcome(CALLS[name], script[1]) is None


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_an_answer_that_is_something_else(script, content):
    made, server = script
    found = []
    for call in CALLS.values():
        made.begin()
        call(server)
        for where in sorted(made.asked - {"mlflow-artifacts"}):
            made.wrong = (where, content)
            found.append(outcome(call, server))
    if content != b"{}":
        assert sum(one is not None for one in found) > len(found) / 2


@pytest.mark.parametrize("value", VALUES)
def test_a_value_in_an_answer_that_is_something_else(script, value):
    made, server = script
    for call in CALLS.values():
        made.begin()
        call(server)
        for where in sorted(made.asked):
            for changed in mutations(ANSWERS[where], value):
                made.wrong = (where, json.dumps(changed).encode())
                outcome(call, server)


FOREIGN = [
    *({"name": name} for name in ("other", "../m", "M", "")),
    *({"version": text} for text in ("", "../1", "1\0", "<b>", "\x1b[31m", "\u0661", "9" * 40)),
]


@pytest.mark.parametrize("changed", FOREIGN, ids=repr)
@pytest.mark.parametrize("asked", [CHAMPION, "1"])
def test_a_version_of_another_model_or_without_a_number_is_refused(script, changed, asked):
    made, server = script
    for where in ("registered-models/alias", "model-versions/get"):
        made.answers = {**ANSWERS, where: {"model_version": {**VERSION, **changed}}}
        made.begin()
        error = outcome(lambda it: it.find("m", asked), server)
        assert (error is not None) == (where in made.asked)
        assert error is None or "\x1b" not in str(error)


def test_another_number_than_was_asked_for_is_refused(script):
    error = outcome(lambda it: it.find("m", "7"), script[1])
    assert "found m, version 1; expected m, version 7" in str(error)


@pytest.mark.parametrize(
    "content", [b"[]", b"null", b"<html>", HALF], ids=["[]", "null", "page", "half"]
)
def test_a_run_is_done_and_says_that_mlflow_is_no_mlflow(project, content):
    """Its steps are done, so it exits 0; what couldn't be sent waits."""
    source = """
    class Number(NamedTuple):
        number: int

    class Make(Template):
        def run(self) -> Number:
            return Number(1)
    """
    model = {"model": {"name": "m", "from": {"part": "make.number"}}}
    project.pipeline("p", source, {"make": {"class": "steps:Make"}}, config=model)
    made = Script({"/": None})
    made.wrong = ("/", content)
    with made.serving() as url:
        done = project.atlas("run", "p", env=environment(ATLAS_MLFLOW_URL=url))
        assert done.returncode == 0, done.stderr
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert f"warning: mlflow at {url}" in said
        assert "the run waits in the outbox" in said
    assert list((project.state / "outbox").glob("*.json"))
