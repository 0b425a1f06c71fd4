"""`atlas destroy`: take a deployment away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.advice import command
from atlas_cli.asking import Yes, require_yes
from atlas_cli.commands.deploy import PathArgument, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas_cli.deploying.purging import Left

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
    env: Environment = "local",
    json: Json = False,
) -> None:
    """Remove what is deployed; models, runs and artifacts stay."""
    from atlas_cli import deploying

    found = deploying.names(path, env)
    left = {each.stack: deploying.left_of(each) for each in found} if purge else {}
    if purge:
        doomed = [f"{stack}: {line}" for stack, one in left.items() for line in one.lines()]
        require_yes(doomed, given=yes)
    done, kept = {}, {}
    for each in found:
        names = [] if purge else deploying.in_kubeflow(each)
        done[each.stack] = deploying.destroy(each, say)
        if purge:
            deploying.purge(each, left[each.stack])
        kept[each.stack] = deploying.versions_left(each, names)
    data = {stack: {"destroyed": was, "purged": left.get(stack)} for stack, was in done.items()}
    emit(data if purge else done, lambda: _text(done, left, kept), as_json=json)


def _text(
    done: Mapping[str, bool], left: Mapping[str, Left], kept: Mapping[str, Mapping[str, int]]
) -> str:
    """Return what was done, for a person."""
    return "\n".join(
        _line(stack, left.get(stack), kept[stack], was_there=was) for stack, was in done.items()
    )


def _line(stack: str, left: Left | None, kept: Mapping[str, int], *, was_there: bool) -> str:
    what = "removed" if was_there else "nothing was deployed"
    if left is not None:
        deleted = f"{stack}: {what}; {len([*left.lines()])} things that it left were deleted"
        return "\n".join([deleted, *(f"  {line}" for line in left.kept())])
    stays = "; its models, runs and artifacts stay" if was_there else ""
    lines = [
        f"  Kubeflow pipeline {name} stays with versions that runs were made by: {count}; "
        f"{command('destroy', '--purge')} deletes them"
        for name, count in kept.items()
    ]
    return "\n".join([f"{stack}: {what}{stays}", *lines])
