"""`atlas run`: pipelines on this machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from atlas.plan import Pipeline
    from atlas.runner import Result
    from atlas.runner.containers import Images
    from atlas.runner.flight import Flight


def run(
    path: Annotated[Path, typer.Argument(help="Recipe, Config, pipeline, or folder.")] = Path(),
    *,
    env: Environment = "local",
    config: Annotated[
        list[str] | None, typer.Option(help="Only the pipelines of this name, or of this Config.")
    ] = None,
    flow: Annotated[str, typer.Option(help="Only training, or only inference.")] = "",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter.")
    ] = None,
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="Run this step and what follows it.")
    ] = None,
    until: Annotated[list[str] | None, typer.Option(help="Run up to this step, and it.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Run only this step.")] = None,
    interval: Annotated[
        str, typer.Option(metavar="A..B", help="The run's interval: from A on, before B.")
    ] = "",
    jobs: Annotated[int, typer.Option(min=0, help="How many steps at once; 0: one a core.")] = 0,
    isolate: Annotated[
        str, typer.Option(help="Keep each step in: none, a process, or its image.")
    ] = "none",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last run.")] = False,
    run_: Annotated[str, typer.Option("--run", help="The run to resume, by its id.")] = "",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step, whatever ran before.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run pipelines on this machine: no orchestrator, cached, resumable."""
    from atlas.plan import resolve
    from atlas.runner import Selection, Settings, run_pipelines
    from atlas_cli.watching import own_stdout, watcher

    selection = Selection(tuple(from_ or ()), tuple(until or ()), tuple(only or ()))
    start, end = _interval(interval)
    pipelines = _chosen(resolve(path, environment=env), config or ())
    images = _images(pipelines) if isolate == "image" else None
    settings = Settings(
        jobs=jobs,
        isolate=_one_of("--isolate", isolate, _ISOLATIONS),
        use_cache=not no_cache,
        resume=resume,
        run=run_,
        selection=selection,
        parameters=_parameters(set_ or (), pipelines),
        interval_start=start,
        interval_end=end,
        images=images,
    )
    flows = (_one_of("--flow", flow, _FLOWS),) if flow else _FLOWS
    out = own_stdout()
    listener = watcher(out, as_json=as_json, several=len(pipelines) > 1)
    result = run_pipelines(pipelines, settings, flows=flows, listener=listener, report=_report)
    _say(result, out, as_json=as_json)
    _leave(result, out)


def _report(*facts: Any) -> str:
    from atlas.draw.report import report

    return report(*facts)


_FLOWS = ("training", "inference")
_ISOLATIONS = ("none", "process", "image")
_INTERRUPTED = 130


def _images(pipelines: Sequence[Pipeline]) -> Images:
    """Return the images to run steps in, built where they have to be."""
    from atlas_cli.isolating import runner_images

    return runner_images(pipelines)


def _chosen(pipelines: Sequence[Pipeline], names: Sequence[str]) -> list[Pipeline]:
    """Return the pipelines of some names; all of them without a name."""
    from atlas.errors import AtlasError

    known = {one.name for one in pipelines} | {one.config for one in pipelines}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise AtlasError(f"no pipeline '{unknown[0]}'; there are {', '.join(sorted(known))}")
    return [one for one in pipelines if not names or {one.name, one.config} & set(names)]


def _one_of(option: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise typer.BadParameter(f"'{value}'; expected {' or '.join(known)}", param_hint=option)
    return value


def _interval(text: str) -> tuple[str, str]:
    if not text:
        return "", ""
    start, dots, end = text.partition("..")
    if not dots or not start or not end:
        message = f"'{text}'; expected two moments, such as 2026-01-01..2026-01-02"
        raise typer.BadParameter(message, param_hint="--interval")
    return start, end


def _parameters(texts: Sequence[str], pipelines: Sequence[Pipeline]) -> dict[str, Any]:
    """Return parameters as what their types say; what can't be read is left to the check."""
    kinds = {
        name: parameter.type
        for pipeline in pipelines
        for plan in pipeline.plans.values()
        for name, parameter in plan.parameters.items()
    }
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"'{text}'; expected NAME=VALUE", param_hint="--set")
        found[name] = value if kinds.get(name) == "string" else _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say(result: Result, out: TextIO, *, as_json: bool) -> None:
    """Print how each run ended, and where to look."""
    for text in result.missing:
        print(f"warning: {text}", file=sys.stderr)
    for flight in result.flights:
        if as_json:
            print(json.dumps(_summary(flight), ensure_ascii=False), file=out)
        elif flight.error:
            print(f"error: {flight.name}: {flight.error}", file=sys.stderr)
        elif flight.finished is not None:
            print("\n".join(_lines(flight)), file=out)


def _summary(flight: Flight) -> dict[str, Any]:
    finished = flight.finished
    promotion = finished.promotion if finished else None
    return {
        "event": "summary",
        "pipeline": flight.plan.name,
        "flow": flight.plan.flow,
        "run": flight.run.id if flight.is_open else "",
        "status": finished.status if finished else "failed",
        "error": flight.error,
        "model": finished.model if finished else "",
        "version": finished.version if finished else "",
        "promoted": bool(promotion and promotion.promoted),
        "tracked": finished.tracked if finished else "",
        "warnings": list(finished.warnings) if finished else [],
    }


def _lines(flight: Flight) -> list[str]:
    finished = flight.finished
    assert finished is not None  # noqa: S101  (the caller has looked; for mypy)
    cached = sum(one.cached for one in flight.outcomes.values())
    name = f"{flight.plan.name} {flight.plan.flow}"
    count = f"{len(flight.outcomes)} steps, {cached} cached"
    return [f"{name}: {finished.status}, {count}; {flight.place}", *finished.lines()]


def _leave(result: Result, out: TextIO) -> None:
    """Exit, with no process left that a step has started; at once if a thread can't be ended."""
    from atlas.runner.procs import children, end

    out.flush()
    end(children(os.getpid()))
    code = 0 if result.ok else 1 if result.complete else _INTERRUPTED
    if not result.complete:
        sys.stderr.flush()
        os._exit(code)
    if code:
        raise typer.Exit(code)
