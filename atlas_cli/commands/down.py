"""`atlas down`: take a platform down."""

from __future__ import annotations

from typing import Annotated

import typer

from atlas_cli.commands.up import Stack, say

Purge = Annotated[
    bool,
    typer.Option(
        "--purge",
        help="Delete its data too: MLflow's and Airflow's databases, metrics, logs and passwords; "
        "the artifact store stays.",
    ),
]


def down(stack: Stack = "local", purge: Purge = False) -> None:
    """Take the platform down: no process or port is left; its data stay.

    It works as well when half of the platform is dead.
    """
    from atlas.environment import state_folder
    from atlas_cli import platforms

    state = state_folder()
    platforms.down(state, stack, say)
    for path in platforms.purge(state, stack) if purge else ():
        say(f"deleted {path}")
    kept = "" if purge else f"; its data stay in {platforms.folder(state, stack)}"
    print(f"platform {stack} is down{kept}")
