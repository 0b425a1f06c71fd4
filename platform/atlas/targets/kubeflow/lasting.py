"""Docker's client for kfp.local, whose containers stay until their exit code has been asked for.

kfp.local has the engine remove a container as soon as it ends, and asks for its state after that.
Podman has removed it by then: kfp.local takes that for success, or fails where it asks sooner.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from docker import DockerClient
from docker.models.containers import Container, ContainerCollection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_PATIENCE_SECONDS = 600
_PAUSE_SECONDS = 0.1
_UNDER_WAY = ("created", "initialized", "restarting", "running", "paused", "stopping")


class LastingContainer(Container):  # type: ignore[misc]  # docker has no types
    """A container that is removed once its end is known."""

    def logs(self, **options: Any) -> Any:
        """Return the log; of a stream, whole lines once the container has ended.

        Podman goes on following, for ever, a log whose container ended before it began to. What
        follows a run reads the steps' own logs in the store meanwhile.
        """
        if not options.get("stream"):
            return super().logs(**options)
        self.reload()
        while self.status in _UNDER_WAY:
            time.sleep(_PAUSE_SECONDS)
            self.reload()
        return _lines([super().logs()])

    def wait(self, **options: Any) -> Any:
        """Wait for the end; return what the engine says of it."""
        try:
            return super().wait(**options)
        finally:
            self.remove(v=True, force=True)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return whole lines, however they came in."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace").encode() + b"\n" for line in lines)
    if rest:
        yield rest.decode("utf-8", "replace").encode() + b"\n"


class LastingContainers(ContainerCollection):  # type: ignore[misc]
    """Containers that the engine doesn't remove by itself."""

    model = LastingContainer

    def run(self, image: str, command: Any = None, **options: Any) -> Any:
        """Run a container, and keep it, whatever the caller wishes."""
        return super().run(image, command, **{**options, "auto_remove": False})


class LastingClient(DockerClient):  # type: ignore[misc]
    """Docker's client with such containers, and with patience: a busy engine may take minutes."""

    @classmethod
    def from_env(cls, **options: Any) -> LastingClient:
        """Return a client of the engine that the variables name."""
        client: LastingClient = super().from_env(**{"timeout": _PATIENCE_SECONDS, **options})
        return client

    @property
    def containers(self) -> LastingContainers:
        """The engine's containers."""
        return LastingContainers(client=self)
