"""Pipelines on the real platform: deployed, seen, repaired, interrupted, taken away."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from atlas.errors import DeployError
from atlas.images import ImageRegistry, desired_images, referenced
from atlas.images.records import Built, write_record
from atlas.kinds import content
from atlas.kinds.handler import Handler
from atlas.kinds.protocol import OperationContext
from atlas.plan import resolve
from atlas.store import open_store
from atlas.targets.airflow.resource import AirflowDagsKind
from atlas.tracking.pushgateway import MetricGroup, Pushgateway
from tests.servers import add_image
from tests.stack.deployed import RECIPES, Pipeline, call, patch_dag, pipeline, wait_for, write_data

pytestmark = pytest.mark.stack
__all__ = ["pipeline"]


def test_the_whole_way(pipeline):
    """Train, deploy, let the scheduler score the latest interval, and find it in Prometheus."""
    write_data(pipeline)
    pipeline.atlas("run", pipeline.folder.name, "--flow", "training")
    assert {(c["name"], c["action"]) for c in pipeline.deploy()} == {
        (pipeline.dag, "add"), (f"{pipeline.name}-training", "add"), (pipeline.name, "add")
    }  # fmt: skip
    plan = pipeline.status()["inference-airflow"]["plans"][pipeline.dag]
    dag = pipeline.airflow.dags([pipeline.dag])[pipeline.dag]
    assert (dag.is_of(plan), dag.paused, dag.broken) == (True, False, False)

    run, state = wait_for(lambda: ended(pipeline))
    assert (run.split("__")[0], state) == ("scheduled", "success")
    (record,) = (pipeline.store / pipeline.name).glob("inference-*/run.json")
    bound = json.loads(record.read_text())
    assert (bound["plan"], bound["model"]["version"]) == (plan, "1")
    assert bound["interval_end"] > bound["interval_start"]
    rows = f'atlas_model_metric{{metric="score.rows_scored",pipeline="{pipeline.name}"}}'
    join = "* on (environment, pipeline, flow) group_left (model_version) atlas_batch_info"
    query = urllib.parse.quote(f"{rows} {join}")
    url = f"{pipeline.platform.url('prometheus')}/api/v1/query?query={query}"
    opens = pipeline.platform.opens("prometheus")
    (sample,) = wait_for(lambda: call(url, headers=opens)["data"]["result"])
    assert (sample["value"][1], sample["metric"]["model_version"]) == ("100", "1")


def ended(pipeline: Pipeline) -> tuple[str, str] | None:
    run, state = pipeline.airflow.last_run(pipeline.dag)
    return (run, state) if state in ("success", "failed") else None


def test_a_second_deploy_changes_nothing_and_destroy_keeps_the_model(pipeline):
    pipeline.deploy()
    before = pipeline.dag_file.stat().st_mtime_ns
    done = pipeline.atlas("deploy", pipeline.folder.name)
    assert "nothing to do: 3 members are as they should be" in done.stdout
    assert not [word for word in ("created", "updated", "deleted") if word in done.stderr]
    assert pipeline.dag_file.stat().st_mtime_ns == before
    assert "0 of 3 members change" in pipeline.atlas("preview", pipeline.folder.name).stdout

    done = pipeline.atlas("destroy", pipeline.folder.name)
    assert "its models, runs and artifacts stay" in done.stdout
    assert not pipeline.dag_file.exists()
    assert not pipeline.airflow.has(pipeline.dag)
    assert not (pipeline.store / "kubeflow" / f"{pipeline.name}-training" / "current").exists()
    query = urllib.parse.urlencode({"name": pipeline.name})
    base = f"{pipeline.platform.url('mlflow')}/api/2.0/mlflow"
    there = call(f"{base}/registered-models/get?{query}", headers=pipeline.platform.opens("mlflow"))
    assert there["registered_model"]["name"]
    assert "not deployed" in pipeline.atlas("status", pipeline.folder.name).stdout
    assert "nothing was deployed" in pipeline.atlas("destroy", pipeline.folder.name).stdout


def test_a_change_is_previewed_in_the_recipes_words_and_touches_only_what_it_is_about(pipeline):
    pipeline.deploy()
    pipeline.trees(123)
    preview = pipeline.atlas("preview", pipeline.folder.name, "--save", "plan.json").stdout
    assert "step train: params.trees 200→123" in preview
    assert "1 of 3 members change" in preview, "inference reads nothing of it"
    done = pipeline.atlas("deploy", "--plan", "plan.json", "--json")
    changed = [c for c in json.loads(done.stdout)[0]["changes"] if c["action"] != "same"]
    assert [change["name"] for change in changed] == [f"{pipeline.name}-training"]
    refused = pipeline.atlas("deploy", "--plan", "plan.json", code=1)
    assert "D010: something has changed since this plan was saved" in refused.stderr
    assert f"live member training-kubeflow/{pipeline.name}-training" in refused.stderr
    versions = pipeline.store / "kubeflow" / f"{pipeline.name}-training"
    assert len([*versions.glob("*.yaml")]) == 2, "an update adds a version and deletes none"


@pytest.mark.long
def test_metrics_go_with_their_pipeline(pipeline):
    """Its groups are deleted by destroy; those of others, and of other Environments, stay."""
    write_data(pipeline)
    pipeline.atlas("run", pipeline.folder.name)
    pipeline.deploy()
    opens = pipeline.platform.opens("pushgateway")
    gateway = Pushgateway(pipeline.platform.url("pushgateway"), lambda: opens["Authorization"])
    other = MetricGroup("prod", pipeline.name, "training")
    gateway.replace(other, "# TYPE atlas_run_success gauge\natlas_run_success 1\n")
    groups = {MetricGroup("local", pipeline.name, flow) for flow in ("training", "inference")}
    assert groups <= pushed(pipeline)
    done = pipeline.atlas("destroy", pipeline.folder.name)
    assert "warning" not in done.stderr
    assert not groups & pushed(pipeline)
    assert other in pushed(pipeline)
    gateway.delete(other)


def pushed(pipeline: Pipeline) -> set[MetricGroup]:
    """Return the groups that the Pushgateway has."""
    url = f"{pipeline.platform.url('pushgateway')}/api/v1/metrics"
    listed = call(url, headers=pipeline.platform.opens("pushgateway"))["data"]
    names = ("environment", "pipeline", "flow")
    return {MetricGroup(*(group["labels"].get(name, "") for name in names)) for group in listed}


def mlflow(pipeline: Pipeline, call_: str, method: str = "POST", **given: str) -> Any:
    """Call MLflow about the pipeline's model."""
    url = f"{pipeline.platform.url('mlflow')}/api/2.0/mlflow/{call_}"
    opens = pipeline.platform.opens("mlflow")
    return call(url, {"name": pipeline.name, **given}, method, opens)


def drifts(pipeline: Pipeline) -> dict[str, str]:
    """Return how each member drifted, of all resources."""
    return {name: how for one in pipeline.status().values() for name, how in one["drift"].items()}


def test_drift_is_told_and_repaired(pipeline):
    """Whatever was changed by hand is reported by `status`, and mended by `deploy`; nothing else is."""
    pipeline.deploy()
    dag, package = pipeline.dag, f"{pipeline.name}-training"
    good = pipeline.dag_file.read_bytes()
    versions = pipeline.store / "kubeflow" / package
    (version,) = versions.glob("*.yaml")
    described = mlflow(pipeline, "registered-models/update", "PATCH", description="By hand.")
    assert described["registered_model"]["description"] == "By hand."
    # another schedule, by hand
    pipeline.dag_file.write_bytes(good.replace(b"schedule=None", b'schedule="0 0 29 2 *"'))
    assert pipeline.dag_file.read_bytes() != good
    version.unlink()
    found = drifts(pipeline)
    assert {*found} == {dag, package, pipeline.name}
    assert "was changed" in found[dag]
    assert found[package] == "is gone"
    assert {change["name"] for change in pipeline.deploy()} == {dag, package, pipeline.name}
    assert pipeline.dag_file.read_bytes() == good
    assert version.exists()

    pipeline.dag_file.unlink()
    (versions / "current").unlink()
    mlflow(pipeline, "registered-models/delete", "DELETE")
    assert drifts(pipeline) == dict.fromkeys((dag, package, pipeline.name), "is gone")
    assert {change["name"] for change in pipeline.deploy()} == {dag, package, pipeline.name}
    assert pipeline.dag_file.read_bytes() == good

    made = mlflow(pipeline, "model-versions/create", source="atlas:/by-hand")
    number = made["model_version"]["version"]
    mlflow(pipeline, "registered-models/alias", alias="candidate", version=number)
    assert [drifts(pipeline) for _ in range(3)] == [{}] * 3, (
        "an alias is MLflow's, and all is quiet"
    )
    assert pipeline.deploy() == []


@pytest.mark.long
def test_a_dag_that_airflow_forgot_comes_back(pipeline):
    pipeline.deploy()
    pipeline.dag_file.unlink()
    wait_for(lambda: not pipeline.airflow.dags([pipeline.dag]))
    assert pipeline.airflow.forget(pipeline.dag)
    assert [change["name"] for change in pipeline.deploy()] == [pipeline.dag]
    assert pipeline.dag in pipeline.airflow.dags([pipeline.dag])


@pytest.mark.long
def test_an_image_that_leaves_the_registry_is_drift(pipeline):
    secret = pipeline.platform.state / "secrets" / "registry.json"
    registry = ImageRegistry.at(pipeline.platform.url("registry"), secret)
    store = open_store(pipeline.platform.url("store"))
    (wanted,) = desired_images(resolve(pipeline.folder))

    def push() -> str:
        digest = add_image(registry, wanted.repository, pipeline.name)
        write_record(store, Built(repository=wanted.repository, tag=wanted.tag, digest=digest))
        return digest

    digest = push()
    assert [(c["name"], c["new"]) for c in pipeline.deploy() if c["kind"] == "images"] == [
        ("base", f"{wanted.repository}@{digest}")
    ]
    assert pipeline.status()["images"]["drift"] == {}
    assert digest in referenced(store, pipeline.folder)
    registry.delete(wanted.repository, digest)
    assert pipeline.status()["images"]["drift"] == {"base": "is gone"}
    refused = pipeline.atlas("deploy", pipeline.folder.name, code=1)
    assert f"I201: registry {registry.host}: images that were pushed are gone" in refused.stderr
    assert push() == digest
    assert pipeline.status()["images"]["drift"] == {}
    assert pipeline.deploy() == []
    pipeline.atlas("destroy", pipeline.folder.name)
    assert registry.digest(wanted.repository, digest) == digest, "images stay"


def test_a_dead_process_of_the_platform_is_told(pipeline):
    """Airflow's API answers, and nothing would ever read a DAG."""
    pipeline.deploy()
    pipeline.platform.kill("airflow-dag-processor")
    status = pipeline.atlas("status", pipeline.folder.name)
    assert (
        "platform: not running: airflow-dag-processor; `atlas up` brings it back" in status.stdout
    )
    pipeline.touch(1)
    refused = pipeline.atlas("deploy", pipeline.folder.name, code=1)
    assert "platform local: airflow-dag-processor: not running; `atlas up`" in refused.stderr
    pipeline.platform.run("up")
    assert "not running" not in pipeline.atlas("status", pipeline.folder.name).stdout
    assert {change["action"] for change in pipeline.deploy()} == {"change"}


def test_an_operators_pause_is_kept(pipeline):
    pipeline.deploy()
    patch_dag(pipeline, is_paused=True)
    assert pipeline.status()["inference-airflow"]["paused"] == [pipeline.dag]
    assert pipeline.deploy() == []
    pipeline.touch(77)
    done = pipeline.atlas("deploy", pipeline.folder.name)
    assert f"paused: {pipeline.dag} stays paused, as an operator left it" in done.stdout
    assert pipeline.airflow.dags([pipeline.dag])[pipeline.dag].paused
    done = pipeline.atlas("deploy", pipeline.folder.name, "--unpause")
    assert "stays paused" not in done.stdout
    assert f"unpaused: {pipeline.dag} runs again" in done.stdout
    assert not pipeline.airflow.dags([pipeline.dag])[pipeline.dag].paused


def test_what_airflow_cant_import_is_told_in_its_own_words(pipeline):
    """Atlas compiles nothing that Airflow can't import: so this goes to the provider directly."""
    services = pipeline.platform.outputs["services"]
    text = b'from airflow.sdk import DAG\nraise ValueError("dag: broken on purpose")\n'
    store = services["store"]["url"]
    wanted = {
        "owner": "broken.local/inference", "members": {"broken": content.put(store, text)},
        "plans": {"broken": "0" * 64}, "store": store, "dags": services["dags"]["url"],
        "airflow": services["airflow"]["url"], "secrets": services["secrets"]["url"],
        "credentials": services["airflow"]["credentials"],
    }  # fmt: skip
    with pytest.raises(DeployError, match="ValueError: dag: broken on purpose"):
        Handler(AirflowDagsKind()).create(wanted, OperationContext("broken", 90.0))
    assert not (pipeline.dag_file.parent / "broken.py").exists()


def test_a_name_of_another_stack_is_refused(pipeline):
    pipeline.deploy()
    local = pipeline.folder.parent / "environments" / "local.json"
    local.with_name("other.json").write_text(local.read_text())
    done = pipeline.atlas("deploy", pipeline.folder.name, "--env", "other", code=1)
    assert f"{pipeline.dag}: belongs to stack {pipeline.name}.local" in done.stderr
    pipeline.atlas("destroy", pipeline.folder.name, "--env", "other")
    assert pipeline.dag_file.exists()


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="ctrl-c"),
        pytest.param(signal.SIGKILL, id="kill", marks=pytest.mark.long),
    ],
)
def test_an_interrupted_deploy_converges_when_it_is_repeated(pipeline, number):
    for turn, delay in enumerate((0.8, 1.8, 3.2)):
        pipeline.touch(100 + turn)
        pipeline.interrupted(number, delay, "deploy", pipeline.folder.name)
        pipeline.deploy()
        found = pipeline.status()
        assert [one["drift"] for one in found.values()] == [{}, {}, {}]
        plan = found["inference-airflow"]["plans"][pipeline.dag]
        assert pipeline.airflow.dags([pipeline.dag])[pipeline.dag].is_of(plan)


def test_destroy_takes_away_what_a_killed_first_deploy_left(pipeline):
    for delay in (1.2, 1.8, 2.4):
        process = subprocess.Popen(
            pipeline.platform.command("deploy", pipeline.folder.name),
            env=pipeline.platform.environment, cwd=pipeline.folder.parent,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(delay)
        process.kill()
        process.wait()
        wait_for(lambda: not pipeline.platform.engines())
        pipeline.atlas("destroy", pipeline.folder.name)
        assert not pipeline.dag_file.exists()
        assert not pipeline.airflow.has(pipeline.dag)
        owners = pipeline.store / "deployments" / "owners"
        assert not [p for p in owners.glob("*/*") if p.name.startswith(f"{pipeline.name}-")]


def test_a_run_that_is_under_way_holds_destroy_up(pipeline):
    """Its DAG file stays until the run is over, so that the run can end well."""
    steps = (pipeline.folder / "steps.py").read_text()
    (pipeline.folder / "steps.py").write_text(f"import time\ntime.sleep(8)\n{steps}")
    pipeline.deploy()
    airflow = pipeline.airflow
    airflow._call("POST", f"dags/{pipeline.dag}/dagRuns", body={"logical_date": None})
    assert airflow.active_runs([pipeline.dag], ())[pipeline.dag]
    pipeline.atlas("destroy", pipeline.folder.name)
    assert not pipeline.airflow.has(pipeline.dag)


def test_without_a_platform_there_is_a_clear_error(atlas, tmp_path):
    shutil.copytree(RECIPES, tmp_path / "recipes")
    done = atlas.run("deploy", "tumour", cwd=tmp_path / "recipes", code=1)
    assert "platform local: not up" in done.stderr
    assert "atlas up" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_airflow_that_is_down_is_told_before_anything_is_done(pipeline, tmp_path):
    services = {**pipeline.platform.outputs["services"]}
    services["airflow"] = {**services["airflow"], "url": "http://127.0.0.1:9"}
    (pipeline.folder.parent / "outputs.json").write_text(json.dumps({"services": services}))
    local = pipeline.folder.parent / "environments" / "local.json"
    environment = {**json.loads(local.read_text()), "platform": {"outputs": "outputs.json"}}
    local.with_name("down.json").write_text(json.dumps(environment))
    done = pipeline.atlas("deploy", pipeline.folder.name, "--env", "down", code=1)
    assert "airflow is down" in done.stderr
    assert (
        not (pipeline.store / "deployments" / "content").exists() or not pipeline.dag_file.exists()
    )
