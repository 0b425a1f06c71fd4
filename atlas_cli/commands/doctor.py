"""`atlas doctor`: what Atlas finds on this machine."""

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
    json: Json = False,
) -> None:
    """Show each tool Atlas uses: found, needed, what works without.

    Exits 1 when something is missing that everything needs.
    """
    if install:
        tools.obtain(_say, again=True)
        if cluster:
            tools.obtain_for_clusters(_say)
    findings = tools.findings()
    emit(findings, lambda: as_table(findings), as_json=json)
    if lacking(findings):
        raise typer.Exit(1)


def _say(message: str) -> None:
    """Print a line of progress."""
    print(message, file=sys.stderr)
