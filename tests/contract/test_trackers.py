"""One suite over every place that runs and models are kept in: the store, MLflow's file, a server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlas.draw.report import report
from atlas.errors import PlatformError
from atlas.runner import RunSettings
from atlas.step.versions import registered_version
from atlas.store import ModelPart
from atlas.tracking.database import TrackingDatabase
from atlas.tracking.mlflow import MlflowTracker
from atlas.tracking.record import record_of
from atlas.tracking.registry import CHAMPION, LocalRegistry, ModelRegistration
from tests.projects import Project, project, store
from tests.promoting import promote

__all__ = ["project", "store"]

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
    ),
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning"
    ),
]

SOURCE = """
class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    value: float = 1.0
    region: str = ""
    def run(self) -> Model:
        self.context.metric("quality", self.value)
        return Model({"value": self.value})

class Use(Template):
    def run(self, model: dict[str, float]) -> Model:
        self.context.metric("rows", 3)
        return Model(model)

class Fail(Template):
    def run(self) -> Model:
        raise RuntimeError
"""
TRAIN = {"train": {"class": "steps:Train", "params": {"value": 2.0}}}
USE = {"use": {"class": "steps:Use", "inputs": {"model": "model.part"}}}
CONFIG = {"model": {"name": "m", "from": {"part": "train.model"}}}
PARTS = {"part": ModelPart("file:///x/p/r/s/o", "a" * 64)}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("database") / "mlflow.db"


@pytest.fixture(params=["store", "file", "server"])
def registry(request: pytest.FixtureRequest) -> Any:
    if request.param == "store":
        return LocalRegistry(request.getfixturevalue("store"))
    if request.param == "file":
        return TrackingDatabase(request.getfixturevalue("database"))
    return MlflowTracker(request.getfixturevalue("mlflow_server"))


@pytest.fixture
def server(
    mlflow_server: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MlflowTracker]:
    monkeypatch.setenv("ATLAS_MLFLOW_URL", mlflow_server)
    return MlflowTracker(mlflow_server)


def found(server: MlflowTracker, run: str) -> list[dict[str, Any]]:
    """Return MLflow's runs of an Atlas run."""
    every = server.call("POST", "experiments/search", {"max_results": 1000}) or {}
    payload = {
        "experiment_ids": [one["experiment_id"] for one in every["experiments"]],
        "filter": f"tags.`atlas.run` = '{run}'",
    }
    answer = server.call("POST", "runs/search", payload) or {}
    return answer.get("runs", [])


def pairs(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: one["value"] for one in items}


def test_versions_and_aliases(registry, request, store):
    model = f"m-{request.node.name.partition('[')[2][:-1]}"
    sources = {"file": "0" * 32, "server": "0" * 32}
    source = "" if isinstance(registry, LocalRegistry | MlflowTracker) else sources["file"]
    first = ModelRegistration(model, "run-1", PARTS, {"atlas.x": "y"}, {"s.q": 1.0})
    with pytest.raises(PlatformError, match="no version 'champion'"):
        registered_version(registry, model, CHAMPION).resolved()
    one = registry.register(first, source)
    assert registry.register(first, source) == one
    assert promote(store, registry, model, one, {}, {}).promoted
    version = registered_version(registry, model, CHAMPION).resolved()
    assert (version.version, dict(version.parts)) == (one, PARTS)
    assert registry.find(model, one).tags["atlas.x"] == "y"
    two = registry.register(ModelRegistration(model, "run-2", PARTS, {}, {"s.q": 0.5}), source)
    assert two != one
    rule = {"metric": "s.q", "beats_champion": True}
    worse = promote(store, registry, model, two, rule, {"s.q": 0.5})
    assert (worse.promoted, worse.previous) == (False, one)
    assert worse.reason == "s.q is 0.5, and the champion's is 1 on its own test set"
    assert promote(store, registry, model, two, rule, {"s.q": 1.5}).promoted
    assert registered_version(registry, model, CHAMPION).resolved().version == two
    assert registered_version(registry, model, one).resolved().version == one
    assert registry.find(model, "99") is None


RULES = [
    ({"metric": "s.q"}, {}, "has no metric 's.q'"),
    ({"metric": "s.q", "at_least": 2}, {"s.q": 1.0}, "must be at least 2"),
    ({"metric": "s.q", "at_most": 2}, {"s.q": 3.0}, "must be at most 2"),
]


def test_a_version_that_was_deleted_is_refused_by_number_and_by_alias(server):
    model = "m-deleted"
    version = server.register(ModelRegistration(model, "run-1", PARTS))
    server.set_alias(model, CHAMPION, version)
    assert registered_version(server, model, CHAMPION).version == version
    server.call("DELETE", "model-versions/delete", {"name": model, "version": version})
    with pytest.raises(
        PlatformError, match=f"M001: model {model}: there is no version '{version}'"
    ):
        registered_version(server, model, version)
    with pytest.raises(PlatformError, match=f"M002: model {model}: there is no version 'champion'"):
        registered_version(server, model, CHAMPION)


@pytest.mark.parametrize(("rule", "metrics", "words"), RULES)
def test_rules(store, rule, metrics, words):
    registry = LocalRegistry(store)
    version = registry.register(ModelRegistration("m", "r", {}))
    result = promote(store, registry, "m", version, rule, metrics)
    assert not result.promoted
    assert words in result.reason


def test_a_run_is_visible_before_its_end(server, project: Project):
    project.pipeline("p", SOURCE, TRAIN, USE, CONFIG)
    ran = project.run(report=report)
    assert ran.ok
    training, inference = ran.result.runs
    (one,) = found(server, training.run.id)
    assert one["info"]["status"] == "FINISHED"
    assert one["info"]["run_id"] == training.finished.tracked
    assert pairs(one["data"]["params"]) == {"train.value": "2.0"}
    assert pairs(one["data"]["metrics"])["train.quality"] == 2.0
    tags = pairs(one["data"]["tags"])
    assert tags["atlas.digest.plan"] == training.plan.digest
    assert training.finished.version.isdigit()
    assert inference.run.model.version == training.finished.version
    (other,) = found(server, inference.run.id)
    assert pairs(other["data"]["tags"])["atlas.model"] == f"m/{training.finished.version}"
    listed = server.call("GET", "artifacts/list", {"run_id": one["info"]["run_id"]})
    assert {file["path"] for file in listed["files"]} >= {"artifacts.json", "report.html"}
    assert not list((project.state / "outbox").glob("*.json"))


def test_what_mlflow_knows_is_known_without_it_too(server, project, monkeypatch):
    project.pipeline("p", SOURCE, TRAIN, USE, {"model": {**CONFIG["model"], "name": "mirrored"}})
    version = project.run(flows=("training",)).first.finished.version
    monkeypatch.delenv("ATLAS_MLFLOW_URL")
    ran = project.run(flows=("inference",))
    assert ran.first.run.model.version == version


def test_what_failed_is_tracked_as_failed(server, project):
    project.pipeline("p", SOURCE, {"fail": {"class": "steps:Fail"}})
    ran = project.run()
    (one,) = found(server, ran.id)
    assert one["info"]["status"] == "FAILED"


def test_a_resumed_run_is_one_run(server, project):
    project.pipeline("p", SOURCE, TRAIN)
    first = project.run()
    again = project.run(settings=RunSettings(resume=True))
    assert again.id == first.id
    assert len(found(server, first.id)) == 1


def test_a_family_s_members_are_nested(server, project):
    steps = {"train": {"class": "steps:Train", "params": {"region": {"axis": "region"}}}}
    project.pipeline("fam", SOURCE, steps, config={"matrix": {"region": ["a", "b"]}})
    ran = project.run()
    parents = set()
    for run in ran.result.runs:
        (one,) = found(server, run.run.id)
        parents.add(pairs(one["data"]["tags"])["mlflow.parentRunId"])
        assert one["info"]["run_name"] == f"{run.plan.pipeline} {run.run.id}"
        assert run.plan.axes["region"] in run.plan.pipeline
    (parent,) = parents
    (outer,) = found(server, ran.first.family.name)
    assert outer["info"]["run_id"] == parent


DATA_SOURCE = """
class Load(Source):
    pass

class Train(Template):
    def run(self, rows: DataFrame) -> Model:
        return Model({"value": float(rows["size"].mean())})
"""
DATA_STEPS = {
    "load": {"class": "steps:Load", "inputs": {"source": "data.houses"}},
    "train": {"class": "steps:Train", "inputs": {"rows": "load.rows"}},
}


def reading(project: Project, name: str) -> None:
    """Write a pipeline that reads a data set of three rows."""
    file = project.write(f"{name}.csv", "size,region\n1.5,a\n2.5,b\n3.5,a\n")
    project.environment(data={"houses": {"uri": file.as_uri(), "format": "csv"}})
    source = f"from pandas import DataFrame\nfrom atlas import Source\n{SOURCE}{DATA_SOURCE}"
    project.pipeline(name, source, DATA_STEPS, config={"data": {"houses": {}}})


@pytest.mark.parametrize("kind", ["server", "file"])
def test_a_run_s_data_sets_are_there_once(kind, server, database, project):
    reading(project, f"read-{kind}")
    ran = project.run()
    assert ran.ok, ran.errors()
    tracker = server if kind == "server" else TrackingDatabase(database)
    store, run = project.store, ran.first.run
    record = record_of(store, store.plan(run.plan), run)
    for _ in range(2):
        sent = tracker.send(record, again=True)
    if kind == "server":
        data = server.call("GET", "runs/get", {"run_id": sent})["run"]["inputs"]
        (one,) = data["dataset_inputs"]
        assert pairs(one["tags"]) == {"mlflow.data.context": "training"}
        dataset = one["dataset"]
    else:
        (kept,) = tracker.client.get_run(sent).inputs.dataset_inputs
        dataset = dict(kept.dataset)
    (read,) = store.outcome(run.pipeline, run.id, "load")["provenance"]["data"]
    assert (dataset["name"], dataset["digest"]) == ("houses", read["sha256"][:36])
    assert json.loads(dataset["source"]) == {"uri": read["uri"]}
    assert json.loads(dataset["profile"]) == {"num_rows": 3}
    columns = json.loads(dataset["schema"])["mlflow_colspec"]
    assert [(one["name"], one["type"]) for one in columns] == [
        ("size", "double"),
        ("region", "string"),
    ]


def test_mlflow_s_own_client_reads_data_sets_and_source(server, project):
    import subprocess

    from mlflow import MlflowClient
    from mlflow.types import Schema

    reading(project, "own")
    origin = "https://ann:t0ken-word@git.example/team/m.git"
    author = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "own"], [*author, "commit", "-qm", "own"],
                  ["remote", "add", "origin", origin]):  # fmt: skip
        subprocess.run(["git", "-C", str(project.root), *words], check=True)
    ran = project.run()
    (one,) = found(server, ran.id)
    run = MlflowClient(tracking_uri=server.url).get_run(one["info"]["run_id"])
    (kept,) = run.inputs.dataset_inputs
    colspec = json.loads(kept.dataset.schema)["mlflow_colspec"]
    assert Schema.from_json(json.dumps(colspec)).input_names() == ["size", "region"]
    tags = run.data.tags
    assert (tags["mlflow.source.name"], tags["mlflow.source.type"]) == ("own", "LOCAL")
    assert tags["mlflow.source.git.commit"] == ran.first.run.commit.removesuffix("-dirty")
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert tags["mlflow.source.git.dirty"] == "false"
    assert tags["mlflow.source.git.repoURL"] == "https://git.example/team/m.git"
    assert "t0ken-word" not in json.dumps(tags) + json.dumps(ran.first.run.to_json())


def test_a_server_that_takes_no_data_sets_takes_the_run(server, project):
    reading(project, "refused")
    ran = project.run()
    store, run = project.store, ran.first.run
    record = record_of(store, store.plan(run.plan), run)
    wrong = [{"dataset": {**one["dataset"], "digest": "x" * 99}} for one in record.inputs]
    tags = {**record.tags, "atlas.run": "refused-inputs"}
    sent = server.send(replace(record, inputs=wrong, tags=tags))
    info = server.call("GET", "runs/get", {"run_id": sent})["run"]
    assert info["info"]["status"] == "FINISHED"
    assert not info.get("inputs", {}).get("dataset_inputs")


def test_a_server_that_doesn_t_answer_loses_nothing(mlflow_server, project, monkeypatch):
    project.pipeline("p", SOURCE, TRAIN, USE, {"model": {**CONFIG["model"], "name": "waiting"}})
    monkeypatch.setenv("ATLAS_MLFLOW_URL", "http://127.0.0.1:9")
    ran = project.run(flows=("training",))
    assert ran.ok
    assert "waits in the outbox" in ran.first.finished.warnings[0]
    assert ran.first.finished.version == "local-1"
    monkeypatch.setenv("ATLAS_MLFLOW_URL", mlflow_server)
    after = project.run(flows=("training",))
    assert after.ok
    assert len(found(MlflowTracker(mlflow_server), ran.id)) == 1
    assert MlflowTracker(mlflow_server).find("waiting", CHAMPION) is not None


def test_sync_sends_what_waits(mlflow_server, project):
    project.pipeline("p", SOURCE, TRAIN, USE, {"model": {**CONFIG["model"], "name": "synced"}})
    ran = project.run()
    (project.state / "outbox" / "broken.json").write_text("{")
    os.environ["ATLAS_MLFLOW_URL"] = mlflow_server
    import subprocess
    import sys

    from tests.projects import environment

    command = [sys.executable, "-m", "atlas_cli", "runs", "--sync", "--json"]
    more = {"ATLAS_MLFLOW_URL": mlflow_server}
    done = subprocess.run(
        command,
        cwd=project.root,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=True,
    )
    sent = json.loads(done.stdout)
    assert sent["to"] == mlflow_server
    assert [one["run"] for one in sent["runs"]] == [f.run.id for f in ran.result.runs]
    for run in ran.result.runs:
        assert len(found(MlflowTracker(mlflow_server), run.run.id)) == 1


def test_sync_to_a_file(project):
    project.pipeline("p", SOURCE, TRAIN, USE, CONFIG)
    ran = project.run()
    done = project.atlas("runs", "--sync", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["runs"]) == 2
    again = project.atlas("runs", "--sync")
    assert again.stdout == "no run waits to be sent\n"
    client = TrackingDatabase(project.state / "mlflow.db").client
    (training,) = client.search_runs(["1"], f"tags.`atlas.run` = '{ran.id}'")
    assert training.info.status == "FINISHED"
    assert training.data.metrics["train.quality"] == 2.0
    version = client.get_model_version_by_alias("m", "champion")
    assert version.run_id == training.info.run_id


def test_a_run_that_is_gone_is_said(project):
    project.pipeline("p", SOURCE, TRAIN)
    ran = project.run()
    project.store.location.remove(f"p/{ran.id}")
    done = project.atlas("runs", "--sync")
    assert "not sent" in done.stdout
    assert "there is no such run" in done.stdout


def test_mlflow_s_file_is_there_as_a_whole_or_not_at_all(tmp_path):
    def interrupted(tracking_uri: str, registry_uri: str) -> None:
        Path(tracking_uri.removeprefix("sqlite:///")).write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TrackingDatabase(tmp_path / "state" / "mlflow.db")._make(interrupted)
    assert list((tmp_path / "state").iterdir()) == []
