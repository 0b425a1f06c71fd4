"""The local platform's program with a Kubernetes of its own, as the engine runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.integration.infra.test_infra_local import PROGRAM
from tests.unit.infra.test_kubeflow_cluster import NAMES

FOUND = """
import infra.local.kubeflow_cluster as cluster
from infra.local.kubeflow_parts import KubeflowPrograms

NAMES = json.loads(sys.argv[2])
cluster.require_machine = lambda: None
cluster.programs = lambda python, source: KubeflowPrograms(
    release="2.17.0", programs={name: f"/p/{name}" for name in NAMES}, definitions=[], roles=[]
)
"""


def declare(state: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the program with mocks, as on a machine that has Kubeflow's programs."""
    own = {f"atlas:{name}": value for name, value in settings.items()}
    config = json.dumps({"atlas:target": "local", "atlas:state": str(state), **own})
    head, marker, rest = textwrap.dedent(PROGRAM).partition("from infra.services")
    return subprocess.run(
        [sys.executable, "-c", f"{head}{FOUND}{marker}{rest}", config, json.dumps(NAMES)],
        capture_output=True, text=True, check=False, env={**os.environ},
    )  # fmt: skip


def test_every_part_is_a_process_in_the_cell(tmp_path: Path) -> None:
    done = declare(tmp_path, kubeflow="cluster", tasks="kubernetes", services="airflow,mlflow")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    made = {
        one["name"]: one["inputs"]
        for one in printed["resources"]
        if one["type"] == "atlas:index:Process" and one["name"].startswith("kubeflow-")
    }
    assert len(made) == 14
    for name, inputs in made.items():
        if name not in ("kubeflow-cell", "kubeflow-relay"):
            assert inputs["command"][2:5] == [
                "atlas_provider.cluster.cell", "enter", "{folder}/kubeflow-cell/cell",
            ], name  # fmt: skip
            assert inputs["healthCommand"], name
    node = json.loads(made["kubeflow-node"]["files"]["node.json"])
    assert node["objects"]["platform"]["ATLAS_STORE"] == (tmp_path / "store").as_uri()
    assert node["objects"]["platform"]["ATLAS_MLFLOW_URL"].startswith("http://127.0.0.1:")
    service = printed["platform"]["services"]["kubeflow"]
    assert (service["kind"], service["credentials"], service["tasks"]) == (
        "kfp", "kubeflow", "process",
    )  # fmt: skip
    airflow = next(one for one in printed["resources"] if one["name"] == "airflow-scheduler")
    connection = json.loads(airflow["inputs"]["environment"]["AIRFLOW_CONN_KUBERNETES_DEFAULT"])
    assert connection["extra"]["namespace"] == "airflow"


def test_pods_of_airflow_need_a_cluster(tmp_path: Path) -> None:
    done = declare(tmp_path, tasks="kubernetes", services="airflow")
    assert done.returncode != 0
    assert "atlas:tasks: found 'kubernetes', and no cluster on this machine" in done.stderr


@pytest.mark.parametrize("value", ["true", "yes", "kfp"])
def test_another_kind_of_kubeflow_is_refused(tmp_path: Path, value: str) -> None:
    done = declare(tmp_path, kubeflow=value)
    assert f"atlas:kubeflow: found '{value}'; expected one of local, cluster" in done.stderr
