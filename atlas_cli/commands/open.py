"""`atlas open`: a service's page in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from atlas.advice import command
from atlas_cli.commands.up import Stack

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = "catalog"
Service = Annotated[
    str,
    typer.Argument(help="airflow, mlflow, prometheus, kubeflow or another service; or catalog."),
]


def open_(service: Service, stack: Stack = "local") -> None:
    """Open a service's page, with its user and password at hand.

    Without a display, it prints the address and the command that prints the password. The catalogue
    is the one that `atlas catalog` has written.
    """
    from atlas.environment import find_project
    from atlas_deploy.platforms import lifecycle, pages
    from atlas_deploy.platforms.references import follow_stack

    project = find_project()
    if service == CATALOG:
        _open_catalog(project.state)
        return
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


def _open_catalog(state: Path) -> None:
    """Open the site that `atlas catalog` has written."""
    from atlas.errors import AtlasError
    from atlas_deploy.platforms import pages

    front = state / CATALOG / "index.html"
    if not front.is_file():
        raise AtlasError(f"{front}: there is no catalogue yet; {command(CATALOG)} writes it")
    pages.browse(front.as_uri())
    print(front.as_uri())
