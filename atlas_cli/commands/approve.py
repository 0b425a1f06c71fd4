"""`atlas approve`: a retraining that waits for somebody goes on, or doesn't."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, progress


def approve(
    path: Annotated[Path, typer.Argument(help="Config, pipeline, or folder.")],
    event: Annotated[str, typer.Argument(help="The event's id, or its first digits.")],
    *,
    reject: Annotated[
        bool, typer.Option("--reject", help="Decline it: nothing more comes of the event.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for a run on an orchestrator to end.")
    ] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Approve a retraining that waits, or decline it.

    What was approved goes on at once: training begins, or the version is promoted if it still
    passes its rule. The first decision holds.
    """
    from atlas.retraining import approve as decide
    from atlas.retraining.every import line
    from atlas_deploy.training.retraining import opened_retrainings

    with opened_retrainings(path, env, say=progress) as opened:
        monitored, found = opened.event(event)
        decide(opened.store, monitored.pipeline, found.id, approved=not reject, reason=reason)
        seconds = 7 * 86400.0 if wait else 0.0
        (there,) = opened.retrain([(monitored, found)], wait=seconds, say=progress)
    emit(there, lambda: line(there), as_json=as_json)
    if there.state in ("failed", "blocked"):
        raise typer.Exit(1)
