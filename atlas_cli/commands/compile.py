"""`atlas compile`: the files that an orchestrator takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Flow, Json, PipelinePath
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.errors import Problem
    from atlas.targets import Compiled


def compile_(
    path: PipelinePath = Path(),
    *,
    target: Annotated[
        str, typer.Option(help="kubeflow or airflow; by default, what the environment says.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder that the files are written to.")] = Path(),
    env: Environment = "local",
    flow: Flow = "",
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
    resolved = pipelines(report)
    plans = [
        plan for pipeline in resolved for plan in pipeline.plans.values() if flow in ("", plan.flow)
    ]
    options = {} if exit_handler is None else {"exit_handler": exit_handler}
    compiled = compile_plans(
        plans,
        references_of(resolved),
        target,
        make=compilers_of(resolved, options),
        origin_of=origin_of(resolved),
    )
    for result in compiled:
        _write(out, result.files)
    problems = [*report.errors, *(problem for result in compiled for problem in result.problems)]
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
            "name": result.name,
            "target": result.target,
            "plan": result.plan,
            "files": [str(out / name) for name in result.files],
            "unbuilt": list(result.unbuilt),
        }
        for result in compiled
    ]
    return {"compiled": files, "problems": [problem.to_json() for problem in problems]}


def _text(out: Path, compiled: Sequence[Compiled], problems: Sequence[Problem]) -> str:
    """Return the result for a person: the files, then what they should know of them."""
    rows = [
        (out / name, result.target, result.plan[:12], ", ".join(result.unbuilt) or "-")
        for result in compiled
        for name in result.files
    ]
    warnings = [str(problem) for problem in problems if problem.severity != "error"]
    listing = table(("FILE", "TARGET", "PLAN", "IMAGES NOT BUILT"), rows) if rows else ""
    return "\n".join(filter(None, [listing, *warnings]))
