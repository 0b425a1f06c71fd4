"""`atlas show` and `atlas artifact`: what runs and models are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Environment, Json, ProjectFolder
from atlas_cli.output import emit

artifact = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


def show(
    thing: Annotated[
        str, typer.Argument(metavar="RUN|ARTIFACT", help="A run, RUN/step.output or a model.")
    ],
    *,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows of a table.")] = 10,
    project: ProjectFolder = Path(),
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Show a run's metrics and outputs, or an artifact.

    ARTIFACT is RUN/step.output, RUN/step[2].output, models:/NAME@champion or models:/NAME/3.
    """
    from atlas.artifacts import opened
    from atlas.artifacts.showing import shown

    with opened(project, env) as place:
        found = shown(place, thing, rows)
    emit(found, found.text, as_json=as_json)


@artifact.callback()
def _artifact() -> None:
    """Get an artifact's file."""


@artifact.command()
def get(
    address: Annotated[
        str, typer.Argument(metavar="ARTIFACT", help="RUN/step.output or models:/NAME@champion.")
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")
    ] = Path(),
    part: Annotated[str, typer.Option("--part", help="Only this part of a model.")] = "",
    project: ProjectFolder = Path(),
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Write an artifact's file, once it was found to be what was written; nothing is loaded."""
    from atlas.artifacts import opened
    from atlas.artifacts.copying import copied

    with opened(project, env) as place:
        files = copied(place, address, out, part)
    emit({"files": files}, "\n".join(files), as_json=as_json)
