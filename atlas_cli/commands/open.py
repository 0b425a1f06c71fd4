"""`atlas open`: a service's page in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from atlas.advice import command
from atlas_cli.commands.up import Stack

Service = Annotated[str, typer.Argument(help="A service with a page, such as mlflow or airflow.")]


def open_(service: Service, stack: Stack = "local") -> None:
    """Open a service's page, with its user and password at hand.

    Without a display, it prints the address and the command that prints the password.
    """
    from atlas.environment import find_project
    from atlas_deploy.platforms import lifecycle, pages
    from atlas_deploy.platforms.references import follow_stack

    project = find_project()
    follow_stack(project, stack)
    entry = lifecycle.service_of(project.state, stack, service)
    url = pages.page_url(service, entry)
    if not entry["credentials"]:
        pages.browse(url)
        print(url)
        return
    secret = lifecycle.secret_of(project.state, stack, service)
    if pages.has_display():
        pages.browse(pages.write_page(project.state, service, url, secret).as_uri())
    print(url)
    shows = command("outputs", service, "--secret", stack=stack)
    print(f"user {secret['username']}; {shows} prints the password")
