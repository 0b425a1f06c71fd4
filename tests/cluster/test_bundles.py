"""What `atlas deploy` writes to a bucket or a repository is what a real Airflow reads from there.

The store is in S3, too: runs, Plans and logs of what Airflow runs are read from there.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atlas.targets.airflow.api import AirflowApi
from atlas.targets.airflow.dag_repository import DagRepository
from tests.cluster.airflow import Airflow, airflow, s3_server
from tests.projects import Project, environment

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(1500)]
STEPS = """
class Out(NamedTuple):
    text: str

class Say(Template):
    text: str = ""
    def run(self) -> Out:
        print("said", self.text)
        return Out(self.text)
"""
CONNECTION = "atlas_store"
_numbers = itertools.count()


@dataclass(frozen=True)
class Site:
    """A platform of a real Airflow and a real S3 server, and two places for DAG files.

    Attributes:
        airflow: the Airflow.
        variables: what reaches S3.
        dags: URL of the place, by its kind.
        state: the state folder of who deploys.
    """

    airflow: Airflow
    variables: dict[str, str]
    dags: dict[str, str]
    state: Path

    def outputs(self, kind: str) -> dict[str, Any]:
        """Return the platform's outputs, as a platform on a cluster has them."""

        def service(kind: str, url: str, **more: Any) -> dict[str, Any]:
            plain = {"credentials": None, "version": "", **more}
            return {"kind": kind, "url": url, "workload_url": url, **plain}

        own = self.airflow
        return {
            "version": 1,
            "stack": "other",
            "target": "other",
            "services": {
                "store": service("s3", "s3://atlas/store"),
                "dags": service(kind, self.dags[kind], versioned=kind == "git"),
                "airflow": service("airflow", own.url, credentials="airflow", tasks="process"),
                "secrets": service("folder", own.secrets.as_uri()),
            },
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("bundles")
    repository = folder / "dags.git"
    words = ("git", "init", "--quiet", "--bare", "--initial-branch=main", repository)
    subprocess.run(words, check=True)
    # Airflow's own clone of a repository without the branch never has it later.
    DagRepository.at(f"git+{repository.as_uri()}").change({"first": b"# An Airflow DAG to come.\n"})
    with s3_server(folder) as variables:
        connection = {
            "conn_type": "aws",
            "login": variables["AWS_ACCESS_KEY_ID"],
            "password": variables["AWS_SECRET_ACCESS_KEY"],
            "extra": {"endpoint_url": variables["AWS_ENDPOINT_URL"], "region_name": "us-east-1"},
        }
        # As `infra.kubernetes.airflow.bundle` writes them.
        bucket = {"aws_conn_id": CONNECTION, "bucket_name": "atlas", "prefix": "dags"}
        branch = {"repo_url": repository.as_uri(), "tracking_ref": "main"}
        bundles = [
            {
                "name": "bucket",
                "classpath": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
                "kwargs": bucket,
            },
            {
                "name": "repository",
                "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
                "kwargs": branch,
            },
        ]
        own = {
            **variables,
            f"AIRFLOW_CONN_{CONNECTION.upper()}": json.dumps(connection),
            "ATLAS_STORE": "s3://atlas/store",
            "ATLAS_STATE": str(folder / "state"),
        }
        with airflow(folder / "airflow", bundles, own) as server:
            dags = {"s3": "s3://atlas/dags", "git": f"git+{repository.as_uri()}#main"}
            yield Site(server, variables, dags, folder / "state")


class Deployer:
    """Somebody who deploys a project to one of the places."""

    def __init__(self, site: Site, folder: Path, kind: str) -> None:
        self.site, self.kind = site, kind
        self.name = f"it-{kind}-{next(_numbers)}"
        self.project = Project(folder)
        self.project.write("outputs.json", json.dumps(site.outputs(kind)))
        targets = {"training": "airflow", "inference": "airflow"}
        self.project.environment(platform={"outputs": "outputs.json"}, targets=targets)
        self.say("good morning")

    def say(self, text: str) -> None:
        steps = {"say": {"class": "steps:Say", "params": {"text": text}}}
        self.project.pipeline(self.name, STEPS, steps, steps)

    def atlas(self, *words: str, code: int = 0) -> str:
        variables = environment(**self.site.variables, ATLAS_STATE=str(self.project.state))
        done = self.project.atlas(*words, env=variables, timeout=900)
        assert done.returncode == code, f"{words}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def changes(self, *words: str) -> dict[str, str]:
        (result,) = json.loads(self.atlas(*words, self.name, "--json"))
        return {one["name"]: one["action"] for one in result["changes"] if one["action"] != "same"}

    @property
    def api(self) -> AirflowApi:
        own = self.site.airflow
        return AirflowApi(own.url, own.secrets.as_uri(), "airflow")


@pytest.fixture(params=["s3", "git"])
def deployer(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Deployer:
    return Deployer(site, tmp_path / "project", request.param)


def test_a_deployment_is_read_run_changed_and_removed(deployer: Deployer) -> None:
    dags = {f"{deployer.name}-{flow}" for flow in ("training", "inference")}
    assert {*deployer.changes("deploy")} == dags
    first = deployer.api.dags(dags)
    assert {*first} == dags
    assert all(dag.plan and not dag.broken for dag in first.values())
    assert deployer.changes("deploy") == {}
    assert deployer.changes("preview") == {}

    deployer.say("good evening")
    assert {*deployer.changes("preview")} == dags
    deployer.changes("deploy")
    second = deployer.api.dags(dags)
    assert all(second[name].plan != first[name].plan for name in dags)

    said = deployer.atlas("train", "--config", deployer.name, "--target", "airflow", "--logs")
    assert "said good evening" in said
    (run,) = json.loads(deployer.atlas("runs", deployer.name, "--json"))
    assert run["status"] == "done"
    assert run["flow"] == "training"
    assert deployer.name in deployer.atlas("status", deployer.name)

    deployer.atlas("destroy", deployer.name, "--yes")
    assert deployer.api.dags(dags) == {}


def test_a_file_that_somebody_changed_is_drift_and_comes_back(deployer: Deployer) -> None:
    from atlas.targets.airflow.dag_bundle import open_bundle

    name = f"{deployer.name}-training"
    deployer.changes("deploy")
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in deployer.site.variables.items():
            patch.setenv(variable, value)
        bundle = open_bundle(deployer.site.dags[deployer.kind])
        content = bundle.read([name])[name]
        bundle.change({name: content.replace(b"ATLAS_PLAN", b"ATLAS_PLAM")})
        assert name in deployer.changes("preview")
        deployer.changes("deploy")
        assert bundle.read([name]) == {name: content}
    deployer.atlas("destroy", deployer.name, "--yes")
