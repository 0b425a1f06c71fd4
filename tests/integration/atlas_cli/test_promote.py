"""`atlas promote` and `atlas champion` as processes, on the store's own registry and on MLflow."""

from __future__ import annotations

import json

from atlas.models.champions import Champions
from atlas.tracking.mlflow import MlflowTracker
from tests.projects import Project, project

__all__ = ["project"]

SOURCE = """
class Model(NamedTuple):
    model: dict[str, float]

class Train(Template):
    values: dict[str, float]
    region: str
    def run(self) -> Model:
        self.context.metric("quality", self.values[self.region])
        return Model({"value": self.values[self.region]})
"""
STRICT = {"metric": "train.quality", "direction": "higher", "at_least": 9.0}
LOOSE = {**STRICT, "at_least": 1.0}


def write(project: Project, rule: object, values: dict[str, float], **config: object) -> None:
    params = {"values": values, "region": {"axis": "region"}}
    steps = {"train": {"class": "steps:Train", "params": params}}
    model = {"name": "m", "from": {"part": "train.model"}}
    whole = {"model": model, "promotion": rule, "matrix": {"region": sorted(values)}, **config}
    project.pipeline("p", SOURCE, steps, config=whole)


def atlas(project: Project, *arguments: str, code: int = 0) -> list[dict]:
    done = project.atlas(*arguments, "p", "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def versions(project: Project) -> list[str]:
    return [one["version"] for one in atlas(project, "champion")]


def test_a_family_is_promoted_whole_or_not_at_all(project):
    write(project, STRICT, {"apac": 5.0, "emea": 2.0})
    assert project.atlas("run", "p").returncode == 0
    assert versions(project) == ["", ""]
    write(project, {**STRICT, "at_least": 3.0}, {"apac": 5.0, "emea": 2.0})
    apac, emea = atlas(project, "promote", code=1)
    assert not apac["promoted"]
    assert apac["reason"].startswith("a family is promoted as a whole, and m-emea doesn't pass; ")
    assert emea["reason"] == "train.quality is 2, and must be at least 3"
    assert versions(project) == ["", ""]
    write(project, LOOSE, {"apac": 5.0, "emea": 2.0})
    dry = atlas(project, "promote", "--dry-run")
    assert [one["promoted"] for one in dry] == [True, True]
    assert versions(project) == ["", ""]
    assert [one["promoted"] for one in atlas(project, "promote")] == [True, True]
    assert versions(project) == ["local-1", "local-1"]
    (history, _) = atlas(project, "champion", "--history")
    actions = [entry["action"] for entry in history["history"]]
    assert actions == ["promoted", "intended", "kept", "kept"]


def test_the_best_run_or_one_by_its_id(project):
    for value in (5.0, 8.0, 6.0):
        write(project, STRICT, {"apac": value})
        assert project.atlas("run", "p").returncode == 0
    write(project, LOOSE, {"apac": 6.0})
    (latest,) = atlas(project, "promote", "--dry-run")
    assert latest["reason"] == "train.quality is 6"
    (best,) = atlas(project, "promote", "--best")
    assert (best["reason"], best["version"]) == ("train.quality is 8", "local-2")
    (named,) = atlas(project, "promote", "--run", latest["run"])
    assert (named["version"], named["previous"]) == ("local-3", "local-2")
    done = project.atlas("promote", "p", "--run", "training-none")
    assert done.returncode == 1
    assert "there is no such run" in done.stderr
    for name in ("../../x", "..", "a/b", "training-\n"):
        done = project.atlas("promote", "p", "--run", name)
        assert done.returncode == 1
        assert "is not the id of a run; `atlas runs" in done.stderr
    both = project.atlas("promote", "p", "--run", "x", "--best")
    assert both.returncode == 2


def test_bad_asking(project):
    write(project, LOOSE, {"apac": 5.0, "emea": 2.0})
    done = project.atlas("promote", "p")
    assert done.returncode == 1
    assert "no training run of it is done; start one by `atlas train p`" in done.stderr
    done = project.atlas("promote", "p", "--run", "x")
    assert "--run names the run of one pipeline" in done.stderr
    done = project.atlas("champion", "p", "--at", "soon")
    assert done.returncode == 1
    assert "'soon'" in done.stderr


def test_mlflow_s_own_champion(project, mlflow_server, monkeypatch):
    monkeypatch.setenv("ATLAS_MLFLOW_URL", mlflow_server)
    write(project, LOOSE, {"cli": 5.0})
    ran = project.run("p")
    assert ran.ok
    write(project, LOOSE, {"cli": 7.0})
    assert project.run("p").ok
    first, second = "1", "2"
    champions = Champions(project.store, MlflowTracker(mlflow_server), "m-cli")
    assert champions.current().version == second
    assert [entry.champion for entry in champions.log.entries()][-1] == second
    assert champions.registry.find("m-cli", first).tags["atlas.run"]
    local = project.store.location.names("champions")
    assert set(local) >= {champions.registry.identity, "store"}
    assert champions.faults() == []
