"""The command that a run tells to be followed by, called as it is printed, from the same folder."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from tests.integration import fake_kubeflow
from tests.integration.atlas_deploy.training.test_kubeflow_versions import IMAGE, SOURCE, there
from tests.projects import ATLAS, Project, environment, project

pytest.importorskip("kfp")
__all__ = ["project", "there"]


def printed(text: str) -> str:
    (command,) = re.findall(r"`(atlas train [^`]*)` follows it", text)
    return command


@pytest.fixture
def cluster(project: Project, there: fake_kubeflow.FakeKubeflow) -> Project:
    """A project whose Environment 'cluster' names a platform that Atlas didn't make."""
    step = {"class": "steps:Give", "image": "it"}
    project.pipeline("numbers", SOURCE, {"give": step}, images={"it": {"reference": IMAGE}})
    (project.root / "numbers").rename(project.root / "my numbers")
    at = {"credentials": None, "version": ""}
    store = project.store.url
    services = {
        "store": {"kind": "file", "url": store, "workload_url": store, **at},
        "kubeflow": {"kind": "kfp", "url": there.url, "workload_url": there.url, **at},
    }
    outputs = {"version": 1, "stack": "cluster", "target": "other", "services": services}
    project.write("platform.json", json.dumps(outputs))
    project.environment("cluster", platform={"outputs": "platform.json"})
    return project


def test_it_follows_the_very_run_and_starts_none(cluster, there):
    path = "my numbers"
    done = cluster.atlas("train", path, "--env", "cluster", "--target", "kubeflow", "--detach")
    assert done.returncode == 0, done.stdout + done.stderr
    command = printed(done.stdout + done.stderr)
    (run,) = there.items["runs"].values()
    words = shlex.split(command)
    assert words[:3] == ["atlas", "train", path]
    assert words[words.index("--env") + 1] == "cluster"
    assert words[words.index("--run") + 1] == run["display_name"]
    run["state"] = "FAILED"
    again = subprocess.run(
        ["sh", "-c", command.replace("atlas", shlex.join(ATLAS), 1)],
        cwd=cluster.root, env=environment(), text=True, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert "under way already" in again.stdout + again.stderr
    assert again.returncode == 1, "it has failed there"
    assert len(there.items["runs"]) == 1
    listed = json.loads(cluster.atlas("runs", path, "--env", "cluster", "--json").stdout)
    assert len(listed) == 1


def test_what_stands_in_the_way_on_a_platform_of_others_is_no_matter_of_atlas_up(cluster, there):
    there.trouble = [(503, {})] * 200
    outputs = json.loads((cluster.root / "platform.json").read_text())
    outputs["services"]["kubeflow"]["url"] = "http://127.0.0.1:9"
    cluster.write("platform.json", json.dumps(outputs))
    for words in (["train", "--target", "kubeflow"], ["train", "--target", "airflow"],
                  ["preview"], ["status"]):  # fmt: skip
        done = cluster.atlas(*words, "my numbers", "--env", "cluster")
        assert "atlas up" not in done.stdout + done.stderr
    assert "platform.json" in done.stdout + done.stderr or done.returncode == 0


@pytest.mark.parametrize("words", [("status",), ("history",), ("destroy",), ("refresh",)])
@pytest.mark.parametrize("fields", [{"namespace": "Team A"}, {"namespace": ""}, {"prefx": "x"}])
def test_an_environment_that_is_broken_is_never_taken_for_another(cluster, words, fields):
    """Its deployments are known by it: `destroy` would take away those of 'local'."""
    cluster.environment("cluster", platform={"outputs": "platform.json"}, **fields)
    done = cluster.atlas(*words, "my numbers", "--env", "cluster")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "environments/cluster.json" in done.stderr
