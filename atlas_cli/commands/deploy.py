"""`atlas deploy`: make pipelines run where their environment says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas_deploy.diff.plan_file import PlanFile

PathArgument = Annotated[
    Path, typer.Argument(help="Config, pipeline, or a folder that is scanned.")
]


Plan = Annotated[
    Path | None,
    typer.Option(
        "--plan", help="Do what `atlas preview --save` showed, or nothing if that has changed."
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="First wait for runs under way of DAGs that change.")
]
Jobs = Annotated[
    int, typer.Option(min=0, help="How many stacks are updated at once; 0: one a core.")
]
Unpause = Annotated[
    bool, typer.Option("--unpause", help="Let DAGs run again that an operator has paused.")
]

Release = Annotated[
    str, typer.Option("--release", metavar="NAME", help="What this release pins, or nothing.")
]


def deploy(
    path: Annotated[
        Path | None, typer.Argument(help="Config, pipeline, or a folder that is scanned.")
    ] = None,
    *,
    release: Release = "",
    plan: Plan = None,
    wait: Wait = False,
    unpause: Unpause = False,
    jobs: Jobs = 0,
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Deploy pipelines to Kubeflow and Airflow; twice changes nothing."""
    import atlas_deploy
    from atlas_deploy.apply.render import render_results

    planned = atlas_deploy.load(plan) if plan else None
    if planned:
        path, env, release = _planned(planned, path), planned.environment, planned.release
    with atlas_deploy.deployments_of(path or Path(), env, release, say) as deployments:
        results = atlas_deploy.deploy(
            deployments,
            say,
            atlas_deploy.DeployOptions(unpause=unpause, wait=wait),
            planned.stacks if planned else None,
            jobs,
        )
    emit(results, lambda: render_results(results), as_json=json)
    require_done({result.stack: result.error for result in results}, "deploy")


def require_done(errors: Mapping[str, str], what: str) -> None:
    """Report what failed of several stacks, after the others.

    Args:
        errors: why, by stack; empty for one that is done.
        what: the command.

    Raises:
        DeployError: one failed.
    """
    from atlas.errors import DeployError

    failed = {stack: error for stack, error in errors.items() if error}
    if failed:
        lines = "\n".join(f"  {stack}: {error}" for stack, error in failed.items())
        raise DeployError(
            f"{len(failed)} of {len(errors)} deployments failed; the others are done, and "
            f"`atlas {what}` again goes on with these:\n{lines}"
        )


def _planned(plan: PlanFile, path: Path | None) -> Path:
    """Return the PATH of a plan file; another one beside it is wrong usage."""
    if path is not None and path.absolute() != Path(plan.path):
        raise typer.BadParameter(f"the plan is of {plan.path}; give only --plan")
    return Path(plan.path)


def say(line: str) -> None:
    """Print a line of progress: this takes long with and without a terminal."""
    print(line, file=sys.stderr, flush=True)
