"""`atlas retrain`: the retrainings that events ask for, each exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.retraining import Retraining
    from atlas_deploy.training.retraining import OpenedRetrainings

_TROUBLE = ("failed", "blocked")
_DAY = 86400.0


def retrain(
    path: Annotated[Path, typer.Argument(help="Config, pipeline, or folder.")] = Path(),
    *,
    event: Annotated[
        str, typer.Option("--event", metavar="ID", help="Only this event; its first digits do.")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="With --event: try one once more that failed.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Ask for a retraining, and say why.")
    ] = "",
    key: Annotated[
        str, typer.Option("--key", help="With --reason: the same key asks for the same, once.")
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for runs on an orchestrator to end.")
    ] = False,
    config: Annotated[
        list[str] | None, typer.Option(help="Only the pipelines of this name, or of this Config.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would begin, and start nothing.")
    ] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Retrain champions for the events that ask for it, each once.

    Training runs the Plan and the code that made the champion, with the parameters and the data
    window of the Config's `retraining`. Repeated, it goes on with what has begun.
    """
    from atlas.retraining.every import line
    from atlas_cli.watching import own_stdout, watcher
    from atlas_deploy.training.retraining import opened_retrainings

    _check(event, again=again, reason=reason, key=key, dry_run=dry_run)
    out = own_stdout()
    listener = (lambda _: None) if as_json else watcher(out, as_json=False, several=True)
    with opened_retrainings(path, env, config or (), listener=listener, say=progress) as opened:
        found = _found(opened, event, (reason, key), again=again, wait=wait, dry_run=dry_run)
    if as_json:
        import json

        print(json.dumps([one.to_json() for one in found], indent=2), file=out)
    else:
        print(*(map(line, found) if found else ["no event is open"]), sep="\n", file=out)
    if any(one.state in _TROUBLE for one in found):
        raise typer.Exit(1)


def _check(event: str, *, again: bool, reason: str, key: str, dry_run: bool) -> None:
    if event and reason:
        raise typer.BadParameter("give --event or --reason, not both", param_hint="--reason")
    if again and not event:
        raise typer.BadParameter("names no event; give --event ID, too", param_hint="--again")
    if key and not reason:
        raise typer.BadParameter("is of --reason; give that, too", param_hint="--key")
    if dry_run and reason:
        hint = "would write the event that it asks for; leave --dry-run out"
        raise typer.BadParameter(hint, param_hint="--reason")


def _found(
    opened: OpenedRetrainings,
    event: str,
    asked: tuple[str, str],
    *,
    again: bool,
    wait: bool,
    dry_run: bool,
) -> Sequence[Retraining]:
    """Return how the chosen retrainings stand, once they have got as far as they can."""
    from atlas.retraining.retrain import preview

    if event:
        events = [opened.event(event)]
    else:
        events = [opened.asked_for(*asked)] if asked[0] else opened.open_events()
    if dry_run:
        return [preview(opened.place, monitored, one) for monitored, one in events]
    seconds = _DAY * 7 if wait else 0.0
    return opened.retrain(events, wait=seconds, again=again, say=progress)
