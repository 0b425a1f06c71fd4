"""`atlas start`: a deployed flow, started on its target and followed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli import running
from atlas_cli.options import (
    Configs,
    Detach,
    Environment,
    Interval,
    Json,
    Parameters,
    PipelinePath,
    RunId,
    RunJobs,
    RunTimeout,
    StepLogs,
)


def start(
    path: PipelinePath = Path(),
    *,
    flow: Annotated[str, typer.Option(help="Which flow: inference or training.")] = "inference",
    env: Environment = "local",
    config: Configs = None,
    set_: Parameters = None,
    interval: Interval = "",
    run_: RunId = "",
    jobs: RunJobs = 0,
    timeout: RunTimeout = "",
    detach: Detach = False,
    logs: StepLogs = False,
    as_json: Json = False,
) -> None:
    """Start a deployed flow on its target now, and follow it to its end.

    What is deployed runs, whatever the sources have become since; a flow whose target is this
    machine runs as the sources are.
    """
    from atlas.plan import resolve
    from atlas.registered import LOCAL_TARGET
    from atlas_deploy.training.request import Request

    running.one_of("--flow", flow, ("inference", "training"))
    pipelines = running.chosen(resolve(path, environment=env), config or ())
    chosen = [(pipeline, pipeline.plans[flow]) for pipeline in pipelines if flow in pipeline.plans]
    target = running.target_of("", chosen, path, flow=flow, detach=detach)
    request = Request(
        target=target,
        chosen=chosen,
        parameters=running.parameters_of(set_ or (), (plan for _, plan in chosen)),
        interval=running.interval_of(interval),
        run=run_,
        jobs=jobs,
        timeout=running.seconds_of(timeout),
        detach=detach,
        deployed=target != LOCAL_TARGET,
        logs=logs,
        flow=flow,
    )
    running.watched(request, as_json=as_json)
