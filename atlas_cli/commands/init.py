"""`atlas init`: a new pipeline, and the project around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas.scaffold import StartedProject


def init(
    folder: Annotated[
        Path, typer.Argument(help="The project's folder, or one in a project.")
    ] = Path(),
    name: Annotated[str, typer.Option(help="Name of the pipeline; by default, the folder's.")] = "",
    training_only: Annotated[
        bool, typer.Option("--training-only", help="Write no flow that scores with the model.")
    ] = False,
    schemas: Annotated[
        bool, typer.Option("--schemas", help="Only write the editor's schemas again.")
    ] = False,
    jenkins: Annotated[
        bool, typer.Option("--jenkins", help="Only write the project's Jenkinsfile.")
    ] = False,
    github: Annotated[
        bool, typer.Option("--github", help="Only write a workflow for GitHub Actions.")
    ] = False,
    gitlab: Annotated[
        bool, typer.Option("--gitlab", help="Only write a pipeline for GitLab CI.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a new pipeline that works, and a project around it.

    In a project, FOLDER without --name is the pipeline's own folder; with --name, and in a new
    project, the pipeline goes into FOLDER/NAME. Nothing is overwritten. It has both flows: one
    trains a model, the other scores with the champion.
    """
    if schemas:
        _refresh(folder, as_json=json)
        return
    chosen = {"jenkins": jenkins, "github": github, "gitlab": gitlab}
    if any(chosen.values()):
        _write_ci(folder, [system for system, wanted in chosen.items() if wanted], as_json=json)
        return
    from atlas.scaffold import start

    started = start(folder, name, inference=not training_only)
    data = {
        "pipeline": started.name,
        "folder": str(started.folder),
        "project": str(started.project),
        "written": [str(path) for path in started.written],
    }
    emit(data, lambda: _text(started), as_json=json)


def _refresh(folder: Path, *, as_json: bool) -> None:
    from atlas.scaffold import refresh_schemas

    written = refresh_schemas(folder)
    text = _lines(written) or "the schemas are up to date"
    emit({"written": [str(path) for path in written]}, text, as_json=as_json)


def _write_ci(folder: Path, systems: list[str], *, as_json: bool) -> None:
    from atlas.scaffold.ci import write_ci

    written = write_ci(folder, systems)
    text = _lines(written) or "they are there already: nothing was written"
    emit({"written": [str(path) for path in written]}, text, as_json=as_json)


def _lines(written: Any) -> str:
    from atlas.load import shown

    return "\n".join(f"wrote {shown(path)}" for path in written)


def _text(started: StartedProject) -> str:
    from atlas.load import shown

    where = shown(started.folder)
    lines = [_lines(started.written) or "all of it is there already: nothing was written"]
    lines += ["", f"The pipeline '{started.name}' is in {where}. Next:", ""]
    lines += [f"  atlas {command} {where}" for command in ("validate", "graph", "run", "test")]
    lines += ["", f"Then make {where}/steps.py, the Recipes and config.json your own;"]
    lines += [f"{where}/notebook.ipynb is a place to try things in."]
    return "\n".join(lines)
