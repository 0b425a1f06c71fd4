"""The files that docs/kubeflow.md shows make a platform: all of its services are found and asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.docs.test_docs import DOCS, examples
from tests.integration import fake_kubeflow
from tests.integration.atlas_provider import fake_airflow, fake_mlflow
from tests.projects import Project, project

pytest.importorskip("kfp")
__all__ = ["project"]

SOURCE = """
class Out(NamedTuple):
    number: int
class Give(Template):
    def run(self) -> Out:
        return Out(1)
class Take(Template):
    def run(self, number: int) -> Out:
        return Out(number)
"""
IMAGE = {"it": {"reference": f"registry.example/it@sha256:{'1' * 64}"}}
FILES = {
    block.value: block.text
    for block in examples.blocks(DOCS / "kubeflow.md")
    if block.mark == "file"
}


@pytest.fixture
def addresses(project: Project) -> Iterator[dict[str, str]]:
    """Real addresses for those that the page makes up."""
    dags = project.root / "dags"
    dags.mkdir()
    kubeflow = fake_kubeflow.FakeKubeflow(token="tick")
    servers = (
        fake_kubeflow.serve(kubeflow),
        fake_airflow.serve(fake_airflow.FakeAirflow(dags)),
        fake_mlflow.serve({}),
    )
    urls = [url for _, url in servers]
    yield {
        "s3://models/atlas": project.store.url,
        '"kind": "s3"': '"kind": "file"',
        "file:///home/me/secrets": (project.root / "secrets").as_uri(),
        "https://kubeflow.example/pipeline": urls[0],
        "https://airflow.example": urls[1],
        "https://mlflow.example": urls[2],
        "file:///mnt/dags": dags.as_uri(),
    }
    for server, _ in servers:
        server.shutdown()
        server.server_close()


def of_page(project: Project, addresses: dict[str, str]) -> None:
    for name, text in FILES.items():
        of_here = text
        for made_up, real in addresses.items():
            of_here = of_here.replace(made_up, real)
        project.write(name, of_here)
    for name, password in (("kubeflow", "tick"), ("airflow", "hunter2")):
        secret = project.write(
            f"secrets/{name}.json", json.dumps({"username": "admin", "password": password})
        )
        secret.chmod(0o600)
    (project.root / "secrets").chmod(0o700)


def test_the_outputs_are_what_the_contract_says() -> None:
    schema = json.loads((resources.files("atlas") / "schemas" / "outputs.v1.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(FILES["platform.json"]))


@pytest.mark.parametrize("namespace", ["", "team-a"])
def test_preview_finds_everything_that_it_needs(
    project: Project, addresses: dict[str, str], namespace: str
) -> None:
    give = {"give": {"class": "steps:Give", "image": "it"}}
    take = {"take": {"class": "steps:Take", "inputs": {"number": "model.it"}, "image": "it"}}
    model = {"model": {"name": "numbers", "from": {"it": "give.number"}}}
    project.pipeline("numbers", SOURCE, give, take, config=model, images=IMAGE)
    of_page(project, addresses)
    if namespace:
        file = project.root / "environments" / "cluster.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "namespace": namespace}))
    done = project.atlas("preview", "numbers", "--env", "cluster", "--json")
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    for name in ("numbers-training", "numbers-inference"):
        assert name in done.stdout
    assert told
    status = project.atlas("status", "numbers", "--env", "cluster")
    assert "`atlas deploy numbers --env cluster` deploys it" in status.stdout, status.stderr


def test_the_page_s_files_are_written_by_its_examples(tmp_path: Path) -> None:
    examples.run(DOCS / "kubeflow.md", tmp_path)
    assert {path.name for path in tmp_path.rglob("*.json")} == {"cluster.json", "platform.json"}
