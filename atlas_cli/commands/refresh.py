"""`atlas refresh`: let the state know what is really there."""

from __future__ import annotations

from pathlib import Path

from atlas_cli.commands.deploy import PathArgument, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table


def refresh(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Read what is really there into the state, and show it."""
    import atlas_deploy
    from atlas_deploy.operations.render import render_statuses

    deployments = atlas_deploy.looked_at(path, env)
    statuses = {
        deployment.stack: atlas_deploy.refresh(deployment, say) for deployment in deployments
    }
    emit(statuses, lambda: render_statuses(statuses, table), as_json=json)
