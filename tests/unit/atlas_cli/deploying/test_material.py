"""What a deployment is made of, on the example pipeline and a platform that is only described."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from atlas.errors import DeployError, InvalidError, PlatformError
from atlas_cli.deploying import deployments, names
from atlas_cli.deploying.material import material_of, write
from atlas_cli.deploying.services import Services, services_of

ROOT = Path(__file__).parents[4]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("ATLAS_STORE", raising=False)
    return tmp_path / "recipes"


@pytest.fixture
def services(tmp_path) -> Services:
    def at(kind: str, url: str, credentials: str | None = None) -> dict:
        return {"kind": kind, "url": url, "workload_url": url, "credentials": credentials}

    folder = tmp_path.as_uri()
    return Services("local", {
        "airflow": at("airflow", "http://127.0.0.1:9/", "airflow"),
        "dags": at("folder", f"{folder}/dags"), "mlflow": at("mlflow", "http://127.0.0.1:9"),
        "secrets": at("folder", f"{folder}/secrets"), "store": at("file", f"{folder}/store"),
        "kubeflow": at("kfp.local", f"{folder}/store/kubeflow"),
    })  # fmt: skip


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_one_resource_a_flow_and_target_and_one_for_the_models(project, services):
    pytest.importorskip("kfp")
    (deployment,) = deployments(project / "tumour", "local")
    assert deployment.stack == "tumour.local"
    material = material_of(deployment, services)
    assert [(part.kind, part.name, [*part.inputs["members"]]) for part in material.parts] == [
        ("AirflowDags", "inference-airflow", ["tumour-inference"]),
        ("KubeflowPipelines", "training-kubeflow", ["tumour-training"]),
        ("RegisteredModels", "models", ["tumour"]),
    ]
    assert material.parts[0].inputs["airflow"] == "http://127.0.0.1:9"
    assert {part.inputs["owner"] for part in material.parts} == {
        "tumour.local/inference", "tumour.local/training", "tumour.local/models"
    }  # fmt: skip


def test_a_family_is_members_of_the_same_resources(project, services):
    pytest.importorskip("kfp")
    edit(project / "tumour" / "config.json", matrix={"region": ["emea", "apac"]})
    (deployment,) = deployments(project / "tumour", "local")
    parts = {part.name: part for part in material_of(deployment, services).parts}
    assert [*parts["inference-airflow"].inputs["members"]] == [
        "tumour-emea-inference", "tumour-apac-inference"
    ]  # fmt: skip
    assert len(parts) == 3


def test_nothing_is_written_until_it_is_asked_for(project, services, tmp_path):
    pytest.importorskip("kfp")
    (deployment,) = deployments(project / "tumour", "local")
    material = material_of(deployment, services)
    assert not (tmp_path / "store").exists()
    write(material)
    plans = {path.stem for path in (tmp_path / "store" / "plans").iterdir()}
    assert plans == {*material.plans}
    contents = {path.name for path in (tmp_path / "store/deployments/content").iterdir()}
    members = (part.inputs["members"] for part in material.parts if part.name != "models")
    assert contents == {digest for each in members for digest in each.values()}
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*"))
    write(material)
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "store").rglob("*"))


def test_a_local_flow_is_skipped(project, services):
    (project / "environments" / "half.json").write_text(
        json.dumps({"version": 1, "targets": {"training": "local"}, "data": json.loads(
            (project / "environments" / "local.json").read_text())["data"]})
    )  # fmt: skip
    (deployment,) = deployments(project / "tumour", "half")
    material = material_of(deployment, services)
    assert material.skipped == ["tumour-training"]
    assert [part.name for part in material.parts] == ["inference-airflow", "models"]


def test_a_real_kubeflow_takes_only_built_images(project, services):
    pytest.importorskip("kfp")
    services.found["kubeflow"]["kind"] = "kfp"
    (deployment,) = deployments(project / "tumour", "local")
    with pytest.raises(DeployError, match=r"tumour\.local: images not built: atlas/tumour/base:"):
        material_of(deployment, services)


def test_a_broken_recipe_cant_be_deployed_but_taken_away(project):
    edit(project / "tumour" / "training.json", steps={})
    with pytest.raises(InvalidError):
        deployments(project / "tumour", "local")
    (deployment,) = names(project / "tumour", "local")
    assert deployment.stack == "tumour.local"


@pytest.mark.parametrize("function", [deployments, names])
def test_a_recipe_is_only_a_part_of_what_is_deployed(project, function):
    with pytest.raises(DeployError, match="not a Config; what is deployed is a whole pipeline"):
        function(project / "tumour" / "training.json", "local")


def test_a_protected_environment_takes_only_releases(project):
    data = json.loads((project / "environments" / "local.json").read_text())
    (project / "environments" / "prod.json").write_text(json.dumps({**data, "protected": True}))
    with pytest.raises(DeployError, match="accepts only releases"):
        deployments(project / "tumour", "prod")


def test_a_platform_that_isnt_up(project):
    (deployment,) = deployments(project / "tumour", "local")
    with pytest.raises(PlatformError, match="atlas up"):
        services_of(deployment)


def test_outputs_by_hand(project):
    env = json.loads((project / "environments" / "local.json").read_text())
    env["platform"] = {"outputs": "platform.json"}
    (project / "environments" / "ours.json").write_text(json.dumps(env))
    (deployment,) = deployments(project / "tumour", "ours")
    with pytest.raises(PlatformError, match=r"platform\.json: no outputs"):
        services_of(deployment)
    (project / "platform.json").write_text(json.dumps({"services": {}}))
    with pytest.raises(PlatformError, match="has no store; its services are none"):
        _ = services_of(deployment).store


def test_a_service_that_is_down_is_told_before_anything_is_done(services):
    with pytest.raises(PlatformError, match=r"airflow is down .*`atlas up` brings it back"):
        services.require_alive("airflow")
