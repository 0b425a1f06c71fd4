"""`atlas backfill`: inference of the past, an interval of the schedule at a time, on any target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli import running
from atlas_cli.options import (
    Configs,
    Deployed,
    Environment,
    Json,
    Parameters,
    PipelinePath,
    RunJobs,
    Target,
)
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.plan import Pipeline, Plan
    from atlas_deploy.training.backfill import Backfill
    from atlas_deploy.training.request import PlannedRun


def backfill(
    path: PipelinePath = Path(),
    *,
    first: Annotated[
        str,
        typer.Option(
            "--from", metavar="TIME", help="Intervals that begin from then on; 2d: two days ago."
        ),
    ],
    end: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Before then, likewise; now by default.")
    ] = "",
    reprocess: Annotated[
        str, typer.Option(help="Run those once more that are: none, failed, or completed.")
    ] = "none",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the intervals, and run none.")
    ] = False,
    model_version: Annotated[
        str, typer.Option(metavar="VERSION", help="Score with this version of the model.")
    ] = "",
    champion_at_interval: Annotated[
        bool,
        typer.Option("--champion-at-interval", help="Score with the champion of each one's end."),
    ] = False,
    target: Target = "",
    env: Environment = "local",
    config: Configs = None,
    set_: Parameters = None,
    jobs: RunJobs = 0,
    deployed: Deployed = False,
    as_json: Json = False,
) -> None:
    """Run inference of the past, interval by interval.

    Each interval replaces its own output.
    """
    from atlas.errors import AtlasError
    from atlas.plan import resolve
    from atlas.step.versions import AT_INTERVAL
    from atlas_deploy.training import backfill as filling
    from atlas_deploy.training.request import SKIP, Request

    running.one_of("--reprocess", reprocess, (filling.NONE, filling.FAILED, filling.COMPLETED))
    if champion_at_interval and model_version:
        message = "give one of --model-version and --champion-at-interval"
        raise typer.BadParameter(message, param_hint="--model-version")
    pipelines = running.chosen(resolve(path, environment=env), config or ())
    chosen = [(p, p.plans[filling.FLOW]) for p in pipelines if filling.FLOW in p.plans]
    version = AT_INTERVAL if champion_at_interval else model_version
    if not chosen:
        raise AtlasError(running.none_with(filling.FLOW, path))
    asked_for = filling.Backfill(first, end, reprocess, version, deployed)
    planned = _planned(chosen, asked_for)
    if dry_run:
        emit([run.to_json() for run in planned], lambda: _listed(planned), as_json=as_json)
        return
    request = Request(
        target=running.target_of(target, chosen, path, flow=filling.FLOW, deployed=deployed),
        chosen=chosen,
        parameters=running.parameters_of(set_ or (), (plan for _, plan in chosen)),
        jobs=jobs,
        deployed=deployed,
        planned=[run for run in planned if run.action != SKIP],
    )
    if not as_json:
        print(_counted(planned), flush=True)
    if request.planned:
        running.watched(request, as_json=as_json)


def _planned(chosen: Sequence[tuple[Pipeline, Plan]], asked_for: Backfill) -> list[PlannedRun]:
    from atlas.runner.process_environment import process_environment
    from atlas_deploy.training.backfill import planned_runs

    first = chosen[0][0]
    with process_environment(first.project, first.environment) as process:
        return planned_runs(process.store, chosen, asked_for)


def _listed(planned: Sequence[PlannedRun]) -> str:
    headers = ("PIPELINE", "START", "END", "RUN", "ACTION", "REASON", "VERSION")
    rows = [(*(value or "-" for value in run.to_json().values()),) for run in planned]
    return f"{table(headers, rows)}\n{_counted(planned)}"


def _counted(planned: Sequence[PlannedRun]) -> str:
    from atlas_deploy.training.request import SKIP

    skipped = sum(run.action == SKIP for run in planned)
    return f"{len(planned)} intervals: {len(planned) - skipped} to run, {skipped} left as they are"
