"""One platform for all tests of the session: brought up when the first asks, taken down at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from atlas.http.credentials import basic
from atlas.processes import ProcessIdentity
from atlas.waiting import wait_while
from atlas_deploy.platforms.ephemeral import ephemeral
from atlas_provider import ports, process_trees
from atlas_provider.supervision import Supervisor
from tests.yard import Yard

Result = subprocess.CompletedProcess[str]
_SECONDS = 600
_LIFE_SECONDS = 3 * 3600


@dataclass(frozen=True)
class Atlas:
    """The `atlas` command on one state folder.

    Attributes:
        state: the state folder.
    """

    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that the command is run with."""
        return {**os.environ, "ATLAS_STATE": str(self.state)}

    def command(self, *words: str | Path) -> list[str]:
        """Return a command line of `atlas`."""
        return [sys.executable, "-m", "atlas_cli", *map(str, words)]

    def run(self, *words: str | Path, cwd: Path | None = None, code: int = 0) -> Result:
        """Run `atlas`, and hold it to an exit code."""
        done = subprocess.run(
            self.command(*words),
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        said = f"{done.stdout[-3000:]}\n{done.stderr}"
        assert done.returncode == code, f"{words}: exited {done.returncode}\n{said}"
        return done

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start `atlas` in a session of its own, as a shell would, so that it can be interrupted."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                self.command(*words),
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    def kill(self, service: str) -> None:
        """Kill a process of the platform; wait until it is seen, for a signal takes some time."""
        supervisor = Supervisor(self.state / "platform" / "local")
        pid = supervisor.pid(service)
        assert pid is not None, f"{service} doesn't run"
        os.kill(pid, signal.SIGKILL)
        assert wait_while(lambda: supervisor.pid(service), 60, 0.1) is None

    def processes(self, stack: str = "local") -> set[ProcessIdentity]:
        """Return the processes of a platform."""
        return process_trees.marked_below(str(self.state / "platform" / stack))

    def engines(self) -> set[int]:
        """Return the pids of engines and providers that work on this state folder."""
        wanted = f"ATLAS_STATE={self.state}".encode()
        names = (b"pulumi", b"pulumi-resource")
        return {
            pid
            for pid in process_trees.pids()
            if wanted in _read(pid, "environ").split(b"\0")
            and _read(pid, "comm").strip().startswith(names)
        }


@dataclass(frozen=True)
class Platform(Atlas):
    """A platform that is up.

    Attributes:
        outputs: what it offers, as `atlas up --json` printed it.
    """

    outputs: Mapping[str, Any]

    def url(self, service: str) -> str:
        """Return a service's address."""
        return str(self.outputs["services"][service]["url"])

    def opens(self, service: str) -> dict[str, str]:
        """Return the header that opens a service."""
        name = self.outputs["services"][service]["credentials"]
        secret = json.loads((self.state / "secrets" / f"{name}.json").read_text())
        return {"Authorization": basic(secret["username"], secret["password"])}


def _read(pid: int, name: str) -> bytes:
    """Return a file of a process's folder in /proc; nothing when the process is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Return the session's platform; at the end nothing of it may be left."""
    with ephemeral(seconds=_LIFE_SECONDS) as up:
        yield Platform(up.state, up.outputs)
    assert_nothing_left(Atlas(up.state), up.outputs)
    assert not up.folder.root.exists()


@pytest.fixture
def atlas() -> Iterator[Atlas]:
    """Return `atlas` on a state folder of its own, where nothing is up."""
    with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
        command = Atlas(Path(folder) / "state")
        yield command
        command.run("down")


def assert_nothing_left(atlas: Atlas, outputs: Mapping[str, Any]) -> None:
    """Hold a platform that was taken down to having left no process and no port."""
    assert atlas.processes() == set()
    assert wait_while(atlas.engines, 60, 0.1) == set()
    urls = [service["url"] for service in outputs["services"].values()]
    listening = [url for url in urls if url.startswith("http") and _listens(url)]
    assert listening == []
    assert not (atlas.state / "platform" / "local" / "supervisord.sock").exists()


def _listens(url: str) -> bool:
    """Tell whether something listens at an address."""
    return ports.is_listening(int(url.rsplit(":", maxsplit=1)[1]), 0.5)


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Return the session's storage of images, base image and registry."""
    opened = Yard.open(tmp_path_factory.mktemp("yard"))
    yield opened
    opened.close()
