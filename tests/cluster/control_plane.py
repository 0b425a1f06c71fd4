"""A Kubernetes control plane for tests: a real API server, without a machine that runs pods.

etcd, the API server with its admission, the controllers and the scheduler run on free ports of
loopback and keep everything in one folder. With KWOK there are nodes as well, on which pods become
ready, and complete where they aren't to be restarted, without anything being run.

All of it ends with the process that started it, however that ends.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from atlas_provider.cluster import api_keys
from atlas_provider.cluster.api import ClusterApi
from atlas_toolchain import cluster_tests
from tests.servers import free_port
from tests.tether import tied

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
ISSUER = "https://kubernetes.default.svc"
SECONDS = 180
"""How long a part may take until it answers, on a machine that does much else."""
_ATTEMPTS = 5
_LOOPBACK = "127.0.0.1"
_PLATFORM = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
STAGES = Path(__file__).parent / "kwok-stages.yaml"


@dataclass(frozen=True)
class ControlPlane(ClusterApi):
    """A control plane that answers.

    Attributes:
        folder: where all of it is.
        kubeconfig: the file that says how it is reached to clients.
    """

    folder: Path
    kubeconfig: Path


@contextmanager
def control_plane(folder: Path, *, nodes: int = 0, volumes: int = 0) -> Iterator[ControlPlane]:
    """Run a control plane in a folder; skip the test where its programs aren't.

    Args:
        folder: keeps everything; its owner removes it.
        nodes: how many nodes KWOK simulates; 0 for no KWOK, and pods that stay pending.
        volumes: how many volumes there are of the default storage class; 0 for no such class.
    """
    programs = {name: _program(name) for name in (*PROGRAMS, *(["kwok"] if nodes else []))}
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        parts = _Parts(folder, programs, stack)
        etcd = parts.start("etcd", _etcd(folder), _answers)
        plane = _api_server(parts, etcd)
        _wait(lambda: plane.ask("/readyz") == "ok", "the API server", parts)
        parts.start("kube-controller-manager", _controllers(plane), _answers_safely)
        parts.start("kube-scheduler", _scheduler(plane), _answers_safely)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        _wait(lambda: _is_there(plane, account), "the controller of service accounts", parts)
        _volumes(plane, volumes)
        if nodes:
            parts.start("kwok", _kwok(plane), _answers)
            _nodes(plane, nodes)
            _wait(lambda: len(ready_nodes(plane)) == nodes, f"{nodes} nodes", parts)
        yield plane


def _program(name: str) -> Path:
    """Return a program of the control plane; skip the test where there is none."""
    found = cluster_tests.find(name)
    if found is None:
        pytest.skip(f"no {name}: `make test-cluster` gets it, with Go >= 1.26")
    return found


@dataclass(frozen=True)
class _Parts:
    """The processes of a control plane.

    Attributes:
        folder: where their logs are.
        programs: their programs, by name.
        stack: stops them, the last one first.
    """

    folder: Path
    programs: Mapping[str, Path]
    stack: ExitStack

    def start(
        self, name: str, flags: Callable[[int], Sequence[str]], answers: Callable[[int], bool]
    ) -> int:
        """Start a part and wait until it answers; return its port.

        A port that was free may be somebody else's when the part asks for it: then with another.
        """
        for _ in range(_ATTEMPTS):
            port = free_port()
            process = self._run(name, flags(port))
            end = time.monotonic() + SECONDS
            while process.poll() is None and time.monotonic() < end:
                if answers(port):
                    return port
                time.sleep(0.05)
            _stop(process)
        raise RuntimeError(f"{name} doesn't answer: {self.log(name)}")

    def _run(self, name: str, flags: Sequence[str]) -> subprocess.Popen[bytes]:
        """Run a program, which ends with this process."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                tied([str(self.programs[name]), *flags], "KILL"),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.stack.callback(_stop, process)
        return process

    def log(self, name: str) -> str:
        """Return the end of a part's log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a part; what it hasn't written is of no use to anybody."""
    process.kill()
    process.wait(60)


def _wait(done: Callable[[], bool], what: str, parts: _Parts) -> None:
    """Wait until something is so."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            if done():
                return
        time.sleep(0.05)
    logs = {name: parts.log(name) for name in parts.programs}
    raise RuntimeError(f"{what}: not there after {SECONDS} s: {json.dumps(logs, indent=1)}")


def _answers(port: int) -> bool:
    """Tell whether something says that it is well, over HTTP."""
    try:
        urlopen(f"http://{_LOOPBACK}:{port}/{'health'}", timeout=5).close()
    except HTTPError as error:
        return error.code == 404  # KWOK's page is called otherwise
    except OSError:
        return False
    return True


def _answers_safely(port: int) -> bool:
    """Tell whether a part of Kubernetes says that it is well: what it shows nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        urlopen(f"https://{_LOOPBACK}:{port}/healthz", timeout=5, context=context).close()
    except HTTPError as error:
        return error.code in (401, 403)
    except OSError:
        return False
    return True


def _etcd(folder: Path) -> Callable[[int], list[str]]:
    """Return etcd's flags, given its port."""

    def flags(port: int) -> list[str]:
        url, peers = f"http://{_LOOPBACK}:{port}", f"http://{_LOOPBACK}:{free_port()}"
        return [
            f"--data-dir={folder / f'etcd-{port}'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    return flags


def _api_server(parts: _Parts, etcd: int) -> ControlPlane:
    """Start the API server; return the control plane that it makes."""
    folder, token = parts.folder, secrets.token_hex(32)
    _write(folder / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    api_keys.make(folder)
    flags = [
        f"--etcd-servers=http://{_LOOPBACK}:{etcd}",
        f"--bind-address={_LOOPBACK}",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={folder / 'accounts.pub'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        f"--advertise-address={_LOOPBACK}",
        "--profiling=false",
    ]
    port = parts.start("kube-apiserver", lambda port: [*flags, f"--secure-port={port}"], _is_up)
    url = f"https://{_LOOPBACK}:{port}"
    authority = folder / "certificates" / "apiserver.crt"
    path = kubeconfig(folder / "kubeconfig", url, token, authority)
    return ControlPlane(url, token, authority, folder, path)


def _is_up(port: int) -> bool:
    """Tell whether the API server answers at all."""
    return _answers_safely(port)


def _write(path: Path, text: str) -> None:
    """Write a file that nobody else reads."""
    path.touch(0o600)
    path.write_text(text, "utf-8")


def kubeconfig(path: Path, url: str, token: str, authority: Path) -> Path:
    """Write the file that tells clients how to reach an API server; return it."""
    cluster = {"server": url, "certificate-authority": str(authority)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    _write(path, json.dumps(content))
    return path


def _controllers(plane: ControlPlane) -> Callable[[int], list[str]]:
    """Return the controllers' flags, given their port."""
    flags = [
        f"--kubeconfig={plane.kubeconfig}",
        f"--service-account-private-key-file={plane.folder / 'accounts.key'}",
        f"--root-ca-file={plane.authority}",
        "--use-service-account-credentials=true",
        # A machine that is busy for a minute makes no node go away.
        "--node-monitor-grace-period=1h",
        "--leader-elect=false",
        f"--bind-address={_LOOPBACK}",
        f"--cert-dir={plane.folder / 'controllers'}",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]
    return lambda port: [*flags, f"--secure-port={port}"]


def _scheduler(plane: ControlPlane) -> Callable[[int], list[str]]:
    """Return the scheduler's flags, given its port."""
    flags = [
        f"--kubeconfig={plane.kubeconfig}",
        f"--authentication-kubeconfig={plane.kubeconfig}",
        f"--authorization-kubeconfig={plane.kubeconfig}",
        "--leader-elect=false",
        f"--bind-address={_LOOPBACK}",
        f"--cert-dir={plane.folder / 'scheduler'}",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--profiling=false",
    ]
    return lambda port: [*flags, f"--secure-port={port}"]


def _kwok(plane: ControlPlane) -> Callable[[int], list[str]]:
    """Return KWOK's flags, given its port."""
    flags = [f"--kubeconfig={plane.kubeconfig}", "--manage-all-nodes=true", f"--config={STAGES}"]
    return lambda port: [*flags, f"--server-address={_LOOPBACK}:{port}", "--node-port=0"]


def _is_there(plane: ControlPlane, path: str) -> bool:
    """Tell whether the API server has an object."""
    try:
        plane.ask(path)
    except HTTPError as error:
        if error.code == 404:
            return False
        raise
    return True


def _nodes(plane: ControlPlane, count: int) -> None:
    """Make nodes, which KWOK makes ready."""
    room = {"cpu": "64", "memory": "256Gi", "pods": "500", "ephemeral-storage": "1Ti"}
    for number in range(count):
        name = f"node-{number}"
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **_PLATFORM}},
            "status": {"capacity": room, "allocatable": room},
        }
        plane.ask("/api/v1/nodes", node)


def ready_nodes(plane: ControlPlane) -> list[str]:
    """Return the names of the nodes that are ready, and take pods."""
    found = plane.ask("/api/v1/nodes")["items"]
    return [
        one["metadata"]["name"]
        for one in found
        if not one["spec"].get("taints")
        and any(
            (part["type"], part["status"]) == ("Ready", "True")
            for part in one["status"].get("conditions") or []
        )
    ]


def _volumes(plane: ControlPlane, count: int) -> None:
    """Make a default storage class and volumes of it, for there is nothing that would make them."""
    if not count:
        return
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "test", "annotations": default},
        "provisioner": "kubernetes.io/no-provisioner",
    }
    plane.ask("/apis/storage.k8s.io/v1/storageclasses", storage)
    for number in range(count):
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"volume-{number}"},
            "spec": {
                "storageClassName": "test",
                "capacity": {"storage": "1Ti"},
                "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
                "hostPath": {"path": f"{plane.folder}/volume-{number}"},
            },
        }
        plane.ask("/api/v1/persistentvolumes", volume)


def environment(plane: ControlPlane) -> dict[str, str]:
    """Return this process's variables with the one by which clients find the cluster."""
    return {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
