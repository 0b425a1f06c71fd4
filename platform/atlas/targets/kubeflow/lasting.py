"""Docker's client for kfp.local, whose containers stay until their exit code has been asked for.

kfp.local has the engine remove a container as soon as it ends, and asks for its state after that.
Podman has removed it by then: kfp.local takes that for success, or fails where it asks sooner.
"""

from __future__ import annotations

from typing import Any

from docker import DockerClient
from docker.models.containers import Container, ContainerCollection


class LastingContainer(Container):  # type: ignore[misc]  # docker has no types
    """A container that is removed once its end is known."""

    def wait(self, **options: Any) -> Any:
        """Wait for the end; return what the engine says of it."""
        try:
            return super().wait(**options)
        finally:
            self.remove(v=True, force=True)


class LastingContainers(ContainerCollection):  # type: ignore[misc]
    """Containers that the engine doesn't remove by itself."""

    model = LastingContainer

    def run(self, image: str, command: Any = None, **options: Any) -> Any:
        """Run a container, and keep it, whatever the caller wishes."""
        return super().run(image, command, **{**options, "auto_remove": False})


class LastingClient(DockerClient):  # type: ignore[misc]
    """Docker's client with such containers."""

    @property
    def containers(self) -> LastingContainers:
        """The engine's containers."""
        return LastingContainers(client=self)
