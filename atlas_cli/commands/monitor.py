"""`atlas monitor`: whether deployed models should be trained again, and why."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.monitor.checked import CheckedPipeline, TriggerState
    from atlas.monitor.publishing import Published
    from atlas.monitor.spec import MonitoredPipeline
    from atlas_deploy.training.monitored import OpenedMonitors


def monitor(
    path: PipelinePath = Path(),
    *,
    fail_on_event: Annotated[
        bool, typer.Option("--fail-on-event", help="Exit with 1 if a trigger has fired.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Write the page here, too; of several pipelines, a folder."),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option("--replay", help="Say when triggers would have fired; write nothing."),
    ] = False,
    bounds: Annotated[
        list[str] | None,
        typer.Option(
            "--try", metavar="BOUND=VALUE", help="Replay with drift.tolerance=0.05, new_rows=5000."
        ),
    ] = None,
    shift: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANGE",
            help="Replay made-up batches with price=0.5sd@10, price=missing:0.1@10, "
            "kind=new:0.1@10, accuracy=0.85@10.",
        ),
    ] = None,
    batches: Annotated[
        int, typer.Option(min=0, max=1000, help="Replay so many made-up batches.")
    ] = 0,
    rows: Annotated[int, typer.Option(min=1, help="Rows of each made-up batch.")] = 1000,
    train: Annotated[
        int,
        typer.Option(min=0, max=50, help="Replay so many trainings: what would they have gained?"),
    ] = 0,
    cost: Annotated[
        float, typer.Option(min=0.0, help="Of a training, as the metric summed over rows.")
    ] = 0.0,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Check champions' batches and labels: which triggers fire, and why.

    Each new batch is looked at once, by whichever monitor comes first; a trigger that fires leaves
    an event. It starts no training.
    """
    from atlas.monitor.check import check_each
    from atlas_deploy.training.monitored import opened_monitors

    if replay:
        from atlas_cli.replays import Replaying

        asked = Replaying(bounds or [], shift or [], batches, rows, train, cost)
        raise typer.Exit(asked.show(path, env, as_json=as_json))
    if bounds or shift or batches or train:
        raise typer.BadParameter("--try, --shift, --batches and --train are of --replay")
    found, pages = [], []
    with opened_monitors(path, env) as opened:
        checked = check_each(opened.store, opened.registry, opened.pipelines)
        for monitored, one in zip(opened.pipelines, checked, strict=True):
            page = _shown(opened, monitored, one)
            if report is not None and page.page:
                several = len(opened.pipelines) > 1
                _write(report / f"{one.pipeline}.html" if several else report, page)
            found.append(one)
            pages.append(replace(page, page=""))  # of many pipelines, one page at a time
    raw = [{**one.to_json(), "report": page.url} for one, page in zip(found, pages, strict=True)]
    emit(raw, lambda: _text(found, pages), as_json=as_json)
    sys.stdout.flush()
    for line in _complaints(found, pages):
        print(line, file=sys.stderr)
    fired = fail_on_event and any(one.fired for one in found)
    if fired or any(one.error for one in found):
        raise typer.Exit(1)


def _shown(opened: OpenedMonitors, monitored: MonitoredPipeline, one: CheckedPipeline) -> Published:
    """Show what was found of a pipeline."""
    from atlas.monitor.publishing import Published
    from atlas.retraining.showing import show

    if one.error:
        return Published("", "")
    return show(opened.store, opened.registry, monitored, one)


def _write(place: Path, page: Published) -> None:
    """Write a page to a file."""
    from atlas.errors import AtlasError
    from atlas.files import write_shared

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_shared(place, page.page.encode("utf-8", "replace"))
    except OSError as error:
        text = f"{place}: {error.strerror}; expected a file that can be written"
        raise AtlasError(f"{text}, or a folder for several pipelines") from None


def _complaints(found: Sequence[CheckedPipeline], pages: Sequence[Published]) -> Iterator[str]:
    for one, page in zip(found, pages, strict=True):
        yield from (f"warning: {one.pipeline}: {text}" for text in page.warnings)
        yield from (f"warning: {one.pipeline}: {text}" for text in one.warnings)
        if one.error:
            yield f"error: {one.pipeline}: {one.error}"


def _text(found: Sequence[CheckedPipeline], pages: Sequence[Published]) -> str:
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
    none = [] if any(one.error for one in found) else ["nothing is monitored yet"]
    lines = [table(headers, rows)] if rows else none
    for one, page in zip(found, pages, strict=True):
        lines += [f"{one.pipeline}: page {page.url}"] if page.url else []
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
