"""The store and the registry of a project, for as long as artifacts of it are read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.environment import Project
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class OpenedArtifacts:
    """Where artifacts are.

    Attributes:
        project: whose they are.
        store: where they are.
        registry: of model versions.
        stores: URLs of further stores that the Environment lets models be read from.
    """

    project: Project
    store: Store
    registry: ModelRegistry
    stores: tuple[str, ...] = ()


@contextmanager
def opened(project: Path, env: str) -> Iterator[OpenedArtifacts]:
    """Open the store and the registry of a project, for as long as the context lasts.

    Raises:
        PlatformError: a service that the Environment names doesn't answer.
        DocumentError: there is no such Environment.
    """
    from atlas.errors import PlatformError
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment
    from atlas.step.versions import registry

    found = project_at(project)
    environment = load_environment(found, env)
    with process_environment(found, environment) as process:
        if process.missing:
            raise PlatformError(process.missing[0])
        yield OpenedArtifacts(found, process.store, registry(process.store), environment.stores)
