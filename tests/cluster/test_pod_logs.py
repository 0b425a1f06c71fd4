"""What a run's pods have printed and why they don't start, asked of a real API server.

The pods run: as processes, on a node that serves their logs to the API server as a kubelet does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest

from atlas.pods import PodsApi, cluster
from atlas.targets.airflow.launcher import AirflowLauncher
from atlas.targets.airflow.operations import AirflowOperations
from atlas.targets.airflow.pod_labels import pod_selector
from atlas.targets.kubeflow import server_pipelines
from atlas.targets.kubeflow.launcher import KubeflowLauncher
from atlas.targets.kubeflow.operations import KubeflowOperations
from atlas.targets.launcher import LaunchedRun
from atlas.targets.pod_watch import PodWatch
from atlas.waiting import wait_until
from atlas_provider.cluster.node import process_node
from atlas_provider.cluster.pods import NodeFolders, path_of
from tests.cluster.control_plane import ControlPlane, control_plane

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SECONDS = 120.0
SPACE = "default"
MERGE = "application/strategic-merge-patch+json"
NODE = "workflows.argoproj.io/node-name"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if os.geteuid() != 0:
        pytest.skip("a node whose pods are processes mounts their roots, as root")
    folder = tmp_path_factory.mktemp("plane")
    folders = NodeFolders(folder / "pods", folder / "logs")
    with control_plane(folder / "plane") as made, process_node(made, folders):
        yield made


@pytest.fixture
def here(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodsApi]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    cluster.cache_clear()
    found = cluster()
    assert found is not None
    yield found
    cluster.cache_clear()


def start(
    plane: ControlPlane, name: str, script: str, *, container: str = "main", **more: Any
) -> dict[str, Any]:
    """Make a pod that runs a script; its metadata and spec may be added to."""
    main = {"name": container, "image": "none", "command": ["sh", "-c", script]}
    other = {"name": "wait", "image": "none", "command": ["sh", "-c", "echo of a sidecar"]}
    metadata = {"name": name, "namespace": SPACE, **more.pop("metadata", {})}
    spec = {"restartPolicy": "Never", "containers": [other, main], **more}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    plane.ask(f"/api/v1/namespaces/{SPACE}/pods", body)
    return body


def over(plane: ControlPlane, pod: dict[str, Any]) -> None:
    done = ("Succeeded", "Failed")
    assert wait_until(lambda: plane.ask(path_of(pod))["status"]["phase"] in done, SECONDS, 0.1)


def of_kubeflow(run: str, node: str) -> dict[str, Any]:
    """Return what Argo writes on a pod of a run of Kubeflow's."""
    return {"labels": {"pipeline/runid": run}, "annotations": {NODE: f"it-x.root.{node}"}}


def of_airflow(run: str, task: str, index: int = -1) -> dict[str, Any]:
    """Return what Airflow writes on the pod of a task."""
    own = {"kubernetes_pod_operator": "True", "dag_id": "it", "run_id": run, "task_id": task}
    return {"labels": {**own, **({"map_index": str(index)} if index >= 0 else {})}}


def held(plane: ControlPlane, name: str, waiting: dict[str, str], **metadata: Any) -> None:
    """Make a pod that no node takes, with the status that a kubelet would write of it."""
    pod = start(plane, name, "true", metadata=metadata, nodeSelector={"no": "node"})
    state = {"name": "main", "image": "none", "imageID": "", "ready": False, "restartCount": 0}
    status = {"containerStatuses": [{**state, "state": {"waiting": waiting}}]}
    plane.ask(f"{path_of(pod)}/status", {"status": status}, "PATCH", MERGE)


def kubeflow() -> KubeflowLauncher:
    return KubeflowLauncher(None, None, lambda plan: {}, pods=PodWatch(cluster()))


# Logs -------------------------------------------------------------------------------------------


def test_the_log_of_a_key_is_that_of_its_own_pod(plane, here):
    loop = "for-loop-1.iteration-iterations({0}:{0}).iteration-item.one-key.executor"
    for index in (0, 1, 10):
        metadata = of_kubeflow("run-keys", loop.format(index))
        over(plane, start(plane, f"key-{index}", f"echo of key {index}", metadata=metadata))
    driver = of_kubeflow("run-keys", "for-loop-1.iteration-iterations(1:1).one-key-driver")
    over(plane, start(plane, "driver", "echo of a driver", metadata=driver))
    run = LaunchedRun("run-keys", "it")
    found = [kubeflow().log(run, "one_key", index, is_over=True) for index in (0, 1, 10, 2, None)]
    assert found == ["of key 0\n", "of key 1\n", "of key 10\n", "", ""]


def test_a_pod_that_died_before_it_logged_says_how_and_the_newest_attempt_speaks(plane, here):
    first = of_kubeflow("run-dies", "train.executor(0)")
    over(plane, start(plane, "dies-0", "echo first; exit 1", metadata=first))
    stamp = plane.ask(f"/api/v1/namespaces/{SPACE}/pods/dies-0")["metadata"]["creationTimestamp"]
    names = iter(range(1, 100))

    def later() -> bool:
        """Make attempts until one isn't of the first one's second."""
        name = f"dies-{next(names)}"
        metadata = of_kubeflow("run-dies", "train.executor(1)")
        pod = start(plane, name, "printf no-module; exit 137", metadata=metadata)
        over(plane, pod)
        return plane.ask(path_of(pod))["metadata"]["creationTimestamp"] > stamp

    assert wait_until(later, SECONDS, 0.3)
    run = LaunchedRun("run-dies", "it")
    assert kubeflow().log(run, "train", None, is_over=False) == "no-module"
    lines = kubeflow().log(run, "train", None, is_over=True).splitlines()
    assert lines[0] == "no-module"
    assert lines[1].startswith("pod dies-")
    assert "Error, exit code 137" in lines[1]


def test_a_pod_whose_image_never_came_says_so_in_place_of_a_log(plane, here):
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image: unauthorized"}
    held(plane, "never", waiting, **of_kubeflow("run-never", "train.executor"))
    run = LaunchedRun("run-never", "it")
    assert kubeflow().log(run, "train", None, is_over=False) == ""
    line = kubeflow().log(run, "train", None, is_over=True)
    assert line.startswith("pod never: doesn't start: ImagePullBackOff: Back-off pulling image")


def test_the_log_of_an_airflow_task_is_its_pods_and_of_one_that_is_gone_airflows(plane, here):
    metadata = of_airflow("run-a", "one", 3)
    over(plane, start(plane, "task", "echo of key 3", container="base", metadata=metadata))
    airflow = SimpleNamespace(
        task_instances=lambda dag, run: [{"task_id": "two", "map_index": -1, "try_number": 2}],
        log=lambda *asked: [{"event": f"{asked[2:]}"}, {"timestamp": "no text"}],
    )
    launcher = AirflowLauncher(airflow, None, pods=PodWatch(here))
    run = LaunchedRun("run-a", "it")
    assert launcher.log(run, "one", 3, is_over=True) == "of key 3\n"
    assert launcher.log(run, "two", None, is_over=False) == ""
    assert launcher.log(run, "two", None, is_over=True) == "('two', 2, -1)\n"
    assert launcher.log(run, "three", None, is_over=True) == ""


# What doesn't start -----------------------------------------------------------------------------


def test_status_tells_pods_of_runs_under_way_that_do_not_start(plane, here):
    start(plane, "wide", "true", metadata=of_airflow("run-s", "train"), nodeSelector={"no": "gpu"})
    selector = pod_selector("it", "run-s")
    assert wait_until(lambda: bool(here.waiting(selector)), SECONDS, 0.2)
    services = SimpleNamespace(detail=lambda name, setting: "kubernetes")
    runs = {"it": ("run-s", "running"), "other": ("run-s", "running"), "past": ("run-a", "success")}
    found = AirflowOperations().unstarted({}, runs, services)
    assert found.keys() == {"it"}
    (text,) = found["it"]
    assert text.startswith("pod wide doesn't start: Unschedulable: 0/1 nodes are available")
    local = SimpleNamespace(detail=lambda name, setting: "process")
    assert AirflowOperations().unstarted({}, runs, local) == {}


def test_a_volume_that_can_not_be_mounted_is_told_by_its_event(plane, here):
    held(plane, "mount", {"reason": "ContainerCreating"}, **of_airflow("run-m", "train"))
    pod = plane.ask(f"/api/v1/namespaces/{SPACE}/pods/mount")
    # As long as the scheduler hasn't said that no node takes it, it is a pod with nothing to say.
    conditions = [{"type": "PodScheduled", "status": "True"}]
    bound = {"status": {"conditions": conditions}}
    event = {
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": "mount.1", "namespace": SPACE},
        "involvedObject": {"kind": "Pod", "name": "mount", "namespace": SPACE,
                           "uid": pod["metadata"]["uid"]},
        "type": "Warning", "reason": "FailedMount", "message": 'secret "it" not found',
        "lastTimestamp": "2036-01-01T00:00:00Z",
    }  # fmt: skip
    plane.ask(f"/api/v1/namespaces/{SPACE}/events", event)

    def told() -> bool:
        plane.ask(f"{path_of(pod)}/status", bound, "PATCH", MERGE)
        found = here.waiting(pod_selector("it", "run-m"))
        return [one.reason for one in found] == [
            'FailedMount: secret "it" not found (see the pod\'s events)'
        ]

    assert wait_until(told, SECONDS, 0.2)


def test_a_quota_that_keeps_a_pod_from_being_made_is_told_of_the_workflow(plane, here, monkeypatch):
    plane.ask("/api/v1/namespaces", {"metadata": {"name": "team"}})
    account = "/api/v1/namespaces/team/serviceaccounts"
    assert wait_until(lambda: bool(plane.ask(account)["items"]), SECONDS, 0.2)
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    plane.ask("/api/v1/namespaces/team/resourcequotas", quota)
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    with pytest.raises(HTTPError) as refused:
        plane.ask("/api/v1/namespaces/team/pods", pod)
    message = json.loads(refused.value.read())["message"]
    _workflows(plane)
    node = {"id": "n", "name": "n", "type": "Pod", "phase": "Pending", "message": message}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
        "metadata": {"name": "it-x", "labels": {"pipeline/runid": "run-q"}},
        "spec": {}, "status": {"nodes": {"n": node, "m": {**node, "phase": "Succeeded"}}},
    }  # fmt: skip
    path = "/apis/argoproj.io/v1alpha1/namespaces/team/workflows"
    assert wait_until(lambda: _made(plane, path, workflow), SECONDS, 0.2)
    monkeypatch.setattr(server_pipelines, "last_run_ids", lambda located: {"it": "run-q"})
    runs = {"it": ("training-1", "running")}
    found = KubeflowOperations().unstarted({"members": {"it": "d"}}, runs, SimpleNamespace())
    (text,) = found["it"]
    assert text.startswith('no pod can be made: pods "a" is forbidden: ')
    assert "quota" in text


def _workflows(plane: ControlPlane) -> None:
    """Have the cluster know the kind Workflow."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True,
               "schema": {"openAPIV3Schema": schema}}  # fmt: skip
    names = {"kind": "Workflow", "plural": "workflows", "singular": "workflow"}
    kind = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "workflows.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": names,
                 "versions": [version]},
    }  # fmt: skip
    plane.ask("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kind)


def _made(plane: ControlPlane, path: str, body: dict[str, Any]) -> bool:
    """Tell whether an object could be made: its kind is served a moment after it is defined."""
    try:
        plane.ask(path, body)
    except HTTPError as error:
        if error.code != 404:
            raise
        return False
    return True
