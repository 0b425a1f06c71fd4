"""`atlas destroy`: take a deployment away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.asking import Yes, require_yes
from atlas_cli.commands.deploy import Jobs, PathArgument, require_done, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas.errors import AtlasError

Purge = Annotated[
    bool,
    typer.Option(
        "--purge", help="Delete its models, runs, artifacts and images too, once they are listed."
    ),
]


def destroy(
    path: PathArgument = Path(),
    *,
    purge: Purge = False,
    yes: Yes = False,
    jobs: Jobs = 0,
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Remove what is deployed; models, runs and artifacts stay."""
    import atlas_deploy
    from atlas_deploy.operations.render import render_destroyed

    deployments = atlas_deploy.names(path, env)
    left = {}
    if purge:
        left = {deployment.stack: atlas_deploy.leftovers(deployment) for deployment in deployments}
        doomed = [f"{stack}: {line}" for stack, remains in left.items() for line in remains.lines()]
        require_yes(doomed, given=yes)
    names = {
        deployment.stack: [] if purge else atlas_deploy.versioned_members(deployment)
        for deployment in deployments
    }
    ended = atlas_deploy.destroy_all(deployments, say, jobs)
    done = {stack: was for stack, was in ended.items() if isinstance(was, bool)}
    kept = {}
    for deployment in deployments:
        if deployment.stack not in done:
            continue
        if purge:
            atlas_deploy.purge(deployment, left[deployment.stack])
        kept[deployment.stack] = atlas_deploy.versions_left(deployment, names[deployment.stack])
    data = {stack: {"destroyed": was, "purged": left.get(stack)} for stack, was in done.items()}
    emit(data if purge else done, lambda: render_destroyed(done, left, kept), as_json=json)
    require_done({stack: _error(outcome) for stack, outcome in ended.items()}, "destroy")


def _error(ended: bool | AtlasError) -> str:
    return "" if isinstance(ended, bool) else str(ended)
