"""The engine's Docker API, for programs that speak to nothing else: Docker's own, or Podman's."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import CommandError, PlatformError
from atlas.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.containers.engine import ContainerEngine

HOST = "DOCKER_HOST"
"""Variable that tells Docker's clients where the engine listens."""
_IDLE_SECONDS = 120
"""Podman's service ends by itself after so long without a call, should nobody stop it."""
_PATIENCE, _PAUSE = 20.0, 0.05


@contextmanager
def docker_api(engine: ContainerEngine) -> Iterator[str]:
    """Give the address of an engine's Docker API for as long as it is needed.

    Raises:
        PlatformError: I202, it doesn't come up.
    """
    if os.environ.get(HOST):
        yield os.environ[HOST]
    elif engine.name == "podman":
        with _podman_service(engine) as host:
            yield host
    else:
        yield _docker_host(engine)


def _docker_host(engine: ContainerEngine) -> str:
    """Return where the client's current context says that Docker listens."""
    try:
        endpoint = engine.call("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    except CommandError:
        return "unix:///var/run/docker.sock"
    return endpoint.strip()


@contextmanager
def _podman_service(engine: ContainerEngine) -> Iterator[str]:
    """Run Podman's service on a socket that only the caller can reach."""
    # A socket's path may have 107 bytes, which a state folder's easily exceeds.
    with tempfile.TemporaryDirectory(prefix="atlas-", dir="/tmp") as folder:
        path = Path(folder) / "podman.sock"
        host = f"unix://{path}"
        command = engine.command("system", "service", f"--time={_IDLE_SECONDS}", host)
        process = subprocess.Popen(  # noqa: S603 - a list, no shell
            command,
            env=engine.variables(),
            cwd=engine.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(process, path)
            yield host
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], path: Path) -> None:
    """Wait until the service takes connections.

    Raises:
        PlatformError: I202, it has ended, or takes too long.
    """

    def is_over() -> bool:
        return process.poll() is not None or _accepts(path)

    if wait_until(is_over, _PATIENCE, _PAUSE) and process.poll() is None:
        return
    raise PlatformError(
        "podman's service doesn't come up; `podman system service` says why", code="I202"
    )


def _accepts(path: Path) -> bool:
    """Tell whether something takes connections at a socket's path."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True
