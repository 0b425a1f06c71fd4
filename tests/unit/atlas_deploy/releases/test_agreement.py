"""A release is compared with what planning gives, and with what a registry has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from atlas.errors import DeployError
from atlas.store import ModelPart, ModelVersion, open_store
from atlas.tracking.registry import LocalRegistry, ModelRegistration
from atlas_deploy.operations import agreement
from atlas_deploy.releases.lock import LockedModel
from atlas_deploy.releases.pins import pinned, reads_model
from tests.unit.atlas_deploy.releases.test_lock import lock


@pytest.fixture
def registry(tmp_path: Path) -> LocalRegistry:
    made = LocalRegistry(open_store(tmp_path.as_uri()))
    made.register(ModelRegistration("prices", "r1", {"m": ModelPart("store:x", "a" * 64)}))
    return made


DIGEST = ModelVersion("prices", "local-1", {"m": ModelPart("", "a" * 64)}).digest


def check(registry: LocalRegistry, model: LockedModel) -> None:
    release = SimpleNamespace(name="release/prices-3", lock=lock(models={"prices": model}))
    pipelines = [SimpleNamespace(name="prices", environment=SimpleNamespace(name="prod"))]
    agreement._require_models(release, pipelines, registry)


def test_a_version_that_is_there_and_the_same(registry):
    check(registry, LockedModel("prices", "local-1", DIGEST))


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (LockedModel("prices", "local-2", DIGEST), "found no such version"),
        (LockedModel("others", "local-1", DIGEST), "found no such version"),
        (LockedModel("prices", "local-1", "0" * 64), f"found one with digest {DIGEST[:12]}"),
    ],
)
def test_a_version_that_is_not_there_or_another(registry, model, found):
    with pytest.raises(DeployError, match="L013: release/prices-3") as error:
        check(registry, model)
    assert found in str(error.value)
    assert "environment prod" in str(error.value)


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The example pipeline, which trains a model and scores with it."""
    import shutil

    from atlas.plan import resolve

    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "state"))
    shutil.copytree(Path(__file__).parents[4] / "recipes", tmp_path / "recipes")
    return resolve(tmp_path / "recipes" / "tumour")


def test_inference_alone_is_pinned(pipelines):
    model = LockedModel("dev-tumour", "7", "d" * 64)
    (before,), (after,) = pipelines, pinned(pipelines, {"tumour": model})
    assert after.plans["training"] is before.plans["training"]
    found = after.plans["inference"].model
    assert (found.name, found.version, found.digest) == ("dev-tumour", "7", "d" * 64)
    assert reads_model(after.plans["inference"])
    assert not reads_model(after.plans["training"])
    assert (
        replace(found, name="tumour", version="champion", digest="")
        == before.plans["inference"].model
    )


def test_without_a_locked_model_a_plan_stays_as_it_is(pipelines):
    assert pinned(pipelines, {}) == list(pipelines)


def test_a_plan_on_disk_is_compared_as_the_released_one_was_pinned(pipelines, tmp_path):
    from atlas.targets import deployed_name
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.operations.on_disk import digests_on_disk

    store = open_store((tmp_path / "store").as_uri())
    released = pinned(pipelines, {"tumour": LockedModel("tumour", "7", "d" * 64)})
    deployed = {}
    for plan in released[0].plans.values():
        store.add_plan(plan)
        deployed[deployed_name(plan)] = plan.digest
    first = pipelines[0]
    deployment = Deployment(first.config, first.environment, first.project, pipelines)
    assert digests_on_disk(deployment, store, deployed) == deployed
    assert digests_on_disk(deployment, store, {}) != deployed
