"""Many deployments at once: only those that change are opened; all of them are listed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.errors import DeployError
from atlas.store import open_location
from atlas.targets.kubeflow.operations import KubeflowOperations
from atlas.targets.kubeflow.resource import KubeflowPipelinesInputs, PipelinesState
from atlas_cli.output import table
from atlas_deploy import (
    DeployOptions,
    deploy,
    deployments,
    destroy_all,
    looked_at,
    preview,
    refresh,
    status,
)
from atlas_deploy.apply import locks
from atlas_deploy.apply.options import DeployResult
from atlas_deploy.apply.render import summary
from atlas_deploy.desired.bundle import Part
from atlas_deploy.desired.deployment import Deployment
from atlas_deploy.history import fingerprints, records
from atlas_deploy.history.records import Record
from atlas_deploy.operations.listing import list_stacks
from atlas_deploy.operations.reading import compare
from atlas_deploy.operations.render import render_status
from atlas_deploy.platforms.services import services_of
from tests.laid import lay_down

ROOT = Path(__file__).parents[4]
FILES = ("steps.py", "features.json", "training.json", "requirements.txt")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Three pipelines that only train, on a platform that is a store."""
    pytest.importorskip("kfp")
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("ATLAS_STORE", raising=False)
    monkeypatch.delenv("ATLAS_BACKEND", raising=False)
    root = tmp_path / "project"
    (root / "environments").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.atlas]\n")
    local = json.loads((ROOT / "recipes/environments/local.json").read_text())
    (root / "environments/local.json").write_text(
        json.dumps({**local, "platform": {"outputs": "outputs.json"}})
    )
    store = (tmp_path / "store").as_uri()
    at = {"workload_url": store, "credentials": None, "version": "", "url": store}
    services = {"store": {**at, "kind": "file"}, "kubeflow": {**at, "kind": "kfp.local"}}
    outputs = {"version": 1, "stack": "p", "target": "other", "services": services}
    (root / "outputs.json").write_text(json.dumps(outputs))
    for name in ("one", "two", "three"):
        pipeline(root / name, name)
    return root


def pipeline(folder: Path, name: str) -> None:
    folder.mkdir()
    for file in FILES:
        shutil.copy(ROOT / "recipes/tumour" / file, folder)
    raw = json.loads((ROOT / "recipes/tumour/config.json").read_text())
    gone = ("model", "promotion", "schedule", "predictions", "statistics")
    kept = {key: value for key, value in raw.items() if key not in gone}
    training = {"name": name, "recipes": {"training": "training.json"}}
    (folder / "config.json").write_text(json.dumps({**kept, **training}))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def same(project: Path) -> set[str]:
    return {*compare(deployments(project, "local")).unchanged}


def test_what_nothing_changed_of_is_left_alone(project):
    assert same(project) == set()
    lay_down(deployments(project, "local"))
    assert same(project) == {"one.local", "two.local", "three.local"}

    edit(project / "one/config.json", parameters={"test_fraction": 0.4})
    assert same(project) == {"two.local", "three.local"}
    done, _ = preview(deployments(project, "local"))
    assert {one.stack: (one.opened, len(one.changed)) for one in done} == {
        "one.local": (True, 1), "three.local": (False, 0), "two.local": (False, 0)
    }  # fmt: skip
    assert summary(done) == ["1 of 3 deployments change (1 members); 2 are as they should be"]


def test_drift_opens_a_stack_that_nothing_else_changed_of(project, tmp_path):
    lay_down(deployments(project, "local"))
    (tmp_path / "store/kubeflow/two-training/current").unlink()
    assert same(project) == {"one.local", "three.local"}


def test_another_platform_or_a_lost_state_opens_stacks(project):
    found = deployments(project, "local")
    lay_down(found)
    (found[0].backend.folder / f".pulumi/stacks/atlas-pipelines/{found[0].stack}.json").unlink()
    assert found[0].stack not in same(project)
    outputs = json.loads((project / "outputs.json").read_text())
    outputs["services"]["kubeflow"]["version"] = "2"
    edit(project / "outputs.json", services=outputs["services"])
    assert same(project) == set()


def test_a_fingerprint_that_is_forgotten_opens_the_stack(project):
    found = deployments(project, "local")
    lay_down(found)
    store = services_of(found[0].project, found[0].environment).store
    fingerprints.forget(store, found[0].stack)
    assert same(project) == {each.stack for each in found[1:]}


class Stack:
    """A stack whose destruction is interrupted, and whose refresh finds no member."""

    def __init__(self, deployment: Deployment) -> None:
        self.file = deployment.backend.folder / (
            f".pulumi/stacks/atlas-pipelines/{deployment.stack}.json"
        )

    def destroy(self) -> None:
        raise DeployError("interrupted")

    def refresh(self, _on_event: object) -> None:
        state = json.loads(self.file.read_text())
        for resource in state["checkpoint"]["latest"]["resources"]:
            resource["inputs"] |= {"members": {}, "plans": {}}
        self.file.write_text(json.dumps(state))


def test_a_destruction_that_was_interrupted_opens_the_stack(project, monkeypatch):
    lay_down(deployments(project, "local"))
    open_stack = "atlas_deploy.operations.destroy.open_stack"
    monkeypatch.setattr(open_stack, lambda deployment, *_: Stack(deployment))
    with pytest.raises(DeployError, match="interrupted"):
        destroy_all(deployments(project / "two", "local"), print)
    assert same(project) == {"one.local", "three.local"}


def test_drift_that_a_refresh_keeps_as_the_state_opens_the_stack(project, tmp_path, monkeypatch):
    lay_down(deployments(project, "local"))
    (tmp_path / "store/kubeflow/two-training/current").unlink()
    open_stack = "atlas_deploy.operations.status.open_stack"
    monkeypatch.setattr(open_stack, lambda deployment, *_: Stack(deployment))
    refresh(deployments(project / "two", "local")[0], print)
    compared = compare(deployments(project, "local"))
    assert {*compared.unchanged} == {"one.local", "three.local"}
    assert [change.action for change in compared.diffs[0].changes] == ["add"]


def test_a_refresh_makes_what_was_read_before_it_invalid(project, monkeypatch):
    """So that a deployment which had compared just before it reads the state again."""
    lay_down(deployments(project, "local"))
    (deployment,) = deployments(project / "two", "local")
    known = locks.number_of(deployment)
    monkeypatch.setattr(
        "atlas_deploy.operations.status.open_stack", lambda deployment, *_: Stack(deployment)
    )
    refresh(deployment, print)
    with locks.lock(deployment, print, known) as is_valid:
        assert not is_valid


@pytest.fixture
def paused(project, monkeypatch) -> None:
    """An operator has paused a member of a stack that nothing changed of."""
    from atlas.targets.kubeflow.store_pipelines import StoreBackend

    read = StoreBackend.read

    def read_paused(self: StoreBackend, inputs: KubeflowPipelinesInputs) -> PipelinesState:
        state = read(self, inputs)
        names = tuple(name for name in state.inputs.members if name == "two-training")
        return replace(state, outputs=replace(state.outputs, paused=names))

    lay_down(deployments(project, "local"))
    monkeypatch.setattr(StoreBackend, "read", read_paused)


def of_each(results: Sequence[DeployResult]) -> dict[str, tuple[bool, list[str], list[str]]]:
    return {one.stack: (one.opened, [*one.paused], [*one.unpaused]) for one in results}


@pytest.mark.usefixtures("paused")
def test_what_an_operator_has_paused_runs_again_where_nothing_else_changes(project, monkeypatch):
    alone, found = (False, [], []), deployments(project, "local")
    plain = {"one.local": alone, "two.local": alone, "three.local": alone}
    assert of_each(deploy(found, print)) == plain
    unpaused = DeployOptions(unpause=True)
    with monkeypatch.context() as patch:
        patch.setattr(KubeflowOperations, "unpause", lambda _self, _services, names: names)
        results = of_each(deploy(found, print, unpaused))
    assert results == {**plain, "two.local": (True, [], ["two-training"])}


@pytest.mark.usefixtures("paused")
def test_a_plan_of_stacks_that_dont_change_is_no_obstacle_to_unpausing(project, tmp_path):
    _, plan = preview(deployments(project, "local"))
    unpaused = DeployOptions(unpause=True)
    results = deploy(deployments(project, "local"), print, unpaused, plan)
    assert [(one.stack, one.opened, one.number) for one in results] == [
        ("one.local", False, 0), ("three.local", False, 0), ("two.local", True, 0),
    ]  # fmt: skip
    (tmp_path / "store/kubeflow/two-training/current").unlink()
    with pytest.raises(DeployError, match=r"two\.local: now changes"):
        deploy(deployments(project, "local"), print, unpaused, plan)


@pytest.mark.usefixtures("paused")
def test_a_member_that_atlas_cant_unpause_is_reported_as_paused(project):
    results = deploy(deployments(project, "local"), print, DeployOptions(unpause=True))
    assert of_each(results)["two.local"] == (True, ["two-training"], [])


def test_one_alone_is_always_opened(project):
    lay_down(deployments(project, "local"))
    assert compare(deployments(project / "one", "local")).unchanged == {}


def test_stacks_are_listed_deployed_or_not(project):
    lay_down(deployments(project / "one", "local"))
    lay_down(deployments(project / "two", "local"))
    shutil.rmtree(project / "two")
    local = project / "environments/local.json"
    nowhere = {**json.loads(local.read_text()), "platform": "nowhere"}
    (project / "environments/prod.json").write_text(json.dumps(nowhere))
    assert [(one.stack, one.state, one.number, one.members) for one in list_stacks(project)] == [
        ("one.local", "deployed", 1, 1), ("three.local", "not deployed", 0, 1),
        ("two.local", "no Config here", 1, 1), ("one.prod", "unknown", 0, 1),
        ("three.prod", "unknown", 0, 1),
    ]  # fmt: skip
    (prod, *_) = list_stacks(project, "prod")
    assert "atlas up" in prod.why
    assert list_stacks(project, "local")[0].stack == "one.local"


def test_status_compares_what_is_deployed_with_what_is_there_and_on_disk(project, tmp_path):
    lay_down(deployments(project / "one", "local"))

    def now():
        (one,) = looked_at(project / "one", "local")
        found = status(one)
        (resource,) = found.resources
        return found, resource

    found, resource = now()
    assert (found.entry.number, found.broken, found.undeployed) == (1, False, [])
    assert (resource.drift, resource.disk, found.unfinished) == ({}, {}, False)
    edit(project / "one/config.json", parameters={"test_fraction": 0.4})
    _, resource = now()
    assert resource.drift == {}
    assert [*resource.disk] == ["one-training"]
    (tmp_path / "store/kubeflow/one-training/current").unlink()
    _, resource = now()
    assert resource.drift == {"one-training": "is gone"}
    edit(project / "one/training.json", steps={})
    found, resource = now()
    assert found.broken
    assert resource.disk == {}


def test_an_update_that_didnt_finish_is_reported(project):
    found = deployments(project / "one", "local")
    lay_down(found)
    store = open_location(services_of(found[0].project, found[0].environment).store)
    other = Record((Part("KubeflowPipelines", "training-kubeflow", {"members": {}}),))
    records.add(store, "one.local", records.DEPLOY, other)
    (one,) = looked_at(project / "one", "local")
    assert status(one).unfinished
    assert (
        render_status("one.local", status(one), table).count("unfinished: an update after this")
        == 1
    )
