"""`atlas outputs`: what a platform offers."""

from __future__ import annotations

from typing import Annotated

import typer

from atlas_cli.commands.up import Stack, services
from atlas_cli.options import Json
from atlas_cli.output import emit

Service = Annotated[
    str, typer.Argument(metavar="[SERVICE]", help="One service: its URL, or all of it with --json.")
]


def outputs(service: Service = "", stack: Stack = "local", as_json: Json = False) -> None:
    """Show the platform's services and their addresses."""
    from atlas.environment import find_project
    from atlas.errors import PlatformError
    from atlas_cli import platforms
    from atlas_cli.references import follow_stack

    project = find_project()
    follow_stack(project, stack)
    platform = platforms.outputs(project.state, stack)
    if not service:
        emit(platform, lambda: services(platform), as_json=as_json)
        return
    found = platform["services"].get(service)
    if found is None:
        known = ", ".join(sorted(platform["services"]))
        raise PlatformError(f"platform {stack}: no service '{service}'; expected one of {known}")
    emit(found, found["url"], as_json=as_json)
