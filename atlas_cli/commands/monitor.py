"""`atlas monitor`: whether deployed models should be trained again, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.monitor.checked import CheckedPipeline, TriggerState


def monitor(
    path: PipelinePath = Path(),
    *,
    fail_on_event: Annotated[
        bool, typer.Option("--fail-on-event", help="Exit with 1 if a trigger has fired.")
    ] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Check champions' batches and labels: which triggers fire, and why.

    Each new batch is looked at once, by whichever monitor comes first; a trigger that fires leaves
    an event. It starts no training.
    """
    from atlas.monitor.check import check_each
    from atlas_deploy.training.monitored import opened_monitors

    with opened_monitors(path, env) as opened:
        found = [*check_each(opened.store, opened.registry, opened.pipelines)]
    emit([one.to_json() for one in found], lambda: _text(found), as_json=as_json)
    sys.stdout.flush()
    for line in _complaints(found):
        print(line, file=sys.stderr)
    fired = fail_on_event and any(one.fired for one in found)
    if fired or any(one.error for one in found):
        raise typer.Exit(1)


def _complaints(found: Sequence[CheckedPipeline]) -> Iterator[str]:
    for one in found:
        yield from (f"warning: {one.pipeline}: {text}" for text in one.warnings)
        if one.error:
            yield f"error: {one.pipeline}: {one.error}"


def _text(found: Sequence[CheckedPipeline]) -> str:
    rows = [
        (
            one.pipeline,
            one.champion or "-",
            state.name,
            _state(one, state),
            _budget(state),
            state.why,
        )
        for one in found
        for state in one.triggers
    ]
    headers = ("PIPELINE", "CHAMPION", "TRIGGER", "STATE", "BUDGET", "WHY")
    lines = [table(headers, rows)] if rows else ["nothing is monitored yet"]
    for one in found:
        lines += [
            f"{one.pipeline}: {_broken(batch, texts)}" for batch, texts in one.breaches.items()
        ]
        lines += [
            f"{one.pipeline}: event {event.id} of {event.trigger} is open, since {event.created}"
            for event in one.open
        ]
    return "\n".join(lines)


def _state(one: CheckedPipeline, state: TriggerState) -> str:
    if not state.event:
        return "warns" if state.fired else "quiet"
    return "fires" if any(event.id == state.event for event in one.events) else "fired"


def _budget(state: TriggerState) -> str:
    """Return how much of the risk of a false alarm is spent."""
    return f"{state.spent / state.budget:.0%} of {state.budget:g}" if state.budget else "-"


def _broken(batch: str, texts: Sequence[str]) -> str:
    more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
    return f"batch {batch} breaks what training's data promise: {texts[0]}{more}"
