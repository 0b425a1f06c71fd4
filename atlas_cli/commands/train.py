"""`atlas train`: pipelines trained on any target, with one output and one set of exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli import running
from atlas_cli.options import (
    Configs,
    Deployed,
    Environment,
    Interval,
    Json,
    Parameters,
    PipelinePath,
    RunJobs,
    Target,
)


def train(
    path: PipelinePath = Path(),
    *,
    target: Target = "",
    env: Environment = "local",
    config: Configs = None,
    set_: Parameters = None,
    interval: Interval = "",
    run_: Annotated[
        str, typer.Option("--run", help="Id of the run: to start, or to follow if it has started.")
    ] = "",
    jobs: RunJobs = 0,
    timeout: Annotated[
        str, typer.Option(help="End what isn't over after this long, such as 90s, 30m or 2h.")
    ] = "",
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the run, and leave it to the target.")
    ] = False,
    deployed: Deployed = False,
    logs: Annotated[bool, typer.Option("--logs", help="Print what steps log, too.")] = False,
    as_json: Json = False,
) -> None:
    """Train here, on Kubeflow or on Airflow: the same kind of output."""
    from atlas.plan import resolve
    from atlas_deploy.training.request import FLOW, Request

    pipelines = running.chosen(resolve(path, environment=env), config or ())
    chosen = [(pipeline, pipeline.plans[FLOW]) for pipeline in pipelines if FLOW in pipeline.plans]
    request = Request(
        target=running.target_of(target, chosen, path, flow=FLOW, detach=detach, deployed=deployed),
        chosen=chosen,
        parameters=running.parameters_of(set_ or (), (plan for _, plan in chosen)),
        interval=running.interval_of(interval),
        run=run_,
        jobs=jobs,
        timeout=running.seconds_of(timeout),
        detach=detach,
        deployed=deployed,
        logs=logs,
    )
    running.watched(request, as_json=as_json)
