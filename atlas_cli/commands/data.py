"""`atlas data`: the data sets of pipelines, what a read costs, and what last read them."""

from __future__ import annotations

from pathlib import Path

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, table


def data(path: PipelinePath = Path(), *, env: Environment = "local", as_json: Json = False) -> None:
    """List data sets: where, size, version, last read by, checks."""
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment
    from atlas.runs.data_sets import HEADERS, data_sets

    project = project_at(path)
    with process_environment(project, load_environment(project, env)) as process:
        found = data_sets(path, env, process.store)
    emit(
        lambda: [one.to_json() for one in found],
        lambda: table(HEADERS, [one.row() for one in found]) if found else "no data sets",
        as_json=as_json,
    )
