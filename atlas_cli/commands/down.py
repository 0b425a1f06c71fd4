"""`atlas down`: take a platform down."""

from __future__ import annotations

from typing import Annotated

import typer

from atlas_cli.asking import Yes, require_yes
from atlas_cli.commands.up import Stack, say

Purge = Annotated[
    bool,
    typer.Option(
        "--purge",
        help="Delete its data too: MLflow's and Airflow's databases, metrics, logs and passwords; "
        "the artifact store stays. They are listed first.",
    ),
]


def down(stack: Stack = "local", purge: Purge = False, yes: Yes = False) -> None:
    """Take the platform down: no process or port is left; its data stay.

    It works as well when half of the platform is dead.
    """
    from atlas.environment import state_folder
    from atlas_deploy.platforms import lifecycle

    state = state_folder()
    if purge:
        require_yes([str(path) for path in lifecycle.doomed(state, stack)], given=yes)
    lifecycle.down(state, stack, say)
    for path in lifecycle.purge(state, stack) if purge else ():
        say(f"deleted {path}")
    folder = lifecycle.folder(state, stack)
    kept = f"; its data stay in {folder}" if folder.exists() and not purge else ""
    print(f"platform {stack} is down{kept}")
