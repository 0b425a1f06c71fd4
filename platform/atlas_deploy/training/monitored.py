"""The monitored pipelines of a PATH, with their store and their registry."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.monitor.spec import MonitoredPipeline
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class OpenedMonitors:
    """The monitored pipelines of a PATH in an Environment.

    Attributes:
        pipelines: the pipelines, each with its rule.
        store: the artifact store.
        registry: MLflow's where the platform has one, else the store's own.
    """

    pipelines: tuple[MonitoredPipeline, ...]
    store: Store
    registry: ModelRegistry


@contextmanager
def opened_monitors(path: Path, env: str) -> Iterator[OpenedMonitors]:
    """Open the monitored pipelines of a PATH, for as long as the context lasts.

    Raises:
        AtlasError: no pipeline there is monitored.
        PlatformError: a service that the Environment names doesn't answer.
    """
    from atlas.errors import AtlasError, PlatformError
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.monitor.spec import monitored_pipelines
    from atlas.plan import resolve
    from atlas.runner.process_environment import process_environment
    from atlas.step.versions import registry
    from atlas.store import open_store

    resolved = resolve(path, environment=env)
    pipelines = tuple(monitored_pipelines(resolved))
    if not pipelines:
        text = "no pipeline there is monitored; expected a Config with `retraining` and `model`"
        raise AtlasError(f"{path}: {text}")
    project = project_at(path)
    with process_environment(project, load_environment(project, env)) as process:
        if process.missing:
            raise PlatformError(process.missing[0])
        store = open_store(os.environ["ATLAS_STORE"])
        for pipeline in resolved:
            training = pipeline.plans.get("training")
            if training is not None and training.notify.get("trigger"):
                store.add_plan(training)
        yield OpenedMonitors(pipelines, store, registry(store))
