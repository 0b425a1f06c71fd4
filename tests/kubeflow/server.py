"""A real Kubeflow Pipelines for tests, in namespaces of its own (`tests.kubeflow.apart`).

Around a control plane (`tests.cluster.control_plane`) run its database, its store for artifacts, and
its API server: enough for everything but runs. For these there are Argo's controller, the agent that
reports, the controller of schedules, the metadata store, and a node whose pods are processes.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml

from atlas_toolchain import cluster_tests, kubeflow_source, kubeflow_tests
from tests.cluster.control_plane import ControlPlane, control_plane
from tests.kubeflow import database
from tests.kubeflow.apart import INSIDE
from tests.tether import tied

NAMESPACE = "kubeflow"
BUCKET, REGION = "mlpipeline", "minio"
URL = "http://127.0.0.1:8888"
STORAGE = "http://127.0.0.1:9000"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
AGENT = Path("/var/run/secrets/kubeflow/tokens")
SECONDS = 180
"""How long a part may take until it answers, on a machine that does much else."""


@dataclass(frozen=True)
class Credentials:
    """What opens the store for artifacts, made for one run of the tests."""

    user: str = "atlas"
    password: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass
class KubeflowServer:
    """A Kubeflow Pipelines that answers.

    Attributes:
        folder: where all of it is.
        plane: the Kubernetes that it is in.
        credentials: what opens its store for artifacts.
        stack: stops what is started, the last first.
        processes: what runs, by name.
        url: its API server's address.
    """

    folder: Path
    plane: ControlPlane
    credentials: Credentials
    stack: ExitStack
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    url: str = URL

    def start(
        self, name: str, command: Sequence[str], *, folder: Path | None = None, **env: str
    ) -> None:
        """Start a part, which ends with this process."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                tied([*command]),
                cwd=folder or self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **account_variables(self.plane), **env},
                start_new_session=True,
            )
        self.processes[name] = process
        self.stack.callback(stop, process)

    def kill(self, name: str) -> None:
        """Kill a part as power would be cut."""
        stop(self.processes.pop(name))

    def start_api(self) -> None:
        """Start the API server; what it had is in its database."""
        program = str(program_of("kfp-apiserver"))
        flags = [f"-config={self.folder}", f"-sampleconfig={self.folder / 'samples.json'}"]
        self.start(
            "kfp-apiserver",
            [program, *flags, "-logtostderr"],
            POD_NAMESPACE=NAMESPACE,
            TAG_NAME=kubeflow_tests.release(),
            ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_HOST="127.0.0.1",
            ML_PIPELINE_VISUALIZATIONSERVER_SERVICE_PORT="8889",
            V2_DRIVER_IMAGE="kfp-driver",
            V2_LAUNCHER_IMAGE="kfp-launcher",
        )
        self.wait("kfp-apiserver", lambda: answers(f"{URL}/apis/v2beta1/pipelines"))

    def wait(self, name: str, done: Callable[[], bool]) -> None:
        """Wait until a part does something.

        Raises:
            RuntimeError: it has ended, or takes too long.
        """
        end = time.monotonic() + SECONDS
        process = self.processes[name]
        while process.poll() is None and time.monotonic() < end:
            if done():
                return
            time.sleep(0.05)
        log = (self.folder / f"{name}.log").read_text(errors="replace")
        raise RuntimeError(f"{name}: exit code {process.poll()}: {log[-3000:]}")


@contextmanager
def kubeflow_server(folder: Path) -> Iterator[KubeflowServer]:
    """Run the API of a Kubeflow Pipelines; skip the test where its programs aren't.

    Args:
        folder: keeps everything; its owner removes it.
    """
    require("kfp-apiserver")
    with ExitStack() as stack:
        plane = stack.enter_context(control_plane(folder / "plane"))
        server = KubeflowServer(folder, plane, Credentials(), stack)
        for part in (_database, _storage, _kubernetes):
            part(server)  # In this thread: what it starts ends with the thread.
        _configure(server)
        server.start_api()
        yield server


def require(*programs: str) -> None:
    """Skip the test where it isn't alone, or where programs aren't there."""
    if INSIDE not in os.environ:
        pytest.skip("needs namespaces of its own: `make test-kubeflow-api` gives it these")
    missing = [name for name in programs if kubeflow_tests.find(name) is None]
    if missing and kubeflow_tests.release() == kubeflow_tests.PIPELINES and "kfp-driver" in missing:
        pytest.skip(
            f"no newer Kubeflow Pipelines than {kubeflow_tests.PIPELINES}, which can't run Atlas's "
            f"packages: {kubeflow_source.VARIABLE} names a checkout of one (docs/kubeflow.md)"
        )
    if missing:
        pytest.skip(f"no {', '.join(missing)}: the make target of these tests builds it, with Go")


def program_of(name: str) -> Path:
    """Return a program of Kubeflow's, which is there."""
    found = kubeflow_tests.find(name)
    assert found is not None, name
    return found


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a part: some of them take no notice of a first request."""
    process.kill()
    process.wait(60)


def answers(url: str) -> bool:
    """Tell whether something answers at an address, other than that it can't."""
    try:
        urlopen(url, timeout=10).close()
    except HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


def accepts(address: str) -> bool:
    """Tell whether something accepts connections at an address."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 10).close()
    except OSError:
        return False
    return True


def account_variables(plane: ControlPlane) -> Mapping[str, str]:
    """Return what tells a program that it is in a pod of this Kubernetes."""
    host, port = plane.url.removeprefix("https://").split(":")
    return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}


def _database(server: KubeflowServer) -> None:
    """Start MariaDB in a folder of its own."""
    program = kubeflow_tests.mariadb()
    if program is None:
        pytest.skip(
            "no MariaDB here; `make test-kubeflow-api` gets it where Debian's packages may be"
        )
    data, own = server.folder / "mariadb", "/run/mariadb.sock"
    database.make(program, data, server.credentials.user, server.credentials.password)
    where = ["--bind-address=127.0.0.1", "--port=3306", f"--socket={own}", "--skip-name-resolve"]
    server.start("mariadb", [str(program), *database.flags(data), *where])
    server.wait("mariadb", lambda: Path(own).exists())


def _storage(server: KubeflowServer) -> None:
    """Start the store for artifacts."""
    program = cluster_tests.find("versitygw")
    if program is None:
        pytest.skip("no versitygw: `make test-kubeflow-api` builds it with Go >= 1.26")
    data = server.folder / "s3"
    data.mkdir()
    server.start(
        "versitygw",
        [str(program), "--port=127.0.0.1:9000", f"--region={REGION}", "--health=/health",
         "posix", str(data)],
        ROOT_ACCESS_KEY=server.credentials.user,
        ROOT_SECRET_KEY=server.credentials.password,
    )  # fmt: skip
    server.wait("versitygw", lambda: answers(f"{STORAGE}/health"))


def _kubernetes(server: KubeflowServer) -> None:
    """Tell Kubernetes what Kubeflow's own manifests tell it, and this machine of the account."""
    plane = server.plane
    for path in kubeflow_tests.definitions():
        definition = yaml.safe_load(path.read_text("utf-8"))
        plane.ask("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    plane.ask("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    ACCOUNT.mkdir(parents=True)
    AGENT.mkdir(parents=True)
    (ACCOUNT / "token").write_text(plane.token)
    (ACCOUNT / "namespace").write_text(NAMESPACE)
    (ACCOUNT / "ca.crt").write_bytes(plane.authority.read_bytes())
    (AGENT / "persistenceagent-sa-token").write_text(plane.token)
    for name in ("workflows.argoproj.io", "scheduledworkflows.kubeflow.org"):
        _established(plane, name)


def _established(plane: ControlPlane, name: str) -> None:
    """Wait until Kubernetes serves a custom resource."""
    end = time.monotonic() + SECONDS
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    while time.monotonic() < end:
        with suppress(OSError):
            conditions = plane.ask(path).get("status", {}).get("conditions") or []
            if any((one["type"], one["status"]) == ("Established", "True") for one in conditions):
                return
        time.sleep(0.05)
    raise RuntimeError(f"{name}: isn't served after {SECONDS} s")


def _configure(server: KubeflowServer) -> None:
    """Write what the API server reads."""
    tables = {"User": server.credentials.user, "Password": server.credentials.password, "Host": "127.0.0.1", "Port": "3306",
                "DBName": "mlpipeline", "GroupConcatMaxLen": "4194304"}  # fmt: skip
    config: dict[str, Any] = {
        "DBConfig": {"MySQLConfig": tables, "ConMaxLifeTime": "120s"},
        "DBDriverName": "mysql",
        "ObjectStoreConfig": {
            "Host": "127.0.0.1", "Port": "9000", "Region": REGION, "Secure": "false",
            "AccessKey": server.credentials.user, "SecretAccessKey": server.credentials.password,
            "BucketName": BUCKET, "PipelinePath": "pipelines",
        },
        "ARCHIVE_CONFIG_LOG_FILE_NAME": "main.log",
        "ARCHIVE_CONFIG_LOG_PATH_PREFIX": "/artifacts",
        "InitConnectionTimeout": "60s",
        "DEFAULTPIPELINERUNNERSERVICEACCOUNT": "pipeline-runner",
        "CacheEnabled": "true",
        "CRON_SCHEDULE_TIMEZONE": "UTC",
        "ClientQPS": "50", "ClientBurst": "100",
    }  # fmt: skip
    (server.folder / "config.json").write_text(json.dumps(config))
    (server.folder / "samples.json").write_text("[]")
