"""`atlas lineage`: what a model, a prediction or a run came of, and what came of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json, ProjectFolder
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas.lineage.graph import Lineage


def lineage(
    thing: Annotated[
        str, typer.Argument(help="Model version, file, run, image, release, commit or digest.")
    ],
    *,
    up: Annotated[bool, typer.Option("--up", help="Only what it came of.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what came of it.")] = False,
    depth: Annotated[
        int, typer.Option(min=0, help="How many links to follow; 0 for all of them.")
    ] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Draw it as a page.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw it as a picture.")
    ] = None,
    project: ProjectFolder = Path(),
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Show what a thing came of and what came of it, each link checked.

    THING is models:/NAME/3, NAME@champion, a file of predictions or a copy of it, the id of a run,
    a DAG run or a Kubeflow run, an image, release/NAME-2, a git commit, or a digest.
    """
    from atlas.lineage.asking import LineageQuery, ask

    direction = "both" if up == down else "up" if up else "down"
    answer = ask(LineageQuery(thing, project, env, direction, depth))
    for file in filter(None, (html, svg)):
        _draw(answer, file)
    emit(answer, lambda: _text(answer), as_json=as_json)
    if not answer.is_sound:
        raise typer.Exit(1)


def _text(answer: Lineage) -> str:
    from atlas.lineage.text import text

    return text(answer, columns=shutil.get_terminal_size().columns if sys.stdout.isatty() else 0)


def _draw(answer: Lineage, file: Path) -> None:
    from atlas import files
    from atlas.draw import drawn, format_of
    from atlas.lineage.drawing import drawing_of

    form = format_of(file)
    if form not in ("html", "svg"):
        raise typer.BadParameter(f"{file}: expected a file that ends in .html or .svg")
    files.write(file, drawn(drawing_of(answer), form).decode())
