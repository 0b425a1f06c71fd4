"""The one way to ask for a lineage: of a project, in an Environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.lineage.graph import BOTH
from atlas.lineage.sources import LineageSources
from atlas.lineage.things import resolve_thing
from atlas.lineage.walk import UNBOUND, trace
from atlas.load import load_environment
from atlas.load.projects import project_at
from atlas.runner.process_environment import process_environment
from atlas.tracking.mlflow import MlflowTracker

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.lineage.graph import Lineage


@dataclass(frozen=True, slots=True)
class LineageQuery:
    """What is asked for.

    Attributes:
        thing: a model version, file, run, image, release, commit or digest.
        path: where the project is.
        environment: name of the Environment, which says where the store and MLflow are.
        direction: ``up``, ``down`` or ``both``.
        depth: how many links to follow; 0 for all of them.
    """

    thing: str
    path: Path
    environment: str = "local"
    direction: str = BOTH
    depth: int = 0


def ask(query: LineageQuery) -> Lineage:
    """Return the lineage that is asked for; who can't be reached is named in it.

    Raises:
        AtlasError: the thing is nothing that the store or git knows.
        StoreError: the store can't be read.
    """
    project = project_at(query.path)
    with process_environment(project, load_environment(project, query.environment)) as process:
        url = os.environ.get("ATLAS_MLFLOW_URL", "")
        sources = LineageSources(process.store, project.root, MlflowTracker(url) if url else None)
        sources.unasked.update(dict.fromkeys(t for t in process.missing if t.startswith("mlflow")))
        roots = resolve_thing(sources, query.thing)
        return trace(
            sources,
            query.thing,
            roots,
            direction=query.direction,
            depth=query.depth or UNBOUND,
        )
