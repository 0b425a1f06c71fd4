"""`atlas build`: the container images of steps."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas.advice import mention
from atlas_cli.options import Environment, Json, PipelinePath
from atlas_cli.output import emit, progress, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.errors import Problem
    from atlas.images import BuildOutcome


def build(
    path: PipelinePath = Path(),
    *,
    env: Environment = "local",
    image: Annotated[str, typer.Option(help="Only the image of this name.")] = "",
    builder: Annotated[
        str, typer.Option(help="docker, podman or buildah; by default the first that answers.")
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, max=16, help="How many images at a time.")] = 2,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Lock the newest versions that requirements allow.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Look for newer bases, and build all again.")
    ] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="Only lock requirements; no engine is needed.")
    ] = False,
    push: Annotated[
        bool, typer.Option("--push/--no-push", help="Push to the platform's registry.")
    ] = True,
    json: Json = False,
) -> None:
    """Build the images of steps and push them, each of them once."""
    from atlas.images import desired_images, ensure_images, lock_images, raise_failures
    from atlas.validate.code import confidential_problems
    from atlas_deploy.desired.images import builder_of, storage_at

    storage = storage_at(path, env)
    warnings = confidential_problems(pipeline.folder for pipeline in storage.pipelines)
    _warn(warnings)
    locks = lock_images(storage.pipelines, progress, upgrade=upgrade)
    outcomes = ensure_images(
        [] if lock else desired_images(storage.pipelines, image),
        state=storage.project.state,
        store=storage.store,
        registry=storage.registry if push else None,
        bases=storage.registry,
        builder=builder_of(storage, builder),
        say=progress,
        jobs=jobs,
        again=again,
    )
    data = {
        "locks": [str(lock) for lock in locks],
        "images": [_data(outcome) for outcome in outcomes],
        "warnings": [str(warning) for warning in warnings],
    }
    emit(data, lambda: "\n".join(_lines(outcomes, locks, asked=not lock)), as_json=json)
    raise_failures(outcomes)


def _warn(warnings: Sequence[Problem]) -> None:
    """Print warnings before anything is built: what was pushed may have been pulled already."""
    for warning in warnings:
        print(warning, file=sys.stderr, flush=True)


def _data(outcome: BuildOutcome) -> dict[str, Any]:
    """Return what came of an image as plain data."""
    return {
        "image": outcome.desired.name or "default",
        "config": outcome.desired.config,
        "name": outcome.desired.full,
        "state": outcome.state,
        "error": str(outcome.error or ""),
        **({"record": outcome.built.to_json()} if outcome.built else {}),
    }


def _lines(
    outcomes: Sequence[BuildOutcome], locks: Sequence[Path], *, asked: bool
) -> Iterator[str]:
    """Give what came of the images for a person."""
    from atlas.load import shown

    yield from (f"locked {shown(lock)}; commit it" for lock in locks)
    if outcomes:
        headers = ("IMAGE", "TAG", "STATE", "SIZE", "DIGEST")
        yield table(headers, [_row(outcome) for outcome in outcomes])
    elif asked:
        yield "no step has an image to build"
    if any(outcome.state == "built" for outcome in outcomes):
        yield (
            f"there is no registry to push to: {mention('deploy')} needs one, {mention('run')} "
            "doesn't"
        )


def _row(outcome: BuildOutcome) -> tuple[str, ...]:
    built = outcome.built
    size = megabytes(built.unpacked) if built else "-"
    digest = (built.digest if built else "") or "-"
    return (outcome.desired.repository, outcome.desired.tag, outcome.state, size, digest)


def megabytes(size: int) -> str:
    """Return a size for a person; a dash for none."""
    return f"{size / 10**6:.1f} MB" if size else "-"
