"""`python -m atlas.containers.serve SOCKET [REGISTRY]`: podman's service, with Docker's API.

It gets the settings that podman takes on this machine, and that a registry of this machine speaks
plain HTTP, which Docker assumes of any on loopback.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files
from atlas.containers import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRIES = "CONTAINERS_REGISTRIES_CONF"


def serving(socket: Path, registry: str, state: Path) -> tuple[list[str], Mapping[str, str]]:
    """Return the command of the service and the variables to start it with.

    Args:
        socket: where it will listen; its folder gets a file of settings.
        registry: host and port of a registry without TLS; empty for none.
        state: the state folder.
    """
    more = settings.environment(state)
    if registry and not os.environ.get(REGISTRIES):
        file = socket.with_name("registries.conf")
        files.write(file, f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
        more = {**more, REGISTRIES: str(file)}
    return ["podman", "system", "service", "--time=0", f"unix://{socket}"], more


def main(socket: str, registry: str = "") -> None:
    """Become podman's service."""
    place = Path(socket)
    # One that was killed leaves its socket behind.
    place.unlink(missing_ok=True)
    command, more = serving(place, registry, Path(os.environ.get("ATLAS_STATE") or ".atlas"))
    os.execvpe(command[0], command, {**os.environ, **more})  # noqa: S606 - a list, no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
