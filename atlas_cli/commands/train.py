"""`atlas train`: pipelines trained on any target, with one output and one set of exit codes."""

from __future__ import annotations

from pathlib import Path

from atlas_cli import running
from atlas_cli.options import (
    Configs,
    Deployed,
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
    run_: RunId = "",
    jobs: RunJobs = 0,
    timeout: RunTimeout = "",
    detach: Detach = False,
    deployed: Deployed = False,
    logs: StepLogs = False,
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
