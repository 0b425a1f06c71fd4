"""`atlas deploy`: make pipelines run where their environment says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas_cli.deploying.operations import Done

PathArgument = Annotated[
    Path, typer.Argument(help="Config, pipeline, or a folder that is scanned.")
]


def deploy(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Deploy pipelines to Kubeflow and Airflow; twice changes nothing."""
    from atlas_cli import deploying

    done = [deploying.deploy(each, say) for each in deploying.deployments(path, env)]
    emit([data(one) for one in done], lambda: "\n".join(text(one) for one in done), as_json=json)


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
        "skipped": list(material.skipped) if material else [],
        "unbuilt": list(material.unbuilt) if material else [],
        "notes": [str(note) for note in material.notes] if material else [],
    }


def remarks(done: Done) -> list[str]:
    """Return what a person should know besides the changes."""
    material = done.material
    lines = [f"held: {name} stays paused, as an operator left it" for name in done.held]
    if material is None:
        return lines
    lines += [f"not deployed: {name} runs only locally here" for name in material.skipped]
    lines += [str(note) for note in material.notes]
    if material.unbuilt:
        lines.append(f"images not built, named by their content: {', '.join(material.unbuilt)}")
    return lines


def text(done: Done) -> str:
    """Return the result for a person."""
    lines = [str(change) for change in done.changed]
    if not lines:
        lines = [f"nothing to do: {len(done.changes)} members are as they should be"]
    number = f", deployment {done.number}" if done.number else ""
    return "\n  ".join([f"{done.stack}{number}", *lines, *remarks(done)])
