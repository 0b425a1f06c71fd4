"""Having training done: by the local engine, or by an orchestrator that is followed."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from atlas.registered import LOCAL_TARGET
from atlas.store.run import BACKFILL
from atlas_deploy.training.request import RESUME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.launch import LaunchResult
    from atlas.runner import Event, RunResult
    from atlas_deploy.training.request import PlannedRun, Request

    Listener = Callable[[Event], None]

_AT_ONCE = 8
"""Runs that one call has on an orchestrator at once, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class TrainingEnd:
    """How training ended.

    Attributes:
        result: the runs.
        timed_out: whether time was up.
    """

    result: RunResult | LaunchResult
    timed_out: bool = False


def start(request: Request, listener: Listener, say: Callable[[str], None]) -> TrainingEnd:
    """Run what is asked for to its end, or leave it running where that is asked for.

    Args:
        request: what is to run, where and how.
        listener: takes events of the runs.
        say: takes a line of progress before they start.

    Raises:
        AtlasError: what it takes isn't there, or something asked for there isn't.
    """
    if request.target == LOCAL_TARGET:
        return _here(request, listener)
    return _elsewhere(request, listener, say)


def _here(request: Request, listener: Listener) -> TrainingEnd:
    """Run on this machine, as `atlas run` does."""
    from atlas.runner import RunSettings, run_pipelines

    if request.planned is not None:
        return TrainingEnd(_intervals_here(request, listener))
    settings = RunSettings(
        jobs=request.jobs,
        parameters=request.parameters,
        interval_start=request.interval[0],
        interval_end=request.interval[1],
        run=request.run,
        resume=_is_known(request),
    )
    listener = listener if request.logs else _without_logs(listener)
    with _alarm(request.timeout) as rang:
        result = run_pipelines(
            request.pipelines,
            settings,
            flows=(request.flow,),
            listener=listener,
            report=_report,
        )
    return TrainingEnd(result, rang.is_set())


def _intervals_here(request: Request, listener: Listener) -> RunResult:
    """Run a back-fill's intervals on this machine, one after the other, the oldest first.

    An interval that fails doesn't keep the next ones from running.
    """
    from atlas.runner import RunResult, RunSettings, run_pipelines

    listener = listener if request.logs else _without_logs(listener)
    result = RunResult(())
    for planned in request.planned or ():
        settings = RunSettings(
            jobs=request.jobs,
            resume=planned.action == RESUME,
            **_of_interval(request, planned),
        )
        ended = run_pipelines(
            [planned.pipeline],
            settings,
            flows=(planned.plan.flow,),
            listener=listener,
            report=_report,
        )
        result = replace(ended, runs=(*result.runs, *ended.runs))
        if not ended.complete:
            break
    return result


def _of_interval(request: Request, planned: PlannedRun) -> dict[str, Any]:
    """Return the settings of one interval's run, wherever it runs."""
    start, end = planned.interval
    return {
        "parameters": {} if planned.action == RESUME else request.parameters,
        "interval_start": start,
        "interval_end": end,
        "run": planned.run,
        "trigger": BACKFILL,
        "version": planned.version,
    }


def _is_known(request: Request) -> bool:
    """Tell whether the run that is asked for by its id has begun before."""
    if not request.run:
        return False
    from atlas.runner.process_environment import process_environment
    from atlas.step.binding import run_id

    first, plan = request.chosen[0]
    with process_environment(first.project, first.environment) as process:
        return process.store.has_run(plan.name, run_id(plan.flow, request.run))


def _elsewhere(request: Request, listener: Listener, say: Callable[[str], None]) -> TrainingEnd:
    """Run on an orchestrator."""
    from atlas.launch import LaunchSettings, launch_runs
    from atlas.load import platform_services
    from atlas.runner.process_environment import process_environment
    from atlas_deploy.platforms.references import follow
    from atlas_deploy.training.launchers import launcher

    settings = LaunchSettings(
        parameters=request.parameters,
        interval_start=request.interval[0],
        interval_end=request.interval[1],
        run=request.run,
        jobs=request.jobs or _AT_ONCE,
        timeout=request.timeout,
        detach=request.detach,
        logs=request.logs,
        deployed=request.deployed,
    )
    first = request.pipelines[0]
    follow(first.project, first.environment, needed=True)
    with process_environment(first.project, first.environment) as process:
        services = platform_services(first.project, first.environment)
        target = launcher(
            request.target,
            request.pipelines,
            services,
            process.store,
            say,
            deployed=request.deployed,
        )
        launches = [(pipeline, plan, settings) for pipeline, plan in request.chosen]
        if request.planned is not None:
            launches = [
                (
                    planned.pipeline,
                    planned.plan,
                    replace(settings, **_of_interval(request, planned)),
                )
                for planned in request.planned
            ]
        result = launch_runs(
            launches, lambda _: target, process.store, listener=listener, report=_report
        )
        return TrainingEnd(replace(result, missing=process.missing), result.timed_out)


def _report(*facts: Any) -> str:
    """Return a run's report; what draws it is imported once there is one to draw."""
    from atlas.draw.report import report

    return report(*facts)


def _without_logs(listener: Listener) -> Listener:
    """Return a listener without the log lines of steps."""
    from atlas.runner.events import LOG

    def listen(event: Event) -> None:
        if event.kind != LOG:
            listener(event)

    return listen


@contextmanager
def _alarm(seconds: float) -> Iterator[threading.Event]:
    """Ask this process to end when time is up, as another would by SIGTERM; tell that it did."""
    rang = threading.Event()

    def ring() -> None:
        rang.set()
        os.kill(os.getpid(), signal.SIGTERM)

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        yield rang
    finally:
        timer.cancel()
