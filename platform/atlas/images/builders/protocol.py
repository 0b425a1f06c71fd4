"""What every builder can do: the few things that Atlas needs for a Dockerfile."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIME = 315532800
"""The time of an image and of every file in it: 1980, the first that zip files know."""
LOCAL = "localhost/"
"""What the names of images begin with that are only in the engine."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One build of a Dockerfile.

    Attributes:
        context: the folder that it copies from.
        dockerfile: the Dockerfile.
        name: what the engine is to call the image.
        log: the file that gets all output.
        arguments: build arguments.
        labels: labels and, where the builder can, annotations.
        assembled: whether the Dockerfile only copies: then there is one layer, with fixed times,
            no network and no cache.
    """

    context: Path
    dockerfile: Path
    name: str
    log: Path
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    assembled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the engine knows of an image that it has.

    Attributes:
        identity: its id.
        digest: digest of its manifest where it was pulled from; empty for one built here.
        size: bytes, unpacked.
        variables: its environment.
        user: who its processes run as; empty for root.
        entrypoint: what is put before every command.
    """

    identity: str
    digest: str = ""
    size: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    entrypoint: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """How a registry is reached.

    Attributes:
        folder: folder with a config.json of credentials; None for the user's own.
        plain: whether it speaks http.
    """

    folder: Path | None = None
    plain: bool = False

    @property
    def file(self) -> Path | None:
        """The file of credentials."""
        return self.folder / "config.json" if self.folder else None


class Builder(Protocol):
    """Builds, starts and pushes images. What goes wrong is a `CommandError`."""

    @property
    def name(self) -> str:
        """What it is called: ``podman``."""

    @property
    def version(self) -> str:
        """Its version."""

    def build(self, build: Build) -> None:
        """Build an image."""

    def facts(self, name: str) -> Facts | None:
        """Return what is known of an image; None when the engine hasn't got it."""

    def pull(self, name: str, access: Access, log: Path) -> None:
        """Get an image from its registry."""

    def run(self, name: str, code: str, *, user: str = "") -> str:
        """Run Python code in an image, without network, and return what it printed on stdout."""

    def push(self, name: str, target: str, access: Access, log: Path) -> str:
        """Push an image under another name and return its digest in the registry."""

    def remove(self, name: str) -> None:
        """Forget an image's name; the image goes with its last one."""


def full_name(name: str) -> str:
    """Return an image's name with its registry: ``python`` is docker.io/library/python."""
    first, slash, _ = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def host_of(name: str) -> str:
    """Return the registry's host and port of an image's name."""
    return full_name(name).partition("/")[0]


def is_loopback(host: str) -> bool:
    """Tell whether a registry is on this machine, and so may speak http."""
    return host.partition(":")[0] in ("127.0.0.1", "localhost") or host.startswith("[::1]")
