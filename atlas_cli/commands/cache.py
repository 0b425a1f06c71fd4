"""`atlas cache`: the results that steps take in place of running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from atlas.store import Store
from atlas_cli.commands.gc import Where, duration
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, size

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def cache() -> None:
    """Show the cache's size, or prune it."""


@app.command()
def show(path: Where = Path(), *, env: Environment = "local", as_json: Json = False) -> None:
    """Show how many results are kept, and the size of what they refer to."""
    from atlas.step.results import look

    with _store(path, env) as store:
        cache = look(store)
    counts = [f"  {name}: {count}" for name, count in cache.pipelines.items()]
    text = "\n".join([f"{cache.results} results, {size(cache.size)} of artifacts", *counts])
    emit(asdict(cache), text, as_json=as_json)


@app.command()
def prune(
    path: Where = Path(),
    *,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Younger results stay: 12h, 30d…")
    ] = "0s",
    pipeline: Annotated[str, typer.Option(help="Only results of this pipeline.")] = "",
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Forget results, so that their steps run again; artifacts stay with their runs."""
    from atlas.step import results

    with _store(path, env) as store:
        count = results.prune(store, older=duration(older_than), pipeline=pipeline)
    emit({"removed": count}, f"{count} results were forgotten", as_json=as_json)


@contextmanager
def _store(path: Path, env: str) -> Iterator[Store]:
    """Open the store of a project and an Environment."""
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment
    from atlas.store import open_store

    project = project_at(path)
    with process_environment(project, load_environment(project, env)):
        yield open_store(os.environ["ATLAS_STORE"])
