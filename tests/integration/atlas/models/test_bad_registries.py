"""What becomes of a promotion when MLflow isn't as it was left, or goes away in the middle of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from atlas.errors import UnreachableError
from atlas.models import log
from atlas.models.champions import Champions, Ruling
from atlas.models.promotion import Candidate, promote
from atlas.store import open_store
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.registry import CHAMPION, ModelRegistration
from tests.projects import Project, environment, project

__all__ = ["project"]

SOURCE = """
class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    value: float
    def run(self) -> Model:
        self.context.metric("quality", self.value)
        return Model({"value": self.value})
"""


@pytest.fixture
def tracker(project: Project, mlflow_server: str, monkeypatch: pytest.MonkeyPatch) -> MlflowTracker:
    monkeypatch.setenv("ATLAS_MLFLOW_URL", mlflow_server)
    return MlflowTracker(mlflow_server)


@pytest.fixture
def name(tmp_path: Path) -> str:
    return f"m-{tmp_path.name}"


def train(project: Project, name: str, value: float) -> None:
    rule = {"metric": "train.quality", "direction": "higher", "at_least": 1.0}
    config = {"model": {"name": name, "from": {"part": "train.model"}}, "promotion": rule}
    steps = {"train": {"class": "steps:Train", "params": {"value": value}}}
    project.pipeline("p", SOURCE, steps, config=config)
    assert project.run("p").ok


def atlas(
    project: Project, tracker: MlflowTracker, *words: str
) -> subprocess.CompletedProcess[str]:
    return project.atlas(*words, env=environment(ATLAS_MLFLOW_URL=tracker.url))


def version(tracker: MlflowTracker, name: str) -> str:
    champion = tracker.find(name, CHAMPION)
    return champion.version if champion else ""


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Requests to these paths of MLflow's API get no answer."""
    paths: list[str] = []
    whole = MlflowTracker.call

    def call(self, method, path, *arguments, **options):
        if method == "POST" and path in paths:
            raise UnreachableError(f"mlflow at {self.url}: {path}: no answer", sent=False)
        return whole(self, method, path, *arguments, **options)

    monkeypatch.setattr(MlflowTracker, "call", call)
    return paths


@pytest.mark.parametrize(
    ("path", "meanwhile"), [("registered-models/alias", "1"), ("registered-models/set-tag", "2")]
)
def test_mlflow_that_goes_away_after_the_version_is_registered(  # noqa: PLR0917
    project, tracker, name, cut, path, meanwhile
):
    """The old champion stays, or what was intended is carried out; what wasn't done waits."""
    train(project, name, 5.0)
    assert version(tracker, name) == "1"
    cut.append(path)
    train(project, name, 6.0)
    assert version(tracker, name) == meanwhile
    assert tracker.find(name, "2") is not None
    assert list((project.state / "outbox").iterdir())
    cut.clear()
    synced = atlas(project, tracker, "runs", "--sync")
    assert synced.returncode == 0, synced.stderr
    assert "version 2 is the champion" in synced.stdout
    assert version(tracker, name) == "2"
    assert [found.version for found in tracker.versions(name)] == ["2", "1"]
    assert Champions(project.store, tracker, name).faults() == []


def test_a_model_that_was_deleted_under_its_champion(project, tracker, name):
    train(project, name, 5.0)
    tracker.call("DELETE", "registered-models/delete", {"name": name})
    done = atlas(project, tracker, "champion", "p")
    assert done.returncode == 1
    assert f"{name}: no version is the champion" in done.stdout
    assert (
        "the log has version 1 as the champion, the registry none: it was moved by" in done.stderr
    )
    train(project, name, 6.0)
    assert version(tracker, name) == "1", "MLflow numbers a new model's versions from 1"
    champions = Champions(project.store, tracker, name)
    assert champions.faults() == []
    actions = [entry.action for entry in champions.log.entries()]
    before = [log.INTENDED, log.PROMOTED, log.NOTICED, log.UNCONFIRMED]
    assert actions == [*before, log.INTENDED, log.PROMOTED]


def test_an_alias_of_a_version_that_is_not_there(project, tracker, name, mlflow_database):
    """Older servers leave one behind when a version is deleted (MLflow's PR 24825)."""
    train(project, name, 5.0)
    with sqlite3.connect(mlflow_database) as connection:
        query = "update registered_model_aliases set version = 99 where name = ?"
        assert connection.execute(query, (name,)).rowcount == 1
    connection.close()
    assert version(tracker, name) == ""
    done = atlas(project, tracker, "champion", "p")
    assert done.returncode == 1
    assert "the registry none" in done.stderr
    train(project, name, 6.0)
    assert version(tracker, name) == "2"
    assert Champions(project.store, tracker, name).faults() == []


def test_no_run_passes(project, tracker, name):
    train(project, name, 0.5)
    for words in ((), ("--best",)):
        done = atlas(project, tracker, "promote", "p", "--json", *words)
        assert done.returncode == 1
        (told,) = json.loads(done.stdout)
        assert told["reason"] == "train.quality is 0.5, and must be at least 1"
    assert version(tracker, name) == ""


def test_a_version_that_is_gone_keeps_its_whole_family_where_it_is(tracker, tmp_path, name):
    store = open_store(str(tmp_path / "store"))
    members = [Champions(store, tracker, f"{name}-{of}") for of in ("a", "b")]
    versions = [of.registry.register(ModelRegistration(of.model, "run", {})) for of in members]
    tracker.call("DELETE", "model-versions/delete", {"name": members[1].model, "version": "1"})
    passing = Ruling(True, "it passes")
    candidates = [
        Candidate(of, number, lambda _: passing)
        for of, number in zip(members, versions, strict=True)
    ]
    first, second = promote(candidates)
    assert not first.promoted
    assert not second.promoted
    assert second.reason == "the registry has no version 1 of it any more"
    assert [version(tracker, of.model) for of in members] == ["", ""]
