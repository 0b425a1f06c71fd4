"""One platform for all processes of a test run: who comes first brings it up, others join it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atlas import files, processes
from atlas.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_deploy.platforms.ephemeral import EphemeralPlatform

_NEEDED = ("pulumi", "supervisor", "psutil")


def shared(
    folder: Path, services: Sequence[str], seconds: float, *, is_worker: bool
) -> EphemeralPlatform:
    """Return the platform of a test run: one that is up, or a new one.

    A worker's lives as long as the run: its parent process owns it as well.

    Args:
        folder: the run's folder, the same for all its processes.
        services: the services that it has; all, where it names none.
        seconds: how long it lives at the most.
        is_worker: whether this is a worker of pytest-xdist.
    """
    record = folder / "atlas-platform"
    with files.append(folder / "atlas-platform.lock") as lock:
        files.lock(lock, wait=True)
        joined = _joined(record)
        platform = joined or fresh(folder, services, seconds)
        files.write(record, str(platform.folder.root))
    controller = processes.find(os.getppid()) if is_worker else None
    if controller is not None:
        platform.folder.add_owner(controller)
    return platform


def _joined(record: Path) -> EphemeralPlatform | None:
    """Return the platform whose folder a file names, if it is up."""
    if not record.exists():
        return None
    from atlas_deploy.platforms import ephemeral

    return ephemeral.join(Path(record.read_text("utf-8")))


def fresh(folder: Path, services: Sequence[str], seconds: float) -> EphemeralPlatform:
    """Return a new platform; see `shared`. A failure has what was printed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        pytest.fail(
            f"atlas_platform: {', '.join(missing)} not installed; expected what "
            "`pip install 'atlas-ml[platform]'` brings",
            pytrace=False,
        )
    from atlas_deploy.platforms import ephemeral

    log = folder / "atlas-platform.log"
    try:
        with log.open("wb") as output:
            return ephemeral.start(services, seconds, output)
    except PlatformError as error:
        pytest.fail(f"{error}\n{log.read_text('utf-8', 'replace')}", pytrace=False)
