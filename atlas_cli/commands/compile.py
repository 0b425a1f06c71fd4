"""`atlas compile`: the files that an orchestrator takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.errors import Problem
    from atlas.targets import Compiled


def compile_(
    path: Annotated[Path, typer.Argument(help="Recipe, Config, pipeline, or folder.")] = Path(),
    *,
    target: Annotated[
        str, typer.Option(help="kubeflow or airflow; by default, what the environment says.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder that the files are written to.")] = Path(),
    env: Environment = "local",
    flow: Annotated[str, typer.Option(help="Only this flow: training or inference.")] = "",
    exit_handler: Annotated[
        bool | None,
        typer.Option(
            "--exit-handler/--no-exit-handler",
            help="Kubeflow: let a last task tell how the run ended; by default, on a cluster.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write what Kubeflow and Airflow take: IR, DAG files."""
    from atlas.errors import InvalidError
    from atlas.plan import pipelines
    from atlas.targets import compile_plans
    from atlas.validate import check
    from atlas_deploy.desired.images import compilers_of, references_of
    from atlas_deploy.desired.origins import origin_of

    report = check(path, env)
    found = pipelines(report)
    plans = [plan for one in found for plan in one.plans.values() if flow in ("", plan.flow)]
    options = {} if exit_handler is None else {"exit_handler": exit_handler}
    compiled = compile_plans(
        plans,
        references_of(found),
        target,
        make=compilers_of(found, options),
        origin_of=origin_of(found),
    )
    for each in compiled:
        _write(out, each.files)
    problems = [*report.errors, *(problem for each in compiled for problem in each.problems)]
    emit(_data(out, compiled, problems), lambda: _text(out, compiled, problems), as_json=json)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidError(errors)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files whole or not at all; one that is there already with that content stays."""
    from atlas.files import write_shared

    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if path.is_file() and path.read_bytes() == content:
            continue
        write_shared(path, content)


def _data(out: Path, compiled: Sequence[Compiled], problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the result as plain data."""
    files = [
        {
            "name": each.name,
            "target": each.target,
            "plan": each.plan,
            "files": [str(out / name) for name in each.files],
            "unbuilt": list(each.unbuilt),
        }
        for each in compiled
    ]
    return {"compiled": files, "problems": [problem.to_json() for problem in problems]}


def _text(out: Path, compiled: Sequence[Compiled], problems: Sequence[Problem]) -> str:
    """Return the result for a person: the files, then what they should know of them."""
    rows = [
        (out / name, each.target, each.plan[:12], ", ".join(each.unbuilt) or "-")
        for each in compiled
        for name in each.files
    ]
    warnings = [str(problem) for problem in problems if problem.severity != "error"]
    listing = table(("FILE", "TARGET", "PLAN", "IMAGES NOT BUILT"), rows) if rows else ""
    return "\n".join(filter(None, [listing, *warnings]))
