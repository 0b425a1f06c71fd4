"""Podman as a builder, and what it shares with Buildah: both build with the same library."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.containers import find_engine
from atlas.images.builders.inspected import inspect
from atlas.images.builders.process import logged
from atlas.images.builders.protocol import TIME

if TYPE_CHECKING:
    from atlas.containers import ContainerEngine
    from atlas.images.builders.protocol import Access, Build, Facts

_ASSEMBLED = (
    "--layers=false", "--no-cache", "--network=none", "--pull=never",
)  # fmt: skip


class Podman:
    """Builds with podman."""

    name = "podman"

    def __init__(self, engine: ContainerEngine) -> None:
        """Use an engine that has answered."""
        self.engine = engine
        self.version = engine.version

    @classmethod
    def find(cls, state: Path) -> Podman | None:
        """Return the builder if podman answers."""
        engine = find_engine(state, "podman")
        return cls(engine) if engine else None

    def build(self, build: Build) -> None:
        """Build an image."""
        self._logged(build.log, "build", *build_options(build), str(build.context))

    def facts(self, name: str) -> Facts | None:
        """Return what is known of an image; None when podman hasn't got it."""
        return inspect(self.engine, name)

    def pull(self, name: str, access: Access, log: Path) -> None:
        """Get an image from its registry."""
        self._logged(log, "pull", *access_options(access), name)

    def run(self, name: str, code: str, *, user: str = "") -> str:
        """Run Python code in an image, without network, and return what it printed on stdout."""
        who = ("--user", user) if user else ()
        options = ("--rm", "--network=none", "--pull=never", "--entrypoint=python", *who)
        return self.engine.call("run", *options, name, "-c", code, timeout=300)

    def push(self, name: str, target: str, access: Access, log: Path) -> str:
        """Push an image under another name and return its digest in the registry."""
        with tempfile.TemporaryDirectory(prefix="atlas-push-") as folder:
            digest = Path(folder) / "digest"
            options = (*access_options(access), f"--digestfile={digest}")
            self._logged(log, "push", *options, name, f"docker://{target}")
            return digest.read_text().strip()

    def remove(self, name: str) -> None:
        """Forget an image's name; the image goes with its last one."""
        self.engine.call("rmi", name, timeout=120)

    def _logged(self, log: Path, *arguments: str) -> None:
        command = self.engine.command(*arguments)
        logged(command, log, self.engine.variables(), self.engine.folder)


def build_options(build: Build) -> list[str]:
    """Return the options of a build, for podman and buildah."""
    options = [
        f"--timestamp={TIME}",
        "--format=oci",
        f"--tag={build.name}",
        f"--file={build.dockerfile}",
    ]
    options += _ASSEMBLED if build.assembled else ("--layers", "--pull=missing")
    options += [f"--build-arg={key}={value}" for key, value in sorted(build.arguments.items())]
    for key, value in sorted(build.labels.items()):
        options += [f"--label={key}={value}", f"--annotation={key}={value}"]
    return options


def access_options(access: Access) -> list[str]:
    """Return the options with which a registry is reached, for podman and buildah."""
    options = ["--tls-verify=false"] if access.plain else []
    return [*options, f"--authfile={access.file}"] if access.file else options
