"""`atlas up`: bring a platform up, or repair it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMED_OUT = 124
"""The exit code of a command that had to be ended, as of timeout(1)."""
Stack = Annotated[str, typer.Option("--stack", help="The platform's stack.")]


Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="[-- COMMAND...]", help="With --ephemeral: what is run with it."),
]
Ephemeral = Annotated[
    bool,
    typer.Option(
        "--ephemeral",
        help="A new platform on free ports in a temporary folder, for COMMAND alone.",
    ),
]
Ttl = Annotated[
    str, typer.Option(metavar="DURATION", help="How long an ephemeral platform lives at most.")
]
Chosen = Annotated[
    str,
    typer.Option(
        "--services", metavar="NAME,…", help="The services of an ephemeral one: all, or these."
    ),
]


def up(
    words: Command = None,
    *,
    stack: Stack = "local",
    ephemeral: Ephemeral = False,
    ttl: Ttl = "30m",
    chosen: Chosen = "",
    as_json: Json = False,
) -> None:
    """Bring the platform up, or repair it, and show its services.

    What runs already stays as it is; what died comes back on the same ports. With --ephemeral a
    platform of its own comes up for COMMAND, which finds it by ATLAS_STATE; its exit code is that
    of `atlas`, and the platform goes down however either ends.
    """
    if ephemeral:
        raise typer.Exit(_run(words or [], chosen, ttl))
    if words:
        raise typer.BadParameter("a COMMAND needs --ephemeral")
    from atlas.environment import state_folder
    from atlas_deploy.platforms import lifecycle

    update = lifecycle.up(state_folder(), stack, say)
    platform = update.outputs["platform"]
    if not update.changes:
        say("nothing to do: everything runs as it should")
    emit(platform, lambda: f"{services(platform)}\n{sign_in(platform)}", as_json=as_json)


def _run(words: list[str], chosen: str, ttl: str) -> int:
    """Run a command with an ephemeral platform; return its exit code."""
    from atlas.advice import mention
    from atlas_cli.commands.gc import duration
    from atlas_deploy.platforms.accompanied import run
    from atlas_deploy.platforms.ephemeral import ephemeral

    if not words:
        told = mention("up", "--ephemeral", "--", "COMMAND")
        raise typer.BadParameter(f"--ephemeral needs a COMMAND, as in {told}")
    names = [name for name in chosen.split(",") if name]
    with ephemeral(names, duration(ttl)) as platform:
        say(f"ephemeral platform: up in {platform.state}; running {words[0]}")
        code, why = run(platform, words)
    if why:
        say(f"{words[0]}: ended: {why}")
        return _TIMED_OUT
    return code


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
