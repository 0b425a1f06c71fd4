"""`atlas run`: pipelines on this machine."""

from __future__ import annotations

import atexit
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli import memory, running
from atlas_cli.options import Configs, Environment, Interval, Json, Parameters, PipelinePath
from atlas_cli.output import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.plan import Pipeline
    from atlas.runner.containers import Images


def run(
    path: PipelinePath = Path(),
    *,
    env: Environment = "local",
    config: Configs = None,
    flow: Annotated[str, typer.Option(help="Only training, or only inference.")] = "",
    set_: Parameters = None,
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="Run this step and what follows it.")
    ] = None,
    until: Annotated[list[str] | None, typer.Option(help="Run up to this step, and it.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Run only this step.")] = None,
    interval: Interval = "",
    jobs: Annotated[int, typer.Option(min=0, help="How many steps at once; 0: one a core.")] = 0,
    isolate: Annotated[
        str, typer.Option(help="Keep each step in: auto, none, a process, or its image.")
    ] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last run.")] = False,
    run_: Annotated[str, typer.Option("--run", help="The run to resume, by its id.")] = "",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step, whatever ran before.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Register and promote nothing; tell nobody.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Wait for an editor's debugger, then run here.")
    ] = False,
    debug_port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --debug: the port on loopback; 0: any.")
    ] = 5678,
    as_json: Json = False,
) -> None:
    """Run pipelines on this machine: no orchestrator, cached, resumable."""
    from atlas.plan import resolve
    from atlas.runner import RunSettings, Selection, run_pipelines
    from atlas.store.run import MANUAL, SANDBOX
    from atlas_cli.watching import own_stdout, watcher
    from atlas_deploy.platforms.references import follow

    # It is the first to be registered, so the last to be run: after what libraries do at exit.
    atexit.register(running.end_children)

    if run_ and not resume:
        message = "names a run to go on with: add --resume; a new run gets an id of its own"
        raise typer.BadParameter(message, param_hint="--run")
    if debug and isolate not in ("auto", "none"):
        message = "steps are debugged in this process: leave --isolate out"
        raise typer.BadParameter(message, param_hint="--debug")
    selection = Selection(tuple(from_ or ()), tuple(until or ()), tuple(only or ()))
    start, end = running.interval_of(interval)
    pipelines = running.chosen(resolve(path, environment=env), config or ())
    follow(pipelines[0].project, pipelines[0].environment)
    images = _images(pipelines) if isolate == "image" else None
    settings = RunSettings(
        jobs=1 if debug else jobs,
        isolate="none" if debug else running.one_of("--isolate", isolate, _ISOLATIONS),
        use_cache=not (no_cache or debug),
        resume=resume,
        run=run_,
        selection=selection,
        parameters=running.parameters_of(
            set_ or (), (plan for pipeline in pipelines for plan in pipeline.plans.values())
        ),
        interval_start=start,
        interval_end=end,
        images=images,
        trigger=SANDBOX if sandbox else MANUAL,
    )
    flows = (running.one_of("--flow", flow, _FLOWS),) if flow else _FLOWS
    memory.settle()
    if debug:
        from atlas.runner.debugging import wait_for_debugger

        wait_for_debugger(debug_port, _say)
    out = own_stdout()
    listener = watcher(out, as_json=as_json, several=len(pipelines) > 1)
    result = run_pipelines(
        pipelines, settings, flows=flows, listener=listener, report=running.report
    )
    running.say(result, out, as_json=as_json)
    running.leave(running.code_of(result), out, is_clean=result.complete)


_FLOWS = ("training", "inference")
_ISOLATIONS = ("auto", "none", "process", "image")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _images(pipelines: Sequence[Pipeline]) -> Images:
    """Return the images to run steps in, built where they have to be."""
    from atlas_deploy.desired.runner_images import runner_images

    return runner_images(pipelines, progress)
