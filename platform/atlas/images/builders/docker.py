"""Docker as a builder, through buildx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.containers import find_engine
from atlas.errors import CommandError
from atlas.images.builders.inspected import inspect
from atlas.images.builders.process import logged
from atlas.images.builders.protocol import TIME

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.containers import ContainerEngine
    from atlas.images.builders.protocol import Access, Build, Facts


class Docker:
    """Builds with docker buildx, in the engine's own builder: it sees the engine's images."""

    name = "docker"

    def __init__(self, engine: ContainerEngine) -> None:
        """Use an engine that has answered."""
        self.engine = engine
        self.version = engine.version

    @classmethod
    def find(cls, state: Path) -> Docker | None:
        """Return the builder if the engine answers and buildx is there."""
        engine = find_engine(state, "docker")
        try:
            if engine is None or not engine.call("buildx", "version", timeout=20):
                return None
        except CommandError:
            return None
        return cls(engine)

    def build(self, build: Build) -> None:
        """Build an image."""
        self._logged(build.log, "buildx", "build", *_options(build), str(build.context))

    def facts(self, name: str) -> Facts | None:
        """Return what is known of an image; None when the engine hasn't got it."""
        return inspect(self.engine, name)

    def pull(self, name: str, access: Access, log: Path) -> None:
        """Get an image from its registry."""
        self._logged(log, *_config(access), "pull", name)

    def run(self, name: str, code: str, *, user: str = "") -> str:
        """Run Python code in an image, without network, and return what it printed on stdout."""
        who = ("--user", user) if user else ()
        options = ("--rm", "--network=none", "--pull=never", "--entrypoint=python", *who)
        return self.engine.call("run", *options, name, "-c", code, timeout=300)

    def push(self, name: str, target: str, access: Access, log: Path) -> str:
        """Push an image under another name and return its digest in the registry."""
        self.engine.call("tag", name, target)
        try:
            self._logged(log, *_config(access), "push", target)
            return self._digest(target)
        finally:
            self.engine.call("rmi", target)

    def remove(self, name: str) -> None:
        """Forget an image's name; the image goes with its last one."""
        self.engine.call("rmi", name, timeout=120)

    def _digest(self, target: str) -> str:
        """Return the digest that the engine noted when it pushed."""
        shown = self.engine.call("image", "inspect", '--format={{join .RepoDigests "\\n"}}', target)
        repository = target.rpartition(":")[0]
        references = (line.partition("@") for line in shown.splitlines())
        return next((digest for name, _, digest in references if name == repository), "")

    def _logged(self, log: Path, *arguments: str) -> None:
        command = self.engine.command(*arguments)
        logged(command, log, self.engine.variables(), self.engine.folder)


def _options(build: Build) -> list[str]:
    options = [
        "--builder=default", "--load", "--provenance=false", "--progress=plain",
        f"--tag={build.name}", f"--file={build.dockerfile}",
        f"--build-arg=SOURCE_DATE_EPOCH={TIME}",
    ]  # fmt: skip
    options += ["--network=none"] if build.assembled else []
    options += [f"--build-arg={key}={value}" for key, value in sorted(build.arguments.items())]
    return options + [f"--label={key}={value}" for key, value in sorted(build.labels.items())]


def _config(access: Access) -> list[str]:
    return [f"--config={access.folder}"] if access.folder else []
