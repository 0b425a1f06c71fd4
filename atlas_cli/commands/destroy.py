"""`atlas destroy`: take a deployment away."""

from __future__ import annotations

from pathlib import Path

from atlas_cli.commands.deploy import PathArgument, say
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit


def destroy(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Remove what is deployed; models, runs and artifacts stay."""
    from atlas_cli import deploying

    done = {each.stack: deploying.destroy(each, say) for each in deploying.names(path, env)}
    emit(done, lambda: "\n".join(_text(*one) for one in done.items()), as_json=json)


def _text(stack: str, was_there: bool) -> str:
    """Return what was done, for a person."""
    if not was_there:
        return f"{stack}: nothing was deployed"
    return f"{stack}: removed; its models, runs and artifacts stay"
