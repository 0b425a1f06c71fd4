"""The models of a PATH, with their store and their registry."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.plan import Plan
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class OpenedModels:
    """The models of a PATH in an Environment.

    Attributes:
        plans: the training Plan of each pipeline that makes a model.
        store: the artifact store.
        registry: MLflow's where the platform has one, else the store's own.
    """

    plans: tuple[Plan, ...]
    store: Store
    registry: ModelRegistry


@contextmanager
def opened(path: Path, env: str) -> Iterator[OpenedModels]:
    """Open the models of a PATH, for as long as the context lasts.

    Raises:
        AtlasError: no pipeline there makes a model.
        PlatformError: a service that the Environment names doesn't answer.
    """
    from atlas.errors import AtlasError, PlatformError
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.plan import resolve
    from atlas.runner.process_environment import process_environment
    from atlas.step.versions import registry
    from atlas.store import open_store

    every = (pipeline.plans.get("training") for pipeline in resolve(path, environment=env))
    plans = tuple(plan for plan in every if plan is not None and plan.model and plan.model.parts)
    if not plans:
        raise AtlasError(
            f"{path}: no pipeline there makes a model; expected model.from in a Config"
        )
    project = project_at(path)
    with process_environment(project, load_environment(project, env)) as process:
        if process.missing:
            raise PlatformError(process.missing[0])
        store = open_store(os.environ["ATLAS_STORE"])
        yield OpenedModels(plans, store, registry(store))
