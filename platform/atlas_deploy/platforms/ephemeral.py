"""Ephemeral platforms: bring one up on free ports in a temporary folder, and always take it down.

What keeps that promise is in `atlas_provider.ephemeral`; this is for those who use one: `atlas up
--ephemeral`, and the fixtures of pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from atlas.errors import PlatformError
from atlas.http.credentials import basic, read_secret
from atlas.load.words import nearest
from atlas.uris import uri_of
from atlas_deploy.platforms.lifecycle import service_data
from atlas_provider.ephemeral import STACK, EphemeralFolder, leftovers
from atlas_provider.supervision import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas.processes import ProcessIdentity

_ELSEWHERE = ("ATLAS_BACKEND", "PULUMI_BACKEND_URL", "PULUMI_STACK", "ATLAS_STORE")
"""Variables that would lead out of the platform."""


@dataclass(frozen=True, slots=True)
class EphemeralPlatform:
    """An ephemeral platform that is up, as one of its owners sees it.

    Attributes:
        folder: its folder.
        tie: descriptor of what holds it.
        outputs: its services, as `atlas outputs --json` prints them.
    """

    folder: EphemeralFolder
    tie: int
    outputs: Mapping[str, Any]

    @property
    def state(self) -> Path:
        """The state folder, which ``ATLAS_STATE`` names to commands."""
        return self.folder.state

    @property
    def stack(self) -> str:
        """The platform's stack."""
        return STACK

    @property
    def logs(self) -> Path:
        """The folder of what each service printed."""
        return self.folder.platform / "log"

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables that make a command use this platform, and no other."""
        own = {
            "ATLAS_STATE": str(self.state),
            "ATLAS_STACK": STACK,
            "ATLAS_BACKEND": uri_of(self.state / "pulumi"),
        }
        return {**own, **self.folder.mark("command")}

    @property
    def environment(self) -> dict[str, str]:
        """Return this process's environment with `variables`, for a command that uses it."""
        return {**_without(os.environ), **self.variables}

    def url(self, service: str) -> str:
        """Return a service's address.

        Raises:
            PlatformError: it has no such service.
        """
        return str(self._service(service)["url"])

    def headers(self, service: str) -> dict[str, str]:
        """Return the headers that open a service; none for one without a password."""
        name = self._service(service)["credentials"]
        if not name:
            return {}
        secret = read_secret(self.state / "secrets", name)
        return {"Authorization": basic(secret["username"], secret["password"])}

    def _service(self, name: str) -> Mapping[str, Any]:
        services = self.outputs["services"]
        if name not in services:
            known = ", ".join(sorted(services))
            raise PlatformError(f"ephemeral platform: no service '{name}'; it has {known}")
        return dict(services[name])

    def supervisor(self) -> ProcessIdentity | None:
        """Return its supervisor, as long as that is alive: without it nothing else is."""
        return self.folder.supervisor()

    def close(self) -> None:
        """Let go of it; the last owner waits until all of it is gone.

        Raises:
            PlatformError: something doesn't end.
        """
        if self.folder.leave(self.tie):
            self.folder.take_down()


@contextmanager
def ephemeral(
    services: Sequence[str] = (), seconds: float = 1800.0, output: IO[bytes] | None = None
) -> Iterator[EphemeralPlatform]:
    """Have an ephemeral platform for the length of a block.

    Args:
        services: the services that it has, ``mlflow``, ``airflow``…; all, where none is named.
        seconds: how long it lives at the most.
        output: takes what is printed while it comes up; standard error by default.

    Raises:
        PlatformError: it doesn't come up.
    """
    platform = start(services, seconds, output)
    try:
        yield platform
    finally:
        platform.close()


def start(
    services: Sequence[str], seconds: float, output: IO[bytes] | None = None
) -> EphemeralPlatform:
    """Bring a new one up, which this process owns; see `ephemeral`."""
    _require_known(services)
    collect()
    folder = EphemeralFolder.make(services, seconds)
    try:
        return _started(folder, output)
    except BaseException:
        folder.take_down()
        raise


def _require_known(services: Sequence[str]) -> None:
    """Refuse a service that no platform of this machine has, before anything is made for it."""
    known = sorted(name for name, data in service_data().items() if data.get("listens"))
    unknown = [name for name in services if name not in known]
    if unknown:
        hint = nearest(unknown[0], known)
        raise PlatformError(
            f"ephemeral platform: found the service '{unknown[0]}'; "
            f"expected some of {', '.join(known)}{f' ({hint})' if hint else ''}"
        )


def _started(folder: EphemeralFolder, output: IO[bytes] | None) -> EphemeralPlatform:
    command = [sys.executable, "-m", "atlas_deploy.platforms.bring_up", str(folder.root)]
    own = {"ATLAS_STATE": str(folder.state), **folder.mark("up")}
    ends = folder.ends
    with subprocess.Popen(  # noqa: S603 - this package's own module
        command,
        env={**_without(os.environ), **own},
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=output,
    ) as process:
        try:
            Supervisor(folder.platform).begin()
            tie = folder.join()
            code = process.wait()
        finally:
            process.kill()
    if tie is None or code != 0:
        raise PlatformError(f"ephemeral platform: {_why_not_up(code, time.time() - ends)}")
    return _joined(folder, tie)


def _why_not_up(code: int, late: float) -> str:
    """Return why one isn't up.

    Args:
        code: the exit code of what was to bring it up.
        late: for how many seconds its time has been over; negative as long as it isn't.
    """
    if late >= 0:
        return "its time was over before it was up; give it more (--ttl; of pytest, --atlas-ttl)"
    return f"doesn't come up (exit code {code}); see above"


def join(root: Path) -> EphemeralPlatform | None:
    """Become an owner of one that is up; None where it is gone, or is being taken down."""
    folder = EphemeralFolder(root)
    tie = folder.join()
    return None if tie is None else _joined(folder, tie)


def _joined(folder: EphemeralFolder, tie: int) -> EphemeralPlatform:
    text = (folder.platform / "outputs.json").read_text("utf-8")
    return EphemeralPlatform(folder, tie, json.loads(text))


def _without(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _ELSEWHERE}


def collect(*, dry_run: bool = False) -> list[Path]:
    """Take away what is left of platforms whose owners and supervisors are gone.

    Args:
        dry_run: whether to tell only what would go.

    Returns:
        Their folders.
    """
    left = leftovers()
    for folder in () if dry_run else left:
        with suppress(PlatformError):
            folder.take_down()
    return [folder.root for folder in left]
