"""`atlas doctor`: what Atlas finds on this machine, or of a live platform."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from atlas_cli.options import Json
from atlas_cli.output import emit
from atlas_toolchain import tools
from atlas_toolchain.finding import as_table, lacking


def doctor(
    install: Annotated[
        bool, typer.Option("--install", help="First get what is missing, as `make setup` does.")
    ] = False,
    cluster: Annotated[
        bool,
        typer.Option("--cluster", help="With --install: also what platforms on clusters need."),
    ] = False,
    stack: Annotated[
        str,
        typer.Option(
            "--stack",
            metavar="NAME",
            help="Try what work on this platform needs; a file *.json is read as its outputs.",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Show each tool Atlas uses, or try out a live platform.

    Exits 1 when something is missing that everything needs, or something of the platform is wrong.
    """
    if stack:
        _examine(stack, as_json=json)
        return
    if install:
        tools.obtain(_say, again=True)
        if cluster:
            tools.obtain_for_clusters(_say)
    findings = tools.findings()
    emit(findings, lambda: as_table(findings), as_json=json)
    if lacking(findings):
        raise typer.Exit(1)


def _examine(stack: str, *, as_json: bool) -> None:
    """Show what came of each trial of a platform."""
    from atlas_cli.output import table
    from atlas_deploy.platforms.doctor import examine
    from atlas_deploy.platforms.services import services_named

    found = examine(services_named(stack))
    rows = [(one.trial, "ok" if one.ok else "WRONG", one.found) for one in found]
    problems = [f"{one.trial}: {one.problem}" for one in found if not one.ok]
    text = "\n".join([table(("tried", "result", "found"), rows), *problems])
    emit(found, text, as_json=as_json)
    if problems:
        raise typer.Exit(1)


def _say(message: str) -> None:
    """Print a line of progress."""
    print(message, file=sys.stderr)
