"""`atlas logs`: what the steps of a run have printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Environment, Json, ProjectFolder
from atlas_cli.output import emit


def logs(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: ID or PIPELINE/ID.")],
    step: Annotated[
        str, typer.Argument(metavar="[STEP]", help="Only this step, or STEP[2] for one key of it.")
    ] = "",
    *,
    project: ProjectFolder = Path(),
    tail: Annotated[int, typer.Option(min=0, help="Only the last lines of each; 0: all.")] = 0,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Print what the steps of a run have logged, wherever they ran."""
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment
    from atlas.runs.logs import logs_of

    found_project = project_at(project)
    environment = load_environment(found_project, env)
    with process_environment(found_project, environment) as process:
        found = logs_of(process.store, run, step)
    lines = [(log, log.text.splitlines()[-tail if tail else 0 :]) for log in found]
    several = len(found) > 1
    shown = [
        line
        for log, text in lines
        if text or not several
        for line in ([f"== {log.name}"] if several else []) + (text or [f"{log.name}: no log"])
    ]
    emit(
        lambda: [log.to_json() for log in found],
        lambda: "\n".join(shown) or "no step has logged anything",
        as_json=as_json,
    )
