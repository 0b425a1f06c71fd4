"""Collecting garbage in a registry of this machine: layers that no image has any more."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from atlas.containers.engine import called
from atlas.errors import CommandError, PlatformError

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAMS = ("docker-registry", "registry")
_PATIENCE = 600.0


def collect_garbage(config: Path, environment: dict[str, str]) -> bool:
    """Free the space of layers that no image has; nothing may be pushed meanwhile.

    Args:
        config: the registry's configuration.
        environment: variables to run it with.

    Returns:
        Whether that was possible: only where the registry and its program are on this machine.

    Raises:
        PlatformError: I206, the program failed.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None or not config.is_file():
        return False
    command = [program, "garbage-collect", str(config)]
    try:
        called(command, "registry garbage-collect", environment, _PATIENCE)
    except CommandError as error:
        raise PlatformError(f"{error}", code="I206") from None
    return True
