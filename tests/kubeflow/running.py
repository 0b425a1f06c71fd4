"""A Kubeflow Pipelines that runs pipelines: Argo's controller, the agents, the metadata store, a node.

All of them are the real programs, beside the API server of `tests.kubeflow.server`; only the node's
pods are processes (`tests.kubeflow.process_node`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from atlas_toolchain import kubeflow_tests
from tests.kubeflow import server as servers
from tests.kubeflow.process_node import ProcessNode, process_node
from tests.kubeflow.server import AGENT, BUCKET, NAMESPACE, REGION, KubeflowServer, program_of

METADATA = "127.0.0.1:8080"
RUNNER = "pipeline-runner"
_IN_PODS = {"driver": "kfp-driver", "launcher-v2": "kfp-launcher", "argoexec": "argoexec"}
"""What a command in a pod is called, and which program that is."""
_BESIDE = ("argo-controller", "kfp-agent", "kfp-schedules")
_STORE = Path(__file__).with_name("metadata_server.py")


@dataclass(frozen=True)
class RunningKubeflow:
    """A Kubeflow Pipelines that runs pipelines.

    Attributes:
        server: its API server, and all that is around it.
        node: the node that its pods run on.
    """

    server: KubeflowServer
    node: ProcessNode


@contextmanager
def running_kubeflow(folder: Path) -> Iterator[RunningKubeflow]:
    """Run a Kubeflow Pipelines; skip the test where its programs aren't.

    Args:
        folder: keeps everything; its owner removes it.
    """
    servers.require("kfp-apiserver", *_BESIDE, *_IN_PODS.values())
    python = kubeflow_tests.metadata_python()
    if python is None:
        pytest.skip("no metadata store: `make test-kubeflow-runs` installs it")
    programs = {name: program_of(program) for name, program in _IN_PODS.items()}
    with servers.kubeflow_server(folder) as server:
        _tell_kubernetes(server)
        _start_metadata(server, python)
        with process_node(server.plane, folder / "pods", programs) as node:
            _start_controllers(server)
            yield RunningKubeflow(server, node)


def _tell_kubernetes(server: KubeflowServer) -> None:
    """Make what Kubeflow's own manifests make for runs."""
    credentials = server.credentials
    opens = {"accesskey": credentials.user, "secretkey": credentials.password}
    _make(server, "serviceaccounts", RUNNER)
    _make(server, "secrets", "mlpipeline-minio-artifact", stringData=opens)
    service = {"METADATA_GRPC_SERVICE_HOST": "metadata-grpc-service",
               "METADATA_GRPC_SERVICE_PORT": METADATA.rpartition(":")[2]}  # fmt: skip
    _make(server, "configmaps", "metadata-grpc-configmap", data=service)
    root = {"defaultPipelineRoot": f"minio://{BUCKET}/v2/artifacts"}
    _make(server, "configmaps", "kfp-launcher", data=root)
    _make(server, "configmaps", "workflow-controller-configmap", data=_argo())
    for path in kubeflow_tests.roles():
        role = yaml.safe_load(path.read_text("utf-8"))
        _make(server, "roles", RUNNER, _RIGHTS, rules=role["rules"])
    subject = {"kind": "ServiceAccount", "name": RUNNER, "namespace": NAMESPACE}
    given = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": RUNNER}
    _make(server, "rolebindings", RUNNER, _RIGHTS, roleRef=given, subjects=[subject])


_RIGHTS = "/apis/rbac.authorization.k8s.io/v1"


def _make(
    server: KubeflowServer, kind: str, name: str, api: str = "/api/v1", **fields: object
) -> None:
    body = {"metadata": {"name": name, "namespace": NAMESPACE}, **fields}
    server.plane.ask(f"{api}/namespaces/{NAMESPACE}/{kind}", body)


def _argo() -> Mapping[str, str]:
    """Return the settings of Argo's controller."""
    off = {"enabled": False}
    return {
        "executor": yaml.safe_dump({"imagePullPolicy": "IfNotPresent"}),
        "metricsConfig": yaml.safe_dump(off),
        "telemetryConfig": yaml.safe_dump(off),
    }


def _start_metadata(server: KubeflowServer, python: Path) -> None:
    """Start the metadata store."""
    command = [str(python), str(_STORE), str(server.folder / "metadata.db"), METADATA]
    server.start("metadata", command, GRPC_VERBOSITY="NONE")
    server.wait("metadata", lambda: servers.accepts(METADATA))


def _start_controllers(server: KubeflowServer) -> None:
    """Start what makes pods of runs, what reports them, and what starts runs by the clock."""
    for name in ("persistenceagent", "scheduledworkflow"):
        (AGENT / f"{name}-sa-token").write_text(server.plane.token)
    cluster = {"KUBECONFIG": str(server.plane.kubeconfig)}
    flags = ["--executor-image=argoexec", "--namespaced", f"--managed-namespace={NAMESPACE}"]
    server.start(
        "argo-controller",
        [str(program_of("argo-controller")), *flags],
        LEADER_ELECTION_DISABLE="true",
        LEADER_ELECTION_IDENTITY="test",
        ARGO_NAMESPACE=NAMESPACE,
        DEFAULT_REQUEUE_TIME="500ms",
        **cluster,
    )
    server.wait("argo-controller", lambda: servers.answers("http://127.0.0.1:6060/healthz"))
    own = f"--namespace={NAMESPACE}"
    agent = [str(program_of("kfp-agent")), own, "--ttlSecondsAfterWorkflowFinish=86400"]
    server.start("kfp-agent", agent, **cluster)
    schedules = [str(program_of("kfp-schedules")), own, "--metricsPort=9095"]
    server.start("kfp-schedules", schedules, CRON_SCHEDULE_TIMEZONE="UTC", **cluster)


def give_platform(server: KubeflowServer, variables: Mapping[str, str]) -> None:
    """Tell the steps of Atlas where the platform is, and how its store is opened."""
    own = server.credentials
    keys = f"[default]\naws_access_key_id = {own.user}\naws_secret_access_key = {own.password}\n"
    found = {
        "AWS_ENDPOINT_URL": servers.STORAGE,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_SHARED_CREDENTIALS_FILE": "/var/run/secrets/atlas/aws",
        **variables,
    }
    _make(server, "configmaps", "atlas-platform", data=found)
    text = base64.b64encode(keys.encode()).decode()
    _make(server, "secrets", "atlas-platform", data={"aws": text})


def variables(server: KubeflowServer) -> dict[str, str]:
    """Return the variables that open its store for artifacts."""
    return {
        "AWS_ENDPOINT_URL": servers.STORAGE,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": server.credentials.user,
        "AWS_SECRET_ACCESS_KEY": server.credentials.password,
    }


def outputs(server: KubeflowServer, folder: Path, store: str, **more: object) -> str:
    """Return a platform's outputs, as an Environment names them."""
    services = {
        "store": {"kind": "s3", "url": store, "workload_url": store, "credentials": None},
        "kubeflow": {"kind": "kfp", "url": server.url, "workload_url": server.url,
                     "credentials": None},
        "secrets": {"kind": "folder", "url": folder.as_uri(), "workload_url": folder.as_uri(),
                    "credentials": None},
        **more,
    }  # fmt: skip
    versioned = {name: {**dict(one), "version": ""} for name, one in services.items()}  # type: ignore[call-overload]
    return json.dumps({"version": 1, "stack": "cluster", "target": "other", "services": versioned})
