"""`atlas preview`: what a deployment would change, before it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from atlas_cli.commands.deploy import PathArgument, data, remarks
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from atlas_cli.deploying.operations import Done


def preview(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Show what deploy would change, in the Recipe's words."""
    from atlas_cli import deploying

    done = [deploying.preview(each) for each in deploying.deployments(path, env)]
    emit([data(one) for one in done], lambda: "\n".join(_text(one) for one in done), as_json=json)


def _text(done: Done) -> str:
    """Return what would change, for a person."""
    lines = [str(change) for change in done.changed]
    total = f"{len(lines)} of {len(done.changes)} members would change"
    return "\n  ".join([f"{done.stack}: {total}", *lines, *remarks(done)])
