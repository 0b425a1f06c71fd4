"""`atlas preview`: what a deployment would change, before it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.commands.deploy import PathArgument, Release, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_deploy.apply.options import DeployResult


Save = Annotated[
    Path | None,
    typer.Option(help="Write a plan file: `atlas deploy --plan` does this, or refuses."),
]


def preview(
    path: PathArgument = Path(),
    *,
    release: Release = "",
    save: Save = None,
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Show what deploy would change, in the terms of its Recipe."""
    import atlas_deploy

    with atlas_deploy.deployments_of(path, env, release, say) as deployments:
        results, planned = atlas_deploy.preview(deployments)
    if save:
        file = atlas_deploy.PlanFile(str(path.absolute()), env, planned, release)
        atlas_deploy.save(save, file)
    emit(results, lambda: _text(results), as_json=json)


def _text(results: Sequence[DeployResult]) -> str:
    """Return what would change, for a person."""
    from atlas_deploy.apply.render import remarks, summary
    from atlas_deploy.diff.render import render, total

    heads = [f"{result.stack}: {total(result.changes, result.pipelines)}" for result in results]
    lines = [
        "\n  ".join([head, *render(result.changes), *remarks(result)])
        for head, result in zip(heads, results, strict=True)
        if result.opened
    ]
    return "\n".join([*lines, *summary(results)])
