"""Pods on a node whose pods are processes, under a real control plane."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from atlas_provider.cluster.api import ClusterApi
from atlas_provider.cluster.node import ProcessNode, process_node
from atlas_provider.cluster.pods import NodeFolders, path_of
from tests.cluster.control_plane import control_plane
from tests.kubeflow.server import require

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessNode]:
    require()
    folder = tmp_path_factory.mktemp("node")
    shared = folder / "shared"
    shared.mkdir()
    folders = NodeFolders(folder / "pods", folder / "logs", [shared])
    with control_plane(folder / "plane") as plane, process_node(plane, folders) as made:
        yield made


def pod(name: str, script: str, container: Any = None, **spec: Any) -> dict[str, Any]:
    main = {"name": "main", "image": "none", "command": ["sh", "-c", script], **(container or {})}
    spec = {"restartPolicy": "Never", "containers": [main], **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def made(plane: ClusterApi, body: dict[str, Any]) -> dict[str, Any]:
    plane.ask("/api/v1/namespaces/default/pods", body)
    return body


def over(plane: ClusterApi, body: dict[str, Any], *phases: str) -> Any:
    """Wait until a pod has a phase; return its status."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        status = plane.ask(path_of(body))["status"]
        if status["phase"] in (phases or ("Succeeded", "Failed")):
            return status
        time.sleep(0.05)
    raise AssertionError(plane.ask(path_of(body)))


def is_there(plane: ClusterApi, body: dict[str, Any]) -> bool:
    try:
        plane.ask(path_of(body))
    except HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True


def log(plane: ClusterApi, body: dict[str, Any]) -> str:
    return str(plane.ask(f"{path_of(body)}/log"))


def test_a_pod_runs_in_a_root_of_its_own(node: ProcessNode) -> None:
    mark = Path("/srv/atlas-process-node")
    given = made(node.plane, pod("own-root", f"echo here > {mark}; cat {mark}"))
    assert over(node.plane, given)["phase"] == "Succeeded"
    assert log(node.plane, given) == "here\n"
    assert not mark.exists()


def test_a_pod_writes_to_a_folder_that_is_shared(node: ProcessNode) -> None:
    (shared,) = node.folders.shared
    given = made(node.plane, pod("shares", f"echo written > {shared}/file"))
    assert over(node.plane, given)["phase"] == "Succeeded"
    assert (shared / "file").read_text("utf-8") == "written\n"


def test_a_pod_that_fails_says_with_what(node: ProcessNode) -> None:
    status = over(node.plane, made(node.plane, pod("fails", "exit 3")))
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3


def test_a_pod_has_its_variables_and_its_volumes(node: ProcessNode) -> None:
    place = "/api/v1/namespaces/default"
    node.plane.ask(f"{place}/configmaps", {"metadata": {"name": "c"}, "data": {"K": "from-map"}})
    secret = {"metadata": {"name": "s"}, "stringData": {"file": "from-secret"}}
    node.plane.ask(f"{place}/secrets", secret)
    reference = {"configMapKeyRef": {"name": "c", "key": "K"}}
    absent = {"configMapKeyRef": {"name": "none", "key": "K", "optional": True}}
    own = {"fieldRef": {"fieldPath": "metadata.name"}}
    container = {
        "args": ["sh", "$(A)"],
        "env": [{"name": "A", "valueFrom": reference}, {"name": "B", "valueFrom": absent},
                {"name": "C", "valueFrom": own}],
        "volumeMounts": [{"name": "v", "mountPath": "/var/run/atlas"},
                         {"name": "e", "mountPath": "/scratch"}],
    }  # fmt: skip
    volumes = [{"name": "v", "secret": {"secretName": "s"}}, {"name": "e", "emptyDir": {}}]
    first = {"name": "first", "image": "none", "command": ["sh", "-c", "echo 7 > /scratch/n"],
             "volumeMounts": container["volumeMounts"]}  # fmt: skip
    script = 'echo "$1 $A [$B] $C $(cat /var/run/atlas/file) $(cat /scratch/n)"'
    body = pod("given", script, container, volumes=volumes, initContainers=[first])
    assert over(node.plane, made(node.plane, body))["phase"] == "Succeeded"
    assert log(node.plane, body) == "from-map from-map [] given from-secret 7\n"


def test_a_pod_has_the_token_of_its_account(node: ProcessNode) -> None:
    script = "cat /var/run/secrets/kubernetes.io/serviceaccount/namespace && " \
             "test -s /var/run/secrets/kubernetes.io/serviceaccount/token"  # fmt: skip
    body = made(node.plane, pod("token", script))
    assert over(node.plane, body)["phase"] == "Succeeded"
    assert log(node.plane, body) == "default"


def test_a_pod_ends_at_its_deadline(node: ProcessNode) -> None:
    status = over(node.plane, made(node.plane, pod("late", "sleep 600", activeDeadlineSeconds=1)))
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_pod_that_is_deleted_ends(node: ProcessNode) -> None:
    body = made(node.plane, pod("deleted", "sleep 600", terminationGracePeriodSeconds=1))
    over(node.plane, body, "Running")
    node.plane.ask(path_of(body), method="DELETE")
    end = time.monotonic() + 300
    while is_there(node.plane, body):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_pod_that_asks_for_a_gpu_stays_pending_and_the_scheduler_says_why(
    node: ProcessNode,
) -> None:
    asked = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    body = made(node.plane, pod("gpu", "true", asked))
    end = time.monotonic() + 300
    found: list[str] = []
    while not found and time.monotonic() < end:
        conditions = node.plane.ask(path_of(body))["status"].get("conditions", ())
        found = [one["message"] for one in conditions if one.get("reason") == "Unschedulable"]
        time.sleep(0.05)
    assert "Insufficient nvidia.com/gpu" in found[0]
    assert node.plane.ask(path_of(body))["status"]["phase"] == "Pending"
