"""`atlas outputs`: what a platform offers."""

from __future__ import annotations

from typing import Annotated

import typer

from atlas.advice import command
from atlas_cli.commands.up import Stack, services
from atlas_cli.options import Json
from atlas_cli.output import emit

Service = Annotated[
    str, typer.Argument(metavar="[SERVICE]", help="One service: its URL, or all of it with --json.")
]
Secret = Annotated[
    bool,
    typer.Option(
        "--secret",
        help="Print the password that opens SERVICE; with --json, its user and its password.",
    ),
]


def outputs(
    service: Service = "", secret: Secret = False, stack: Stack = "local", as_json: Json = False
) -> None:
    """Show the platform's services and their addresses."""
    from atlas.environment import find_project
    from atlas_deploy.platforms import lifecycle
    from atlas_deploy.platforms.references import follow_stack

    if secret and not service:
        raise typer.BadParameter(
            f"needs a SERVICE: {command('outputs', 'mlflow', '--secret')}", param_hint="--secret"
        )
    project = find_project()
    follow_stack(project, stack)
    if secret:
        credentials = lifecycle.secret_of(project.state, stack, service)
        emit(credentials, credentials["password"], as_json=as_json)
    elif service:
        entry = lifecycle.service_of(project.state, stack, service)
        emit(entry, entry["url"], as_json=as_json)
    else:
        platform = lifecycle.outputs(project.state, stack)
        emit(platform, lambda: services(platform), as_json=as_json)
