"""`atlas catalog`: a site with every pipeline, and what is known of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, progress


def catalog(
    path: PipelinePath = Path(),
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the site; by default, of the state."),
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve it on this machine, until interrupted.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="With --serve: its port; 0: any.")
    ] = 0,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Write a site with every pipeline: graph, models, runs, lineage.

    It is files that load nothing, for any web server or none. --serve asks for a password, for
    others of this machine can reach the port too.
    """
    from atlas.catalog import counted, write_site
    from atlas.environment import find_project
    from atlas_deploy.operations.cataloguing import catalog_of

    if port and not serve:
        raise typer.BadParameter("is of --serve; give that, too", param_hint="--port")
    state = find_project(path).state
    found = catalog_of(path, env)
    front = write_site(found, out or state / "catalog")
    for note in found.notes:
        progress(f"warning: {note}")
    facts = {"page": front.resolve().as_uri(), "pipelines": len(found.entries)}
    emit(facts, lambda: f"{facts['page']}: {counted(found)}", as_json=as_json)
    if serve:
        _serve(front.parent, port, state)


def _serve(folder: Path, port: int, state: Path) -> None:
    """Serve the site until somebody interrupts it; the page that opens it goes with it."""
    from time import sleep

    from atlas.catalog.serving import served
    from atlas_deploy.platforms import pages

    with served(folder, port) as there:
        secret = {"username": there.username, "password": there.password}
        opener = pages.write_page(state, "catalog", there.url, secret)
        try:
            pages.browse(opener.as_uri())
            print(f"{there.url} asks for a password; {opener.as_uri()} has it")
            print("Ctrl-C ends it", flush=True)
            while True:
                sleep(0.5)  # `signal.pause` would miss an interrupt that comes just before it
        finally:
            opener.unlink(missing_ok=True)
