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
    from atlas_deploy.apply.update import Done
    from atlas_deploy.diff.plan_file import Saved

_SHOWN = 3
PathArgument = Annotated[
    Path, typer.Argument(help="Config, pipeline, or a folder that is scanned.")
]


Plan = Annotated[
    Path | None,
    typer.Option(
        "--plan", help="Do what `atlas preview --save` showed, or nothing if the world moved on."
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

    saved = atlas_deploy.load(plan) if plan else None
    if saved:
        path, env = _planned(saved, path), saved.environment
    done = atlas_deploy.deploy(
        atlas_deploy.deployments(path or Path(), env),
        say,
        atlas_deploy.How(unpause=unpause, wait=wait),
        saved.stacks if saved else None,
        jobs,
    )
    emit([data(one) for one in done], lambda: _texts(done), as_json=json)
    require_done({one.stack: one.error for one in done}, "deploy")


def require_done(errors: Mapping[str, str], what: str) -> None:
    """Say what failed of several stacks, once the others are told.

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


def _planned(saved: Saved, path: Path | None) -> Path:
    """Return the PATH of a plan file; another one beside it is wrong usage."""
    if path is not None and path.absolute() != Path(saved.path):
        raise typer.BadParameter(f"the plan is of {saved.path}; give only --plan")
    return Path(saved.path)


def say(line: str) -> None:
    """Print a line of progress: this takes long with and without a terminal."""
    print(line, file=sys.stderr, flush=True)


def data(done: Done) -> dict[str, Any]:
    """Return an operation's result as plain data."""
    material = done.material
    return {
        "stack": done.stack,
        "number": done.number,
        "changes": [change.to_json() for change in done.changes],
        "held": list(done.held),
        "unpaused": list(done.unpaused),
        "flying": {name: list(runs) for name, runs in done.flying.items()},
        "opened": done.opened,
        "error": done.error,
        "skipped": list(material.skipped) if material else [],
        "unbuilt": list(material.unbuilt) if material else [],
        "notes": [str(note) for note in material.notes] if material else [],
    }


def remarks(done: Done) -> list[str]:
    """Return what a person should know besides the changes."""
    from atlas_deploy.apply.runs import said_of

    material = done.material
    lines = [f"held: {name} stays paused, as an operator left it" for name in done.held]
    lines += [f"unpaused: {name} runs again" for name in done.unpaused]
    if done.flying:
        wait = " (--wait waits for them first)" if material else ""
        said = said_of(done.flying)
        lines.append(f"under way: {said}; what is left of them runs as deployed now{wait}")
    if material is None:
        return lines
    lines += [f"not deployed: {name} runs only locally here" for name in material.skipped]
    lines += noted(material.notes)
    if material.unbuilt:
        lines.append(f"images not built, named by their content: {', '.join(material.unbuilt)}")
    return lines


def noted(notes: Sequence[Problem]) -> list[str]:
    """Return notes, each once: the first of those that say the same of other places or names."""
    like: dict[tuple[str, str], list[Problem]] = {}
    for note in notes:
        like.setdefault((note.code, note.message), []).append(note)
    return [
        f"{found[0]} (and {len(found) - 1} more like it)" if found[1:] else str(found[0])
        for found in like.values()
    ]


def text(done: Done) -> str:
    """Return the result for a person."""
    from atlas_deploy.diff.render import told

    if done.error:
        return f"{done.stack}: failed"
    lines = told(done.changes)
    if not lines:
        lines = [f"nothing to do: {len(done.changes)} members are as they should be"]
    number = f", deployment {done.number}" if done.number else ""
    return "\n  ".join([f"{done.stack}{number}", *lines, *remarks(done), *_pages(done)])


def _pages(done: Done) -> list[str]:
    """Return where the first of what was deployed is to be seen, once something has changed."""
    if not done.number:
        return []
    shown = [f"{name}: {url}" for name, url in done.pages.items()]
    more = len(shown) - _SHOWN
    return [*shown[:_SHOWN], *([f"and {more} more pages like these"] if more > 0 else [])]


def summary(done: Sequence[Done]) -> list[str]:
    """Return what became of several deployments together."""
    if len(done) < 2:  # noqa: PLR2004 - several
        return []
    changed = [one for one in done if one.changed and not one.error]
    failed = sum(bool(one.error) for one in done)
    members = sum(len(one.changed) for one in changed)
    return [
        f"{len(changed)} of {len(done)} deployments change ({members} members); "
        f"{len(done) - len(changed) - failed} are as they should be"
        + (f"; {failed} failed" if failed else "")
    ]


def _texts(done: Sequence[Done]) -> str:
    """Return the results for a person, of those that were opened."""
    return "\n".join([*(text(one) for one in done if one.opened), *summary(done)])
