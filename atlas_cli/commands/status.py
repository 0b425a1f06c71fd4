"""`atlas status`: what is deployed, and whether it still is as it was."""

from __future__ import annotations

from pathlib import Path

from atlas_cli.commands.deploy import PathArgument
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table


def status(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Show what is deployed, what drifted from it, its last run."""
    import atlas_deploy
    from atlas_deploy.operations.render import render_statuses

    statuses = atlas_deploy.statuses(atlas_deploy.looked_at(path, env))
    emit(statuses, lambda: render_statuses(statuses, table), as_json=json)
