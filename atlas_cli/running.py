"""What the commands that run pipelines share: their options' meanings, and their last lines."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from atlas.launch import LaunchResult
    from atlas.plan import Pipeline, Plan
    from atlas.runner import RunResult
    from atlas_deploy.training.request import Request

INTERRUPTED = 130


def chosen(pipelines: Sequence[Pipeline], names: Sequence[str]) -> list[Pipeline]:
    """Return the pipelines of some names; all of them without a name.

    Raises:
        AtlasError: there is none of a name.
    """
    from atlas.errors import AtlasError

    known = {pipeline.name for pipeline in pipelines} | {pipeline.config for pipeline in pipelines}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise AtlasError(f"no pipeline '{unknown[0]}'; there are {', '.join(sorted(known))}")
    if not names:
        return list(pipelines)
    return [pipeline for pipeline in pipelines if {pipeline.name, pipeline.config} & set(names)]


def one_of(option: str, value: str, known: Sequence[str]) -> str:
    """Return an option's value, which must be one of a few."""
    if value not in known:
        raise typer.BadParameter(f"'{value}'; expected {' or '.join(known)}", param_hint=option)
    return value


def target_of(
    requested: str,
    chosen: Sequence[tuple[Pipeline, Plan]],
    path: Path,
    *,
    flow: str,
    detach: bool = False,
    deployed: bool = False,
) -> str:
    """Return the target: what is asked for, or what the Environment says."""
    from atlas.errors import AtlasError
    from atlas.registered import LOCAL_TARGET, is_target, target_names

    if requested and not is_target(requested):
        one_of("--target", requested, (LOCAL_TARGET, *target_names()))
    if not chosen:
        raise AtlasError(none_with(flow, path))
    target = requested or chosen[0][1].target
    for option, is_given in (("--detach", detach), ("--deployed", deployed)):
        if is_given and target == LOCAL_TARGET:
            message = "the target is local, and there is nobody else to run it"
            raise typer.BadParameter(message, param_hint=option)
    return target


def seconds_of(text: str) -> float:
    """Return the value of ``--timeout`` in seconds; 0 where it isn't given."""
    from atlas.values import seconds

    if not text:
        return 0.0
    try:
        return seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None


def watched(request: Request, *, as_json: bool) -> None:
    """Start what is asked for, follow it to its end, and leave with its exit code."""
    from atlas_cli.output import progress
    from atlas_cli.watching import own_stdout, watcher
    from atlas_deploy.training.start import start

    out = own_stdout()
    several = len(request.chosen) > 1 or request.planned is not None
    ended = start(request, watcher(out, as_json=as_json, several=several), progress)
    say(ended.result, out, as_json=as_json)
    code = code_of(ended.result, timed_out=ended.timed_out)
    leave(code, out, is_clean=ended.result.complete, own=request.target == "local")


def none_with(flow: str, path: Path) -> str:
    """Return the message for a path under which no Config has a flow."""
    return f"{path}: no pipeline there has the flow {flow}; expected a Config with recipes.{flow}"


def interval_of(text: str) -> tuple[str, str]:
    """Return the two ends of ``--interval A..B``; empty ones for nothing."""
    if not text:
        return "", ""
    start, dots, end = text.partition("..")
    if not dots or not start or not end:
        message = f"'{text}'; expected two moments, such as 2026-01-01..2026-01-02"
        raise typer.BadParameter(message, param_hint="--interval")
    from atlas.errors import AtlasError
    from atlas.step.binding import interval_between

    try:
        interval_between(start, end)
    except AtlasError as error:
        raise typer.BadParameter(str(error), param_hint="--interval") from None
    return start, end


def parameters_of(texts: Sequence[str], plans: Iterable[Plan]) -> dict[str, Any]:
    """Return parameters as what their types say; what can't be read is left to the check.

    Those of files (``@FILE``) come first, in their order: what is set by name is set over them.
    """
    kinds = {name: parameter.type for plan in plans for name, parameter in plan.parameters.items()}
    parameters: dict[str, Any] = {}
    for text in filter(_is_file, texts):
        parameters |= _parameters_in(Path(text[1:]))
    for text in texts:
        if _is_file(text):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            expected = "NAME=VALUE, or @FILE with a JSON object of them"
            raise typer.BadParameter(f"'{text}'; expected {expected}", param_hint="--set")
        parameters[name] = value if kinds.get(name) == "string" else _value(value)
    return parameters


def _is_file(text: str) -> bool:
    return text.startswith("@")


def _parameters_in(file: Path) -> dict[str, Any]:
    """Return the parameters that a file sets: a JSON object, name → value.

    Raises:
        DocumentError: it can't be read, or is no JSON.
        InvalidError: it is another document than that.
    """
    from atlas.errors import InvalidError
    from atlas.load import read_document, short

    document = read_document(file)
    value = document.value
    if not isinstance(value, dict):
        message = f"found {short(value)}"
        problem = document.problem("S003", (), message, expected="an object: name and value")
        raise InvalidError([problem])
    wrong = [name for name, item in value.items() if not isinstance(item, str | int | float)]
    if wrong:
        expected = "a text, a number or a bool"
        raise InvalidError(
            [
                document.problem("S003", (name,), f"found {short(value[name])}", expected=expected)
                for name in wrong
            ]
        )
    return value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def report(*facts: Any) -> str:
    """Return a run's report, as `run_pipelines` wants it made."""
    from atlas.draw.report import report as made

    return made(*facts)


def say(result: RunResult | LaunchResult, out: TextIO, *, as_json: bool) -> None:
    """Print how each run ended, and where to look."""
    from atlas_deploy.training.summary import lines, summary

    for text in result.missing:
        print(f"warning: {text}", file=sys.stderr)
    for run in result.runs:
        if as_json:
            print(json.dumps(summary(run), ensure_ascii=False), file=out)
            continue
        if run.finished is not None:
            print("\n".join(lines(run, run.finished)), file=out)
        if run.error:
            print(f"error: {run.name}: {run.error}", file=sys.stderr)


def code_of(result: RunResult | LaunchResult, *, timed_out: bool = False) -> int:
    """Return the exit code of runs: done, failed or out of time, or interrupted."""
    is_interrupted = result.interrupted and not timed_out
    return 0 if result.ok else INTERRUPTED if is_interrupted else 1


def end_children() -> None:
    """End what steps in this process have started."""
    from atlas.runner.procs import children, end

    end(children(os.getpid()))


def leave(code: int, out: TextIO, *, is_clean: bool, own: bool = True) -> None:
    """Exit.

    Args:
        code: the exit code.
        out: what was printed to.
        is_clean: whether all came to its end; else a thread may be left that can't be ended.
        own: whether this process has run steps, and ends what they have started.
    """
    out.flush()
    if not is_clean:
        if own:
            end_children()
        sys.stderr.flush()
        os._exit(code)
    if code:
        raise typer.Exit(code)
