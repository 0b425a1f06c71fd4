"""`atlas import`: a first pipeline out of one of Kedro, Airflow or Elyra."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Json
from atlas_cli.output import emit


def import_(
    system: Annotated[str, typer.Argument(metavar="kedro|airflow|elyra", help="What it is of.")],
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="A project's folder, a DAG's file, a .pipeline."),
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="A project's folder, or a new one's.")
    ] = Path(),
    name: Annotated[
        str, typer.Option(help="Name of the pipeline; by default, what it was called.")
    ] = "",
    dag: Annotated[str, typer.Option(help="Id of the DAG, where SOURCE has several.")] = "",
    json: Json = False,
) -> None:
    """Write a first pipeline from one of Kedro, Airflow or Elyra.

    Sources are read, never imported or run, and nothing is overwritten. What could not be taken
    over is reported line by line, and so are the Problems that are left.
    """
    from atlas_import import read, write
    from atlas_import.report import report

    data, text = report(write(read(system, source, dag), to, name))
    emit(data, text, as_json=json)
