"""Buildah as a builder: on machines that build images and run none."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.containers.engine import called
from atlas.containers.settings import environment
from atlas.errors import CommandError
from atlas.images.builders.inspected import entrypoint, variables
from atlas.images.builders.podman import access_options, build_options
from atlas.images.builders.process import logged
from atlas.images.builders.protocol import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.images.builders.protocol import Access, Build


class Buildah:
    """Builds with buildah."""

    name = "buildah"

    def __init__(self, program: str, settings: Mapping[str, str]) -> None:
        """Use a program, with the variables that it needs on this machine."""
        self._program = program
        self._environment = {**os.environ, **settings}
        info = json.loads(self._call("version", "--json"))
        self.version = str(info.get("version", ""))
        self._call("info")

    @classmethod
    def find(cls, state: Path) -> Buildah | None:
        """Return the builder if buildah is there and its storage works."""
        program = shutil.which("buildah")
        try:
            return cls(program, environment(state)) if program else None
        except (CommandError, ValueError):
            return None

    def build(self, build: Build) -> None:
        """Build an image."""
        self._logged(build.log, "build", *build_options(build), str(build.context))

    def facts(self, name: str) -> Facts | None:
        """Return what is known of an image; None when buildah hasn't got it."""
        try:
            raw: dict[str, Any] = json.loads(self._call("inspect", "--type=image", name))
        except (CommandError, ValueError):
            return None
        config = (raw.get("OCIv1") or {}).get("config") or {}
        return Facts(
            identity=raw.get("FromImageID", ""),
            digest=raw.get("FromImageDigest", ""),
            size=self._size(raw.get("FromImageID", "")),
            variables=variables(config.get("Env")),
            user=config.get("User", ""),
            entrypoint=entrypoint(config.get("Entrypoint")),
        )

    def pull(self, name: str, access: Access, log: Path) -> None:
        """Get an image from its registry."""
        self._logged(log, "pull", *access_options(access), name)

    def run(self, name: str, code: str, *, user: str = "") -> str:
        """Run Python code in an image, without network, and return what it printed on stdout."""
        with self._container(name) as container:
            who = (f"--user={user}",) if user else ()
            command = ("run", "--network=none", *who, container, "--", "python", "-c", code)
            return self._call(*command)

    def push(self, name: str, target: str, access: Access, log: Path) -> str:
        """Push an image under another name and return its digest in the registry."""
        with tempfile.TemporaryDirectory(prefix="atlas-push-") as folder:
            digest = Path(folder) / "digest"
            options = (*access_options(access), f"--digestfile={digest}")
            self._logged(log, "push", *options, name, f"docker://{target}")
            return digest.read_text().strip()

    def remove(self, name: str) -> None:
        """Forget an image's name; the image goes with its last one."""
        self._call("rmi", name)

    @contextlib.contextmanager
    def _container(self, name: str) -> Iterator[str]:
        """Make a working container of an image, and remove it."""
        container = self._call("from", "--pull-never", name).strip()
        try:
            yield container
        finally:
            with contextlib.suppress(CommandError):
                self._call("rm", container)

    def _size(self, identity: str) -> int:
        """Return an image's size as buildah's listing rounds it: it has no other."""
        try:
            listed = json.loads(self._call("images", "--json"))
        except (CommandError, ValueError):
            return 0
        sizes = (image.get("size", "") for image in listed if image.get("id") == identity)
        return _bytes(next(sizes, ""))

    def _call(self, *arguments: str) -> str:
        command = [self._program, *arguments]
        return called(command, f"buildah {arguments[0]}", self._environment, 600)

    def _logged(self, log: Path, *arguments: str) -> None:
        logged([self._program, *arguments], log, self._environment)


def _bytes(shown: str) -> int:
    """Return a size such as ``45.2 MB`` in bytes."""
    number, _, unit = shown.partition(" ")
    factors = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
    try:
        return int(float(number) * factors[unit])
    except (ValueError, KeyError):
        return 0
