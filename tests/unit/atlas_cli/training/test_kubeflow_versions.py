"""Which version of a pipeline `atlas train` runs on an API server, next to what was deployed."""

from __future__ import annotations

import json
import subprocess

import pytest

from atlas.plan import resolve
from atlas.store import Run
from atlas.targets.kubeflow.server import Api, publish
from atlas_cli.deploying import deployments
from atlas_cli.deploying.material import material_of
from atlas_cli.deploying.services import Services
from atlas_cli.origins import commit_of
from atlas_cli.training.launchers import launcher
from tests.projects import Project
from tests.unit import fake_kubeflow

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
        material = material_of(deployment, self.services)
        (inputs,) = (one.inputs for one in material.parts if one.kind == "KubeflowPipelines")
        (content,) = material.contents
        packages = {name: (digest, content) for name, digest in inputs["members"].items()}
        publish(self.api, self.store.url, packages, inputs["plans"])
        return next(iter(inputs["members"].values()))

    def launcher(self):
        pipelines = resolve(self.project.root / "numbers")
        return launcher("kubeflow", pipelines, self.services.found, self.store)

    def train(self):
        target = self.launcher()
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


def test_without_an_api_server_a_package_tells_the_same_commit(numbers):
    numbers.services.found["kubeflow"]["kind"] = "kfp.local"
    assert numbers.launcher().origin_of(numbers.plan()).commit == numbers.commit
