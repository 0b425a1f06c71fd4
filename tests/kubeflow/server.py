"""A real Kubeflow Pipelines for tests, in namespaces of its own (`atlas_provider.cluster.apart`).

Around a control plane (`tests.cluster.control_plane`) run its database, its store for artifacts, and
its API server: enough for everything but runs. These take a platform (`tests.kubeflow.running`).
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from atlas_provider.cluster import mariadb, objects
from atlas_provider.cluster.apart import INSIDE
from atlas_toolchain import cluster_tests, kubeflow_programs, kubeflow_source
from infra.local import kubeflow_parts
from infra.local.kubeflow_parts import DATABASE, NAMESPACE, REGION
from tests.cluster.control_plane import ControlPlane, control_plane
from tests.tether import tied

URL = "http://127.0.0.1:8888"
STORAGE = "http://127.0.0.1:9000"
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
            TAG_NAME=kubeflow_programs.release(),
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
    missing = [name for name in programs if kubeflow_programs.find(name) is None]
    if (
        missing
        and kubeflow_programs.release() == kubeflow_programs.PIPELINES
        and "kfp-driver" in missing
    ):
        pytest.skip(
            f"no newer Kubeflow Pipelines than {kubeflow_programs.PIPELINES}, which can't run Atlas's "
            f"packages: {kubeflow_source.VARIABLE} names a checkout of one (docs/kubeflow.md)"
        )
    if missing:
        pytest.skip(f"no {', '.join(missing)}: the make target of these tests builds it, with Go")


def program_of(name: str) -> Path:
    """Return a program of Kubeflow's, which is there."""
    found = kubeflow_programs.find(name)
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
    program = kubeflow_programs.mariadb()
    if program is None:
        pytest.skip(
            "no MariaDB here; `make test-kubeflow-api` gets it where Debian's packages may be"
        )
    data, own = server.folder / "mariadb", Path("/run/mariadb.sock")
    mariadb.make(program, data, server.credentials.user, server.credentials.password)
    server.start("mariadb", [str(program), *mariadb.serving(data, own, DATABASE)])
    server.wait("mariadb", own.exists)


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
    objects.define(server.plane, kubeflow_programs.definitions())
    objects.make_namespace(server.plane, NAMESPACE)
    objects.write_accounts(server.plane, NAMESPACE)


def _configure(server: KubeflowServer) -> None:
    """Write what the API server reads."""
    own = server.credentials
    text = kubeflow_parts.pipelines_config(own.user, own.password)
    (server.folder / "config.json").write_text(text)
    (server.folder / "samples.json").write_text("[]")
