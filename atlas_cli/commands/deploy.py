"""`atlas deploy`: make pipelines run where their environment says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.errors import Problem
    from atlas_deploy.apply.options import DeployResult
    from atlas_deploy.diff.plan_file import PlanFile

_SHOWN = 3
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


def deploy(
    path: Annotated[
        Path | None, typer.Argument(help="Config, pipeline, or a folder that is scanned.")
    ] = None,
    *,
    plan: Plan = None,
    wait: Wait = False,
    unpause: Unpause = False,
    jobs: Jobs = 0,
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Deploy pipelines to Kubeflow and Airflow; twice changes nothing."""
    import atlas_deploy

    planned = atlas_deploy.load(plan) if plan else None
    if planned:
        path, env = _planned(planned, path), planned.environment
    results = atlas_deploy.deploy(
        atlas_deploy.deployments(path or Path(), env),
        say,
        atlas_deploy.DeployOptions(unpause=unpause, wait=wait),
        planned.stacks if planned else None,
        jobs,
    )
    emit([data(one) for one in results], lambda: _texts(results), as_json=json)
    require_done({one.stack: one.error for one in results}, "deploy")


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


def data(result: DeployResult) -> dict[str, Any]:
    """Return an operation's result as plain data."""
    bundle = result.bundle
    return {
        "stack": result.stack,
        "number": result.number,
        "changes": [change.to_json() for change in result.changes],
        "paused": list(result.paused),
        "unpaused": list(result.unpaused),
        "under_way": {name: list(runs) for name, runs in result.under_way.items()},
        "opened": result.opened,
        "error": result.error,
        "skipped": list(bundle.skipped) if bundle else [],
        "unbuilt": list(bundle.unbuilt) if bundle else [],
        "warnings": [str(warning) for warning in bundle.warnings] if bundle else [],
    }


def remarks(result: DeployResult) -> list[str]:
    """Return what a person should know besides the changes."""
    from atlas_deploy.apply.runs import render_runs

    bundle = result.bundle
    lines = [f"paused: {name} stays paused, as an operator left it" for name in result.paused]
    lines += [f"unpaused: {name} runs again" for name in result.unpaused]
    if result.under_way:
        wait = " (--wait waits for them first)" if bundle else ""
        runs = render_runs(result.under_way)
        lines.append(f"under way: {runs}; the rest of these runs uses what is deployed now{wait}")
    if bundle is None:
        return lines
    lines += [f"not deployed: {name}: its target here is local" for name in bundle.skipped]
    lines += render_warnings(bundle.warnings)
    if bundle.unbuilt:
        lines.append(f"images not built, named by their content: {', '.join(bundle.unbuilt)}")
    return lines


def render_warnings(warnings: Sequence[Problem]) -> list[str]:
    """Return warnings, each once: the first of those that differ only in place or name."""
    like: dict[tuple[str, str], list[Problem]] = {}
    for warning in warnings:
        like.setdefault((warning.code, warning.message), []).append(warning)
    return [
        f"{found[0]} (and {len(found) - 1} more like it)" if found[1:] else str(found[0])
        for found in like.values()
    ]


def text(result: DeployResult) -> str:
    """Return the result for a person."""
    from atlas_deploy.diff.render import render

    if result.error:
        return f"{result.stack}: failed"
    lines = render(result.changes)
    if not lines:
        lines = [f"nothing to do: {len(result.changes)} members are as they should be"]
    number = f", deployment {result.number}" if result.number else ""
    return "\n  ".join([f"{result.stack}{number}", *lines, *remarks(result), *_pages(result)])


def _pages(result: DeployResult) -> list[str]:
    """Return where the first of what was deployed is to be seen, once something has changed."""
    if not result.number:
        return []
    shown = [f"{name}: {url}" for name, url in result.pages.items()]
    more = len(shown) - _SHOWN
    return [*shown[:_SHOWN], *([f"and {more} more pages like these"] if more > 0 else [])]


def summary(results: Sequence[DeployResult]) -> list[str]:
    """Return what became of several deployments together."""
    if len(results) < 2:  # noqa: PLR2004 - several
        return []
    changed = [one for one in results if one.changed and not one.error]
    failed = sum(bool(one.error) for one in results)
    members = sum(len(one.changed) for one in changed)
    return [
        f"{len(changed)} of {len(results)} deployments change ({members} members); "
        f"{len(results) - len(changed) - failed} are as they should be"
        + (f"; {failed} failed" if failed else "")
    ]


def _texts(results: Sequence[DeployResult]) -> str:
    """Return the results for a person, of those that were opened."""
    return "\n".join([*(text(one) for one in results if one.opened), *summary(results)])
