"""`atlas reproduce`: a model's training run once more, and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Environment, Json, ProjectFolder
from atlas_cli.output import emit


def reproduce(
    model: Annotated[
        str, typer.Argument(help="Model version, such as NAME@champion; or a training run.")
    ],
    *,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            "--tolerance",
            metavar="NUMBER",
            help="By how much metrics may differ: 1e-6, or STEP.METRIC=0.01 for one.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Keep what was made there.")
    ] = None,
    changed_data: Annotated[
        bool, typer.Option("--changed-data", help="Run although data have other content by now.")
    ] = False,
    project: ProjectFolder = Path(),
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Run a model's training again, and say whether the result is equal.

    It runs the recorded code, Plan, parameters and data, in the images of the run where they are
    there. Nothing is registered, promoted, delivered or sent anywhere.
    """
    from atlas.reproduce.asking import ReproduceQuery
    from atlas.reproduce.asking import reproduce as reproduced
    from atlas_cli.watching import own_stdout, watcher

    query = ReproduceQuery(model, project, env, tuple(tolerance or ()), out, changed_data)
    if as_json:
        answer = reproduced(query)
        emit(answer, "", as_json=True)
    else:
        out_stream = own_stdout()
        answer = reproduced(query, watcher(out_stream, as_json=False, several=False))
        print(*answer.lines(), sep="\n", file=out_stream, flush=True)
    if not answer.is_equal:
        raise typer.Exit(1)
