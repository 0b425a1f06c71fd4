"""`atlas rollback`: deploy what was deployed before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.commands.deploy import PathArgument, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas_deploy.apply.options import DeployResult
    from atlas_deploy.history.records import Entry

To = Annotated[
    int, typer.Option(help="Number of a deployment; by default, the last that was different.")
]


def rollback(
    path: PathArgument = Path(), *, to: To = 0, env: Environment = "local", json: Json = False
) -> None:
    """Deploy an earlier deployment again, all of it.

    A model's champion stays as it is: MLflow moves the alias, on the model's page.
    """
    import atlas_deploy

    deployments = atlas_deploy.names(path, env)
    done = [atlas_deploy.rollback(deployment, say, to=to) for deployment in deployments]
    data = [{**result.to_json(), "to": entry.to_json()} for result, entry in done]
    emit(data, lambda: "\n".join(_text(result, entry) for result, entry in done), as_json=json)


def _text(done: DeployResult, entry: Entry) -> str:
    """Return what was done, for a person."""
    from atlas_deploy.apply.render import render_result

    lines = [render_result(done), f"  as deployment {entry.number} was, of {entry.at}"]
    lines += [
        f"  model {name}: its champion was version {version} then; the alias stays where it is"
        for name, version in entry.champions.items()
    ]
    return "\n".join(lines)
