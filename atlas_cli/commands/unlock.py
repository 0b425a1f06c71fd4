"""`atlas unlock`: break the lock of an update that ended without giving it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.commands.deploy import PathArgument
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

Platform = Annotated[
    str, typer.Option("--stack", help="Break that of a platform's stack, not of pipelines.")
]


def unlock(
    path: PathArgument = Path(),
    *,
    env: Environment = "local",
    stack: Platform = "",
    json: Json = False,
) -> None:
    """Break the lock of an update that ended without giving it back.

    Locks of engines that died on this machine go by themselves. One whose engine is running here is
    never broken.
    """
    import atlas_deploy
    from atlas_deploy.platforms import lifecycle

    if stack:
        from atlas.environment import state_folder

        broken = {stack: lifecycle.unlock(state_folder(), stack)}
    else:
        deployments = atlas_deploy.names(path, env)
        broken = {deployment.stack: atlas_deploy.unlock(deployment) for deployment in deployments}
    emit(broken, lambda: "\n".join(_text(*lock) for lock in broken.items()), as_json=json)


def _text(stack: str, holders: list[str]) -> str:
    """Return what was done, for a person."""
    return f"{stack}: " + (f"lock broken: {', '.join(holders)}" if holders else "no lock")
