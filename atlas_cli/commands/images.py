"""`atlas images`: what there is of images, and the removal of what nothing refers to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, progress, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.images import Builder, ListedImage, Pruning
    from atlas_deploy.desired.images import ImageStorage

images = typer.Typer(
    help="Show step images: built, deployed, and what would change.",
    invoke_without_command=True,
    add_completion=False,
)


@images.callback()
def show(context: typer.Context) -> None:
    """Show step images: built, deployed, and what would change."""
    if context.invoked_subcommand is None:
        list_()


@images.command("list")
def list_(
    path: PipelinePath = Path(),
    *,
    env: Environment = "local",
    json: Json = False,
) -> None:
    """List the images that pipelines want, and the others that are deployed."""
    from atlas.images import desired_images, list_images, referenced
    from atlas_deploy.desired.images import storage_at

    storage = storage_at(path, env)
    reached = referenced(storage.store, storage.project.root)
    listing = list_images(desired_images(storage.pipelines), storage.store, reached)
    emit([image.to_json() for image in listing], lambda: _text(listing), as_json=json)


def _text(listing: Sequence[ListedImage]) -> str:
    headers = ("IMAGE", "STATE", "DEPLOYED", "SIZE", "COMMIT", "WOULD CHANGE")
    return table(headers, [_row(image) for image in listing]) if listing else "no images"


def _row(listed: ListedImage) -> tuple[str, ...]:
    from atlas_cli.commands.build import megabytes

    built = listed.built
    commit = built.commit[:12] + ("-dirty" * built.commit.endswith("-dirty")) if built else ""
    return (
        listed.name,
        listed.state,
        "yes" if listed.deployed else "no",
        megabytes(built.unpacked) if built else "-",
        commit or "-",
        ", ".join(listed.changes) or ("nothing" if listed.desired else "no pipeline uses it"),
    )


@images.command()
def prune(
    path: Annotated[Path, typer.Argument(help="Folder whose pipelines' images stay.")] = Path(),
    *,
    env: Environment = "local",
    keep: Annotated[
        int, typer.Option(min=0, help="How many of the newest of each image stay in any case.")
    ] = 2,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove images that no deployment and no release refers to, from registry and engine."""
    from atlas.images import alone, desired_images, plan_pruning, referenced, run_in
    from atlas.images import prune as remove
    from atlas_deploy.desired.images import storage_at

    storage = storage_at(path, env)
    with alone(storage.project.state, progress):
        reached = referenced(storage.store, storage.project.root) | run_in(storage.store)
        desired = [image.full for image in desired_images(storage.pipelines)]
        pruning = plan_pruning(storage.store, reached, desired=desired, keep=keep)
        if not dry_run:
            remove(pruning, storage.store, storage.registry, _builder(storage), progress)
            _collect(storage, pruning)
    data = {"removed": [image.to_json() for image in pruning.doomed], "kept": len(pruning.kept)}
    emit({**data, "dry_run": dry_run}, lambda: _pruned(pruning, dry_run=dry_run), as_json=json)


def _collect(storage: ImageStorage, pruning: Pruning) -> None:
    """Free the space of what was removed, where the registry is a process of this machine."""
    import os

    from atlas.images import collect_garbage

    platform = storage.pipelines[0].environment.platform
    folder = storage.project.state / "platform" / platform / "registry"
    if pruning.doomed and storage.registry is not None and storage.registry.plain:
        collect_garbage(folder / "config.yml", dict(os.environ))


def _builder(storage: ImageStorage) -> Builder | None:
    """Return what has images on this machine; None where nothing does."""
    from atlas.errors import PlatformError
    from atlas.images import find_builder

    try:
        return find_builder(storage.project.state)
    except PlatformError:
        return None


def _pruned(pruning: Pruning, *, dry_run: bool) -> str:
    from atlas_cli.commands.build import megabytes

    rows = [(image.name, megabytes(image.unpacked), image.created) for image in pruning.doomed]
    word = "would be removed" if dry_run else "removed"
    total = f"{len(rows)} {word}, {len(pruning.kept)} kept"
    return "\n".join([*([table(("IMAGE", "SIZE", "CREATED"), rows)] if rows else []), total])
