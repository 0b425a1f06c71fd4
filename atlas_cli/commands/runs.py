"""`atlas runs`: what has run, how it ended, which one is the best, and what differs between two."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.errors import PlatformError
    from atlas.runner.process_environment import ProcessEnvironment
    from atlas.step.sync import Synced
    from atlas.store import Store


def runs(
    path: Annotated[
        Path, typer.Argument(help="Where the project is; a pipeline's folder for its runs only.")
    ] = Path(),
    *,
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="Show all of one run: ID or PIPELINE/ID.")
    ] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="Tag --run; KEY= takes a tag away."),
    ] = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Add a note to --run.")] = "",
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="CONDITION", help="Such as status=done or train.rate>0.1."),
    ] = None,
    best: Annotated[
        str, typer.Option("--best", metavar="METRIC", help="List the best first, by STEP.METRIC.")
    ] = "",
    direction: Annotated[
        str, typer.Option("--direction", help="What is better for --best: higher or lower.")
    ] = "",
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Show each metric as a column; sorted by --best.")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", metavar="RUN RUN", help="Show what differs between two runs."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write --compare as a page, with plots."),
    ] = None,
    sync: Annotated[
        bool,
        typer.Option("--sync", help="Send what waits: runs to MLflow, metrics to the Pushgateway."),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """List runs, filter, rank, compare and tag them; send what waits.

    A condition of --where compares a field, tag.KEY, a param or a metric by = != > >= < <=.
    """
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment
    from atlas.runs.answers import RunQuery, answer

    if sync and any((run, tag, note, where, best, metrics, compare, html)):
        raise typer.BadParameter("goes with none of the others", param_hint="--sync")
    asked = (run, tuple(tag or ()), note, tuple(where or ()))
    query = RunQuery(*asked, best, direction, compare, html, limit, metrics)
    project = project_at(path)
    with process_environment(project, load_environment(project, env)) as process:
        if sync:
            _send(process, as_json=as_json)
            return
        reply = answer(process.store, path, query)
    for warning in reply.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    lines = [table(reply.headers, reply.rows)] if reply.rows else []
    emit(reply.data, lambda: "\n".join([*lines, *reply.lines]), as_json=as_json)


def _send(process: ProcessEnvironment, *, as_json: bool) -> None:
    """Send what waits: to the platform's MLflow, or to MLflow's file in the state folder.

    Metrics go to the Pushgateway, and events to the OpenLineage endpoint, where there is one.
    """
    from atlas.errors import PlatformError
    from atlas.step.finish import tracker_of_steps
    from atlas.step.lineage_events import send_waiting_lineage
    from atlas.step.publishing import push_waiting
    from atlas.step.sync import summary, sync
    from atlas.tracking.database import TrackingDatabase
    from atlas.tracking.outbox import outbox_in

    state = Path(os.environ["ATLAS_STATE"])
    tracker = tracker_of_steps()
    if tracker is None and process.missing:
        raise PlatformError(process.missing[0])
    where = os.environ.get("ATLAS_MLFLOW_URL") or f"sqlite:///{state / 'mlflow.db'}"
    outbox = outbox_in(state)
    sent: list[Synced] = []
    failure = None
    try:
        for synced in sync(outbox, tracker or TrackingDatabase(state / "mlflow.db")):
            sent.append(synced)
    except PlatformError as error:
        failure = error
    pushed, no_metrics = _sent(push_waiting, process)
    reported, no_events = _sent(send_waiting_lineage, process)
    failure = failure or no_metrics or no_events
    unreadable = outbox.unreadable()
    runs = [synced.to_json() for synced in sent]
    data = {
        "to": where,
        "runs": runs,
        "pushed": pushed,
        "reported": reported,
        "unreadable": unreadable,
    }
    lines = [
        *([f"groups of metrics pushed: {pushed}"] if pushed else []),
        *([f"OpenLineage events of {reported} runs sent"] if reported else []),
        *(synced.line() for synced in sent),
        *(f"{outbox.folder}/{name}: no run's" for name in unreadable),
    ]
    if sent or failure is None:
        emit(data, lambda: "\n".join([*lines, summary(sent, where)]), as_json=as_json)
    if failure is not None:
        raise failure
    if any(synced.failed for synced in sent):
        raise typer.Exit(1)


def _sent(
    send: Callable[[Store], int], process: ProcessEnvironment
) -> tuple[int, PlatformError | None]:
    """Send one kind of what waits; return of how much, and what went wrong."""
    from atlas.errors import PlatformError

    try:
        return send(process.store), None
    except PlatformError as error:
        return 0, error
