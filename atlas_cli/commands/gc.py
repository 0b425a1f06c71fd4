"""`atlas gc`: old runs, and what only they used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from atlas.advice import command
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, size

Where = Annotated[Path, typer.Argument(help="Where the project is.")]


def gc(
    path: Where = Path(),
    *,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Younger runs stay: 12h, 30d…")
    ] = "30d",
    keep: Annotated[
        int, typer.Option(min=0, help="The newest runs of each pipeline and flow stay.")
    ] = 10,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    env: Environment = "local",
    as_json: Json = False,
) -> None:
    """Remove old runs that nothing refers to, with what only they used.

    Runs stay that a registered model was made by, that a deployment, a run that stays or the outbox
    refers to; with them their Plans and their code. Ephemeral platforms go whose owner and
    supervisor were both killed.
    """
    from atlas.load import load_environment
    from atlas.load.projects import project_at
    from atlas.runner.process_environment import process_environment
    from atlas.step.garbage import collect, find_garbage
    from atlas.store import open_store
    from atlas_deploy.platforms.ephemeral import collect as collect_platforms

    older = duration(older_than)
    project = project_at(path)
    with process_environment(project, load_environment(project, env)):
        store = open_store(os.environ["ATLAS_STORE"])
        garbage = find_garbage(store, keep=keep, older=older)
        if not dry_run:
            collect(store, garbage)
    platforms = [str(folder) for folder in collect_platforms(dry_run=dry_run)]
    verb = "would be" if dry_run else "were"
    runs = [run.key for run in garbage.runs]
    unsent = [run.key for run in garbage.unsent]
    data = {
        "runs": runs, "size": garbage.size, "dry_run": dry_run, "unsent": unsent,
        "platforms": platforms,
    }  # fmt: skip
    lines = [*runs, f"{len(runs)} runs, {size(garbage.size)} {verb} removed"]
    lines += [f"{folder}: what was left of a platform {verb} taken away" for folder in platforms]
    if unsent:
        lines.append(
            f"old runs that stay until {command('runs', '--sync')} has sent them: {len(unsent)}"
        )
    emit(data, "\n".join(lines), as_json=as_json)


def duration(text: str) -> float:
    """Return a duration in seconds, as an option gives it."""
    from atlas.values import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
