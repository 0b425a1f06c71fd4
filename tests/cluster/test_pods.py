"""Pods that a real API server has: those that our targets make, and why one doesn't start."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml
from kubernetes.config import kube_config

from atlas.errors import PlatformError
from atlas.pods import PodsApi, cluster
from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.airflow.pod_labels import label_of_task, pod_selector, task_of
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from atlas.waiting import wait_until
from tests.cluster import driven
from tests.cluster.control_plane import ControlPlane, control_plane
from tests.projects import Project

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(900),
    # Airflow's own, of what its providers import.
    pytest.mark.filterwarnings("ignore"),
]
SPACE = "steps"
SECONDS = 120.0
STEPS = """
class Keys(NamedTuple):
    keys: list[str]

class Count(Template):
    def run(self) -> Keys:
        return Keys(["a", "b", "c"])

class Out(NamedTuple):
    text: str

class One(Template):
    def run(self, key: str) -> Out:
        return Out(key)
"""
DIGEST = "registry.example/atlas/it@sha256:" + "0" * 64


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane"), nodes=1) as made:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
        space["metadata"]["labels"] = labels
        made.ask("/api/v1/namespaces", space)
        account = f"/api/v1/namespaces/{SPACE}/serviceaccounts"
        assert wait_until(lambda: bool(made.ask(account)["items"]), SECONDS, 0.2)
        yield made


@pytest.fixture
def here(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodsApi]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    # Airflow's operator takes the package's default, which is what the variable was at its import.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(plane.kubeconfig))
    cluster.cache_clear()
    found = cluster()
    assert found is not None
    yield found
    cluster.cache_clear()


def strictly(plane: ControlPlane, pod: dict[str, Any], namespace: str = SPACE) -> dict[str, Any]:
    """Make a pod; whatever the API server doesn't know of it, or warns of, is an error."""
    path = f"/api/v1/namespaces/{namespace}/pods?fieldValidation=Strict"
    try:
        return dict(plane.ask(path, pod))
    except HTTPError as error:
        pytest.fail(error.read().decode())


def pod(name: str, labels: dict[str, str], **resources: str) -> dict[str, Any]:
    container = {
        "name": "base",
        "image": DIGEST,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": resources, "limits": resources},
    }
    user = {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "containers": [container], "securityContext": user}
    head = {"apiVersion": "v1", "kind": "Pod"}
    return {**head, "metadata": {"name": name, "labels": labels}, "spec": spec}


def labels(task: str, index: int = -1) -> dict[str, str]:
    """Return the labels that Airflow gives the pod of a task."""
    own = {"kubernetes_pod_operator": "True", "dag_id": "it-training", "run_id": "run-1"}
    of_key = {"map_index": str(index)} if index >= 0 else {}
    return {**own, "task_id": task, **of_key}


def reasons(here: PodsApi) -> dict[tuple[str, str], str]:
    found = here.pods(pod_selector("it-training", "run-1"))
    return {task_of(one.labels): one.reason for one in found}


def test_a_pod_that_fits_nowhere_says_what_it_asks_for_in_vain(plane, here):
    strictly(plane, pod("greedy", labels("greedy"), **{"nvidia.com/gpu": "1"}))
    strictly(plane, pod("wide", labels("wide", 3), cpu="1000"))
    both = {label_of_task("greedy", None), label_of_task("wide", 3)}
    assert wait_until(
        lambda: both <= {key for key, why in reasons(here).items() if why}, SECONDS, 0.2
    )
    found = reasons(here)
    assert "Insufficient nvidia.com/gpu" in found["greedy", ""]
    assert found["wide", "3"].startswith("Unschedulable: 0/1 nodes are available")
    assert "Insufficient cpu" in found["wide", "3"]
    assert "ask for less" in found["wide", "3"]


@pytest.mark.parametrize(
    ("reason", "message"),
    ids=["pull", "back-off", "name", "secret"],
    argvalues=[
        ("ErrImagePull", "rpc error: code = NotFound desc = failed to pull and unpack image"),
        ("ImagePullBackOff", f'Back-off pulling image "{DIGEST}": ErrImagePull: unauthorized'),
        ("InvalidImageName", "Failed to apply default image tag: invalid reference format"),
        ("CreateContainerConfigError", 'secret "it-secret" not found'),
    ],
)
def test_what_a_kubelet_writes_of_a_container_is_told_with_a_way_out(plane, here, reason, message):
    name = f"it-{reason.lower()}"
    # No node takes it, so that nobody else writes its status.
    held = pod(name, labels(name))
    held["spec"]["nodeSelector"] = {"no": "node"}
    strictly(plane, held)
    waiting = {"reason": reason, "message": message}
    container = {
        "name": "base",
        "image": DIGEST,
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    patch = {"status": {"phase": "Pending", "containerStatuses": [container]}}
    path = f"/api/v1/namespaces/{SPACE}/pods/{name}/status"
    plane.ask(path, patch, "PATCH", "application/strategic-merge-patch+json")
    why = reasons(here)[name, ""]
    assert why.startswith(f"{reason}: {message}")
    assert why.endswith(")")


def test_who_may_read_no_pods_is_told_which_context_it_was(plane, here, tmp_path, monkeypatch):
    assert here.may("list", "pods", SPACE)
    assert here.may("get", "pods/log", SPACE)
    assert here.version().startswith("v1.")
    stranger = yaml.safe_load(plane.kubeconfig.read_text())
    for user in stranger["users"]:
        user["user"] = {"token": "wrong"}
    file = tmp_path / "stranger"
    file.write_text(yaml.safe_dump(stranger))
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster.cache_clear()
    with pytest.raises(PlatformError, match=r"cluster '.+': GET /api/v1/pods: status 401"):
        cluster().pods("a=b")


# The pods of our targets ------------------------------------------------------------------------


def operators(tmp_path: Path) -> dict[str, Any]:
    """Return the tasks of a compiled DAG, as Airflow's own classes have them."""
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    project = Project(tmp_path / "project")
    project.pipeline(
        "it",
        STEPS,
        {
            "count": {"class": "steps:Count", "secrets": ["token"]},
            "one": {
                "class": "steps:One",
                "foreach": {"key": "count.keys"},
                "resources": {"cpu": 0.5, "memory": "64Mi"},
            },
        },
    )
    secrets = {"token": {"kubernetes": "it-secret/token"}}
    project.environment(targets={"training": "airflow"}, secrets=secrets)
    plan = project.plan("it")
    images = dict.fromkeys({step.image for step in plan.steps}, DIGEST)
    files = AirflowCompiler("kubernetes", "", "").compile(plan, images)
    (text,) = files.values()
    file = tmp_path / "compiled_dag.py"
    file.write_bytes(text)
    spec = importlib.util.spec_from_file_location("compiled_dag", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["compiled_dag"] = module
    DagContext.current_autoregister_module_name = module.__name__
    DagContext.autoregistered_dags.clear()
    spec.loader.exec_module(module)
    ((dag, _),) = DagContext.autoregistered_dags
    return {task.task_id: task for task in dag.tasks}


def test_the_pods_of_airflows_tasks_are_accepted_strictly_and_are_restricted(plane, here, tmp_path):
    from kubernetes.client import ApiClient

    made: dict[str, dict[str, Any]] = {}
    for name, task in operators(tmp_path).items():
        one = task.unmap({"arguments": ["--index", "1"]}) if task.is_mapped else task
        request = one.build_pod_request_obj()
        plain = ApiClient().sanitize_for_serialization(request)
        plain["metadata"].pop("namespace", None)
        made[name] = strictly(plane, plain)
    assert {*made} == {"count", "one.keys", "one", "_finish"}
    (container,) = made["count"]["spec"]["containers"]
    secret = next(one for one in container["env"] if "valueFrom" in one)
    assert secret["valueFrom"]["secretKeyRef"] == {"name": "it-secret", "key": "token"}
    # The worker says where its registry is, when it starts the pod.
    assert container["image"] == DIGEST.replace("registry.example", "$ATLAS_REGISTRY")
    keys = made["one.keys"]["spec"]["containers"]
    assert [one["name"] for one in keys] == ["base", "airflow-xcom-sidecar"]
    assert all(one["securityContext"]["capabilities"] == {"drop": ["ALL"]} for one in keys)


def test_the_pods_of_kubeflows_tasks_are_accepted_strictly_with_all_that_a_step_asks_for(
    plane, tmp_path
):
    project = Project(tmp_path / "project")
    step = {
        "class": "steps:Count",
        "secrets": ["token"],
        "env": {"PRICE": "$5", "AWS_DEFAULT_REGION": "of-the-step"},
        "timeout": "60s",
        "resources": {"cpu": 0.5, "memory": "64Mi", "gpu": 1},
        "node_selector": {"pool": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    each = {"class": "steps:One", "foreach": {"key": "count.keys"}}
    project.pipeline("it", STEPS, {"count": step, "one": each})
    project.environment(
        targets={"training": "kubeflow"}, secrets={"token": {"kubernetes": "it-secret/token"}}
    )
    plan = project.plan("it")
    images = dict.fromkeys({step.image for step in plan.steps}, DIGEST)
    (package,) = KubeflowCompiler().compile(plan, images).values()
    specs = dict(driven.pods(package))
    assert len(specs) >= 3, "two steps, and what counts the keys"
    # As in the namespaces in which the platform has steps run.
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    plane.ask("/api/v1/namespaces", {"metadata": {"name": "driven", "labels": labels}})
    account = "/api/v1/namespaces/driven/serviceaccounts"
    assert wait_until(lambda: bool(plane.ask(account)["items"]), SECONDS, 0.2)
    made = {name: strictly(plane, _driven(name, spec), "driven") for name, spec in specs.items()}
    count = next(pod for name, pod in made.items() if name.endswith("exec-count"))["spec"]
    (container,) = count["containers"]
    secret = [one["valueFrom"]["secretKeyRef"] for one in container["env"]
              if "secretKeyRef" in one.get("valueFrom", {})]  # fmt: skip
    assert secret == [{"name": "it-secret", "key": "token", "optional": False}]
    limits = {"cpu": "500m", "memory": "64Mi", "nvidia.com/gpu": "1"}
    assert container["resources"]["limits"] == limits
    assert count["nodeSelector"] == {"pool": "gpu"}
    assert step["tolerations"][0] in count["tolerations"]
    assert count["activeDeadlineSeconds"] > 60
    names = [one["name"] for one in container["env"]]
    assert len(names) == len(set(names)), "Kubernetes would take the last one"


def _driven(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_a_pods_labels_are_those_that_airflow_gives(tmp_path):
    from airflow.providers.cncf.kubernetes.pod_generator import make_safe_label_value

    from atlas.targets.airflow.pod_labels import label

    texts = ["plain", "manual__2026-01-01T00:00:00+00:00", "x" * 63, "x" * 64, "-a-", "a b", "it.x"]
    assert [label(text) for text in texts] == [make_safe_label_value(text) for text in texts]
