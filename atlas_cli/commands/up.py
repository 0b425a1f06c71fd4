"""`atlas up`: bring a platform up, or repair it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Mapping

Stack = Annotated[str, typer.Option("--stack", help="The platform's stack.")]


def up(stack: Stack = "local", as_json: Json = False) -> None:
    """Bring the platform up, or repair it, and show its services.

    What runs already stays as it is; what died comes back on the same ports.
    """
    from atlas.environment import state_folder
    from atlas_deploy.platforms import lifecycle

    update = lifecycle.up(state_folder(), stack, say)
    platform = update.outputs["platform"]
    if not update.changes:
        say("nothing to do: everything runs as it should")
    emit(platform, lambda: f"{services(platform)}\n{sign_in(platform)}", as_json=as_json)


def say(line: str) -> None:
    """Print a line of progress: this takes long with and without a terminal."""
    print(line, file=sys.stderr, flush=True)


def sign_in(platform: Mapping[str, Any]) -> str:
    """Return how a person signs in to the services that ask for a password; empty for none."""
    from atlas.advice import command
    from atlas_provider.vault import USERNAME

    locked = sorted(name for name, entry in platform["services"].items() if entry["credentials"])
    if not locked:
        return ""
    secret = command("outputs", locked[0], "--secret")
    return (
        f"sign in as {USERNAME} to {', '.join(locked)}; {secret} prints the password of {locked[0]}"
    )


def services(platform: Mapping[str, Any]) -> str:
    """Return a platform's services for a person."""
    rows = [
        (name, service["url"], service["version"], service["credentials"] or "")
        for name, service in platform["services"].items()
    ]
    return table(("service", "url", "version", "credentials"), rows)
