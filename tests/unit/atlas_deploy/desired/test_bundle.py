"""What a deployment is made of, on the example pipeline and a platform that is only described."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from atlas.errors import DeployError, InvalidError, PlatformError
from atlas.images import desired_images
from atlas.images.records import Built, write_record
from atlas.kinds.properties import properties_of
from atlas.store import open_store
from atlas_deploy import deployments, names
from atlas_deploy.apply.prepare import write
from atlas_deploy.desired.bundle import compile_bundle
from atlas_deploy.desired.images import pushed_members
from atlas_deploy.history.records import Record
from atlas_deploy.platforms.deployed_kinds import addresses
from atlas_deploy.platforms.services import Services, services_of
from atlas_provider.kinds.step_images import StepImagesKind
from infra.outputs import VERSION

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
    bundle = compile_bundle(deployment, services)
    assert [(part.kind, part.name, [*part.inputs["members"]]) for part in bundle.parts] == [
        ("AirflowDags", "inference-airflow", ["tumour-inference"]),
        ("KubeflowPipelines", "training-kubeflow", ["tumour-training"]),
        ("RegisteredModels", "models", ["tumour"]),
    ]
    assert bundle.parts[0].inputs["airflow"] == "http://127.0.0.1:9"
    assert {part.inputs["owner"] for part in bundle.parts} == {
        "tumour.local/inference", "tumour.local/training", "tumour.local/models"
    }  # fmt: skip


def test_a_family_is_members_of_the_same_resources(project, services):
    pytest.importorskip("kfp")
    edit(project / "tumour" / "config.json", matrix={"region": ["emea", "apac"]})
    (deployment,) = deployments(project / "tumour", "local")
    parts = {part.name: part for part in compile_bundle(deployment, services).parts}
    assert [*parts["inference-airflow"].inputs["members"]] == [
        "tumour-emea-inference", "tumour-apac-inference"
    ]  # fmt: skip
    assert len(parts) == 3


def test_images_are_members_once_they_are_pushed(project, services):
    pytest.importorskip("kfp")
    services.by_name["registry"] = {
        "kind": "registry", "url": "http://127.0.0.1:9", "credentials": "registry"
    }  # fmt: skip
    (deployment,) = deployments(project / "tumour", "local")
    assert "images" not in {part.name for part in compile_bundle(deployment, services).parts}
    (wanted,) = desired_images(deployment.pipelines)
    built = Built(repository=wanted.repository, tag=wanted.tag, digest="sha256:" + "1" * 64)
    write_record(open_store(services.store), built)
    part = compile_bundle(deployment, services).parts[0]
    assert (part.kind, part.name) == ("StepImages", "images")
    assert part.inputs == {
        "owner": "tumour.local/images", "members": {"base": built.pinned},
        "registry": "http://127.0.0.1:9", "store": services.store,
        "secrets": services.url("secrets"), "credentials": "registry",
    }  # fmt: skip
    assert set(part.inputs) <= set(properties_of(StepImagesKind.inputs))
    (kept,) = Record.of([part]).parts
    assert kept.inputs == {"owner": "tumour.local/images", "members": {"base": built.pinned}}
    assert addresses("StepImages", services) == {
        name: part.inputs[name] for name in ("registry", "store", "secrets", "credentials")
    }  # fmt: skip


def test_an_image_that_two_recipes_mean_differently_is_two_members(project, services):
    for flow in ("training", "inference"):
        edit(project / "tumour" / f"{flow}.json", images={"base": {"requirements": f"{flow}.txt"}})
        (project / "tumour" / f"{flow}.txt").write_text(f"{flow}\n")
    (deployment,) = deployments(project / "tumour", "local")
    store = open_store(services.store)
    for one in desired_images(deployment.pipelines):
        built = Built(repository=one.repository, tag=one.tag, digest="sha256:" + one.tag * 4)
        write_record(store, built)
    members = pushed_members(deployment.pipelines, store)
    assert [*members] == ["base/tumour-inference", "base/tumour-training"]
    assert len({*members.values()}) == 2


def test_nothing_is_written_until_it_is_asked_for(project, services, tmp_path):
    pytest.importorskip("kfp")
    (deployment,) = deployments(project / "tumour", "local")
    bundle = compile_bundle(deployment, services)
    assert not (tmp_path / "store").exists()
    write(bundle)
    plans = {path.stem for path in (tmp_path / "store" / "plans").iterdir()}
    assert plans == {*bundle.plans}
    contents = {path.name for path in (tmp_path / "store/deployments/content").iterdir()}
    members = (part.inputs["members"] for part in bundle.parts if part.name != "models")
    assert contents == {digest for each in members for digest in each.values()}
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "store").rglob("*"))
    write(bundle)
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "store").rglob("*"))


def test_a_local_flow_is_skipped(project, services):
    (project / "environments" / "half.json").write_text(
        json.dumps({"version": 1, "targets": {"training": "local"}, "data": json.loads(
            (project / "environments" / "local.json").read_text())["data"]})
    )  # fmt: skip
    (deployment,) = deployments(project / "tumour", "half")
    bundle = compile_bundle(deployment, services)
    assert bundle.skipped == ["tumour-training"]
    assert [part.name for part in bundle.parts] == ["inference-airflow", "models"]


def test_a_real_kubeflow_takes_only_built_images(project, services):
    pytest.importorskip("kfp")
    services.by_name["kubeflow"]["kind"] = "kfp"
    (deployment,) = deployments(project / "tumour", "local")
    with pytest.raises(DeployError, match=r"tumour\.local: images not built: atlas/tumour/base:"):
        compile_bundle(deployment, services)


def test_an_api_server_is_given_schedules_and_its_token(project, services):
    ready = {"reference": f"it@sha256:{'1' * 64}"}
    edit(project / "tumour" / "training.json", images=dict.fromkeys(("base", "trees"), ready))
    edit(project / "tumour" / "config.json", schedule={"training": {"cron": "0 6 * * *"}})
    services.by_name["kubeflow"].update(kind="kfp", url="http://kubeflow", credentials="kubeflow")
    (deployment,) = deployments(project / "tumour", "local")
    parts = compile_bundle(deployment, services).parts
    (part,) = [one for one in parts if one.kind == "KubeflowPipelines"]
    assert part.inputs["schedules"] == dict.fromkeys(part.inputs["members"], "0 6 * * *")
    found = {name: part.inputs[name] for name in ("kubeflow", "secrets", "credentials")}
    expected = {"kubeflow": "http://kubeflow", "credentials": "kubeflow"}
    assert found == {**expected, "secrets": services.url("secrets")}
    zone = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
    edit(project / "tumour" / "config.json", schedule={"training": zone})
    (deployment,) = deployments(project / "tumour", "local")
    with pytest.raises(DeployError, match=r"T116: .* in Europe/Berlin, expected UTC"):
        compile_bundle(deployment, services)


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
    with pytest.raises(DeployError, match="L014: environment prod: is protected"):
        deployments(project / "tumour", "prod")


def test_a_platform_that_isnt_up(project):
    (deployment,) = deployments(project / "tumour", "local")
    with pytest.raises(PlatformError, match="atlas up"):
        services_of(deployment.project, deployment.environment)


def test_outputs_by_hand(project):
    env = json.loads((project / "environments" / "local.json").read_text())
    env["platform"] = {"outputs": "platform.json"}
    (project / "environments" / "ours.json").write_text(json.dumps(env))
    (deployment,) = deployments(project / "tumour", "ours")
    with pytest.raises(PlatformError, match=r"platform\.json: no outputs"):
        services_of(deployment.project, deployment.environment)
    (project / "platform.json").write_text("[]")
    with pytest.raises(
        PlatformError, match=r"platform\.json: no outputs of a platform: no services"
    ):
        services_of(deployment.project, deployment.environment)
    (project / "platform.json").write_text(json.dumps({"version": VERSION + 1, "services": {}}))
    with pytest.raises(
        PlatformError, match=r"D015: .* are of version 2, this Atlas reads 1: a newer"
    ):
        services_of(deployment.project, deployment.environment)
    (project / "platform.json").write_text(json.dumps({"version": VERSION, "services": {}}))
    with pytest.raises(PlatformError, match="has no store; its services are none"):
        _ = services_of(deployment.project, deployment.environment).store


def test_a_field_that_training_alone_reads_leaves_inference_as_it_is(project):
    def plans() -> dict[str, str]:
        (one,) = deployments(project / "tumour", "local")
        return {plan.flow: plan.digest for _, plan in one.plans()}

    before = plans()
    edit(project / "tumour" / "config.json", steps={"train": {"params": {"trees": 123}}})
    after = plans()
    assert after["training"] != before["training"]
    assert after["inference"] == before["inference"]
    edit(
        project / "tumour" / "config.json",
        features={"target": "malignant", "numeric": ["mean radius"]},
    )
    assert plans()["inference"] != before["inference"]


def test_a_service_that_is_down_is_told_before_anything_is_done(services):
    with pytest.raises(PlatformError, match=r"airflow is down .*`atlas up` brings it back"):
        services.require_alive("airflow", "api/v2/monitor/health")
