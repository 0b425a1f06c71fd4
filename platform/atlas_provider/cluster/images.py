"""The images of a node's pods: podman pulls them by digest, and unpacks each once.

Nothing is run by podman. A container's root is an overlay over the folders that podman unpacked an
image's layers into, as it would be with any container runtime.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SECONDS = 1800
_NOISE = re.compile(r"^(Error: |Trying to pull .*|Getting image .*|time=.*)")
_SECRET = re.compile(r"://[^/@\s]+@")


@dataclass(frozen=True)
class UnpackedImage:
    """An image on this machine.

    Attributes:
        digest: of its manifest.
        layers: its folders, the uppermost first.
        variables: its environment.
        user: who its processes are, ``user`` or ``user:group``; empty for root.
        folder: where they start.
        entrypoint: what they run.
        command: its arguments, or what they run where there is no entrypoint.
    """

    digest: str
    layers: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    folder: str = "/"
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> UnpackedImage:
        """Return an image as ``podman image inspect`` tells of it.

        Raises:
            KeyError: it tells nothing of the layers.
        """
        config, data = facts.get("Config") or {}, facts["GraphDriver"]["Data"]
        lower = filter(None, data.get("LowerDir", "").split(":"))
        return cls(
            facts["Digest"],
            (data["UpperDir"], *lower),
            dict(line.partition("=")[::2] for line in config.get("Env") or ()),
            config.get("User") or "",
            config.get("WorkingDir") or "/",
            tuple(config.get("Entrypoint") or ()),
            tuple(config.get("Cmd") or ()),
        )

    def line(self, command: Sequence[str], args: Sequence[str]) -> list[str]:
        """Return what a container runs that has a ``command`` and ``args``, or neither."""
        if command:
            return [*command, *args]
        return [*self.entrypoint, *(args or self.command)]

    def ids(self, context: Mapping[str, Any]) -> tuple[int, int]:
        """Return the user and group of a container, which has a security context.

        Raises:
            ValueError: the image names a user by a word, which only a runtime can look up.
        """
        user, _, group = (self.user or "0").partition(":")
        user, group = ("0" if one == "root" else one for one in (user, group or "0"))
        if not (user.isdigit() and group.isdigit()):
            raise ValueError(f"image has non-numeric user ({self.user}); expected numbers")
        return int(context.get("runAsUser", user)), int(context.get("runAsGroup", group))


@dataclass
class NodeImages:
    """The images of one registry, in a storage of the node's own.

    Attributes:
        program: podman.
        folder: the storage.
        registry: host and port of the registry; images of all others aren't looked at.
        logins: the file with its credentials, as podman and docker have it.
    """

    program: str
    folder: Path
    registry: str
    logins: Path
    _known: dict[str, UnpackedImage] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def has(self, reference: str) -> bool:
        """Tell whether an image is of this registry."""
        return reference.startswith(f"{self.registry}/")

    def get(self, reference: str) -> UnpackedImage:
        """Return an image; pull it where it isn't there.

        Raises:
            OSError: it can't be had; its text is what podman and the registry say.
        """
        with self._lock:
            if reference not in self._known:
                image = self._pulled(reference)
                if "@" not in reference:
                    return image  # A tag may be another image next time.
                self._known[reference] = image
            return self._known[reference]

    def _pulled(self, reference: str) -> UnpackedImage:
        plain = ["--tls-verify=false", f"--authfile={self.logins}", "--quiet"]
        self._podman("pull", *plain, reference)
        try:
            return UnpackedImage.parse(json.loads(self._podman("image", "inspect", reference))[0])
        except (ValueError, KeyError, IndexError) as error:
            raise OSError(f"{reference}: podman tells nothing of its layers") from error

    def _podman(self, *words: str) -> str:
        # Podman refuses one of more than 50 characters; it has locks, which a cell takes with it.
        own = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        place = [f"--root={self.folder}", f"--runroot=/run/atlas-images-{own}"]
        line = [self.program, *place, "--storage-driver=overlay", "--events-backend=none", *words]
        try:
            done = subprocess.run(  # noqa: S603 - podman
                line, capture_output=True, text=True, check=False, timeout=_SECONDS,
                stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OSError(f"{words[-1]}: {error}") from error
        if done.returncode:
            raise OSError(reason_of(done.stderr) or f"podman ended with {done.returncode}")
        return done.stdout


def reason_of(printed: str) -> str:
    """Return the reason that podman printed: its last line, without its own words around it."""
    lines = [_NOISE.sub("", line).strip() for line in printed.splitlines()]
    return _SECRET.sub("://", next(filter(None, reversed(lines)), ""))
