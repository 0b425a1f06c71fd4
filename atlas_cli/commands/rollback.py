"""`atlas rollback`: deploy what was deployed before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.commands.deploy import PathArgument, Release, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas_deploy.apply.options import DeployResult
    from atlas_deploy.history.records import Entry

To = Annotated[
    int, typer.Option(help="Number of a deployment; by default, the last that was different.")
]


def rollback(
    path: PathArgument = Path(),
    *,
    to: To = 0,
    release: Release = "",
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Deploy an earlier deployment again, all of it.

    A model's champion stays as it is, but for `--release`: then the version that the release pins
    is the champion again, where the Config follows the champion.
    """
    import atlas_deploy

    if release:
        _to_release(path, env, release, to, as_json=json)
        return
    deployments = atlas_deploy.names(path, env)
    done = [atlas_deploy.rollback(deployment, say, to=to) for deployment in deployments]
    data = [{**result.to_json(), "to": entry.to_json()} for result, entry in done]
    emit(data, lambda: "\n".join(_text(result, entry) for result, entry in done), as_json=json)


def _to_release(path: Path, env: str, name: str, to: int, *, as_json: bool) -> None:
    """Go back to a release."""
    from atlas_deploy.operations.release_render import render_rollback
    from atlas_deploy.operations.release_rollback import rollback_to
    from atlas_deploy.operations.released import opened

    if to:
        raise typer.BadParameter("give --to or --release, not both", param_hint="--release")
    with opened(path, env, name, say) as released:
        done = rollback_to(released, say)
    emit([done], lambda: render_rollback(done), as_json=as_json)


def _text(done: DeployResult, entry: Entry) -> str:
    """Return what was done, for a person."""
    from atlas_deploy.apply.render import render_result

    lines = [render_result(done), f"  as deployment {entry.number} was, of {entry.at}"]
    lines += [
        f"  model {name}: its champion was version {version} then; the alias stays where it is"
        for name, version in entry.champions.items()
    ]
    return "\n".join(lines)
