"""Which version of a pipeline `atlas train` runs on an API server, next to what was deployed."""

from __future__ import annotations

import json
import subprocess

import pytest

from atlas.errors import TargetError
from atlas.git import commit_of
from atlas.plan import resolve
from atlas.store import Run
from atlas.targets.kubeflow.server import Api, publish
from atlas_deploy import deployments
from atlas_deploy.apply.prepare import write
from atlas_deploy.desired.bundle import compile_bundle
from atlas_deploy.history import records
from atlas_deploy.history.records import Record
from atlas_deploy.platforms.services import Services
from atlas_deploy.training.launchers import launcher
from tests.integration import fake_kubeflow
from tests.projects import Project

pytest.importorskip("kfp")

SOURCE = """
class Out(NamedTuple):
    number: int
class Give(Template):
    number: int = 1
    def run(self) -> Out:
        return Out(self.number)
"""
IMAGE = f"registry/it@sha256:{'1' * 64}"


@pytest.fixture
def there():
    fake = fake_kubeflow.FakeKubeflow()
    server, fake.url = fake_kubeflow.serve(fake)
    yield fake
    server.shutdown()
    server.server_close()


class Numbers:
    """A project in git, whose training goes to an API server."""

    def __init__(self, root, url):
        self.project = Project(root)
        self.project.environment(targets={"training": "kubeflow"})
        self.write(1)
        own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        for words in (["init", "-q"], ["add", "numbers"], ["commit", "-qm", "numbers"]):
            subprocess.run(["git", *own, *words], cwd=root, check=True)
        self.commit = commit_of(root / "numbers")
        self.store = self.project.store
        at = {"workload_url": url, "credentials": None}
        self.services = Services("local", {
            "kubeflow": {"kind": "kfp", "url": url, **at},
            "store": {"kind": "file", "url": self.store.url, "workload_url": "", "credentials": ""},
            "secrets": {"kind": "folder", "url": (root / "secrets").as_uri()},
        })  # fmt: skip
        self.api = Api(url)

    def write(self, number):
        step = {"class": "steps:Give", "params": {"number": number}, "image": "it"}
        self.project.pipeline(
            "numbers", SOURCE, {"give": step}, images={"it": {"reference": IMAGE}}
        )

    def plan(self):
        return self.project.plan("numbers")

    def deploy(self):
        (deployment,) = deployments(self.project.root / "numbers", "local")
        bundle = compile_bundle(deployment, self.services)
        (inputs,) = (one.inputs for one in bundle.parts if one.kind == "KubeflowPipelines")
        (content,) = bundle.contents
        packages = {name: (digest, content) for name, digest in inputs["members"].items()}
        publish(self.api, self.store.url, packages, inputs["plans"])
        write(bundle)
        records.add(self.store.location, deployment.stack, records.DEPLOY, Record.of(bundle.parts))
        return next(iter(inputs["members"].values()))

    def launcher(self, **options):
        pipelines = resolve(self.project.root / "numbers")
        return launcher("kubeflow", pipelines, self.services.by_name, self.store, print, **options)

    def train(self, **options):
        target = self.launcher(**options)
        plan, _ = target.prepare(self.plan())
        return target.submit(plan, Run("training-1", plan.name, plan.flow, plan.digest))


@pytest.fixture
def numbers(tmp_path, there, monkeypatch):
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / ".atlas"))
    monkeypatch.delenv("ATLAS_STORE", raising=False)
    return Numbers(tmp_path, there.url)


def test_training_what_is_deployed_adds_no_version(numbers, there):
    digest = numbers.deploy()
    numbers.train()
    (version,) = there.items["versions"].values()
    assert version["display_name"] == digest
    assert numbers.commit in json.dumps(version["pipeline_spec"])


def test_another_plan_than_is_deployed_is_run_only_when_it_is_asked_for(numbers, there):
    digest, plan = numbers.deploy(), numbers.plan()
    numbers.write(2)
    with pytest.raises(TargetError) as caught:
        numbers.train()
    assert str(caught.value) == (
        f"T302: numbers-training: Plan {plan.digest[:12]} is deployed, and the sources give "
        f"{numbers.plan().digest[:12]}; `atlas deploy` deploys them, --deployed runs what is there"
    )
    numbers.train(deployed=True)
    (version,) = there.items["versions"].values()
    (run,) = there.items["runs"].values()
    assert version["display_name"] == digest
    assert run["pipeline_version_reference"]["pipeline_version_id"] in there.items["versions"]
    numbers.deploy()
    numbers.train()
    assert len(there.items["versions"]) == 2


def test_what_was_never_deployed_runs_unless_that_is_asked_for(numbers, there):
    with pytest.raises(TargetError, match="T301: numbers-training isn't deployed to Kubeflow; `at"):
        numbers.train(deployed=True)
    numbers.train()
    assert len(there.items["versions"]) == 1


def test_what_was_taken_away_isnt_deployed(numbers):
    numbers.deploy()
    records.add(numbers.store.location, "numbers.local", records.DESTROY, None)
    with pytest.raises(TargetError, match="T301: numbers-training isn't deployed"):
        numbers.train(deployed=True)


def test_a_deployed_version_that_was_deleted_there_is_reported(numbers, there):
    numbers.deploy()
    there.items["versions"].clear()
    with pytest.raises(TargetError, match="T301: numbers-training: its version isn't in Kubeflow"):
        numbers.train(deployed=True)


def test_without_an_api_server_nothing_deployed_runs(numbers):
    numbers.services.by_name["kubeflow"]["kind"] = "kfp.local"
    with pytest.raises(TargetError, match="Kubeflow has no API server, so nothing is deployed"):
        numbers.launcher(deployed=True)


def test_without_an_api_server_a_package_tells_the_same_commit(numbers):
    numbers.services.by_name["kubeflow"]["kind"] = "kfp.local"
    assert numbers.launcher().origin_of(numbers.plan()).commit == numbers.commit
