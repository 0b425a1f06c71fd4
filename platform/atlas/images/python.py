"""The Python of an image: asked from the image itself, once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import CommandError, DeployError
from atlas.images.base import LOWEST

if TYPE_CHECKING:
    from atlas.images.builders import Builder

_ASK = """
import json, os, platform, sys
print(json.dumps({
    "version": platform.python_version(),
    "executable": os.path.realpath(sys.executable),
    "machine": platform.machine(),
    "libc": list(platform.libc_ver()),
}))
"""
_GLIBC = (17, 28, *range(31, 41))
"""The minor versions of glibc 2 that uv knows as manylinux platforms."""


@dataclass(frozen=True, slots=True)
class ImagePython:
    """What has to be known of an image's Python to put packages beside it.

    Attributes:
        version: ``3.11.2``.
        executable: its path in the image.
        machine: ``x86_64``, ``aarch64``.
        libc: ``glibc`` and its version; empty for another one (musl).
    """

    version: str
    executable: str
    machine: str
    libc: tuple[str, str] = ("", "")

    @property
    def minor(self) -> str:
        """Its version without the last number, ``3.11``."""
        return ".".join(self.version.split(".")[:2])

    @property
    def platform(self) -> str:
        """The platform whose wheels it takes, as uv names it."""
        name, version = self.libc
        if name != "glibc":
            return f"{self.machine}-unknown-linux-musl"
        minor = int(version.split(".")[1])
        fitting = [known for known in _GLIBC if known <= minor]
        return f"{self.machine}-manylinux_2_{max(fitting, default=_GLIBC[0])}"


def python_in(builder: Builder, name: str, shown: str) -> ImagePython:
    """Ask an image for its Python.

    Args:
        builder: what has the image.
        name: the image's name.
        shown: what the user calls it.

    Raises:
        DeployError: I203, it has no Python that will do.
    """
    try:
        raw = json.loads(builder.run(name, _ASK).strip().splitlines()[-1])
    except (CommandError, ValueError, IndexError) as error:
        message = f"{shown}: no `python` starts in it: {error}"
        hint = f"take a base with Python {LOWEST} or newer"
        raise DeployError(f"{message}; {hint}", code="I203") from None
    python = ImagePython(**{**raw, "libc": tuple(raw["libc"])})
    if _numbers(python.version) < _numbers(LOWEST):
        raise DeployError(
            f"{shown}: has Python {python.version}; expected {LOWEST} or newer", code="I203"
        )
    return python


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
