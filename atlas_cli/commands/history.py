"""`atlas history`: what was deployed, when and by whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from atlas_cli.commands.deploy import PathArgument
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_deploy.history.records import Entry

_WORTH = 12


def history(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """List a pipeline's deployments: number, when, by whom, what."""
    import atlas_deploy

    deployments = atlas_deploy.names(path, env)
    by_stack = {deployment.stack: atlas_deploy.history_of(deployment) for deployment in deployments}
    emit(by_stack, lambda: "\n".join(_text(*history) for history in by_stack.items()), as_json=json)


def _text(stack: str, entries: Sequence[Entry]) -> str:
    """Return a history for a person, the newest first."""
    if not entries:
        return f"{stack}: never deployed"
    rows = [
        (
            entry.number,
            entry.at,
            entry.by or "-",
            f"{entry.action} to {entry.to}" if entry.to else entry.action,
            entry.record[:_WORTH] or "-",
            entry.commit[:_WORTH] or "-",
            entry.release or "-",
            " ".join(f"{name}/{version}" for name, version in entry.champions.items()) or "-",
        )
        for entry in reversed(entries)
    ]
    headers = ("NUMBER", "AT", "BY", "ACTION", "RECORD", "COMMIT", "RELEASE", "CHAMPIONS THEN")
    return f"{stack}\n{table(headers, rows)}"
