"""`atlas status`: what is deployed, and whether it still is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from atlas_cli.commands.deploy import PathArgument
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas_cli.deploying.inspection import Status

_WORTH = 12


def status(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Show what is deployed, what drifted from it, its last run."""
    from atlas_cli import deploying

    found = {each.stack: deploying.status(each) for each in deploying.names(path, env)}
    emit(found, lambda: "\n".join(text(*one) for one in found.items()), as_json=json)


def text(stack: str, resources: Sequence[Status]) -> str:
    """Return a deployment's status for a person."""
    if not resources:
        return f"{stack}: not deployed; `atlas deploy` deploys it"
    rows = [row for resource in resources for row in _rows(resource)]
    drift = [
        f"drift: {member} {how}; `atlas deploy` repairs it"
        for resource in resources
        for member, how in resource.drift.items()
    ]
    headers = ("PART", "MEMBER", "PLAN", "STATE", "LAST RUN")
    return "\n".join([stack, table(headers, rows), *drift])


def _rows(resource: Status) -> list[tuple[str, ...]]:
    """Return a line of the table for each member of a resource."""
    return [
        (
            resource.name,
            member,
            resource.plans.get(member, "")[:_WORTH] or "-",
            _state(resource, member),
            " ".join(resource.runs.get(member, ())) or "-",
        )
        for member in resource.members
    ]


def _state(resource: Status, member: str) -> str:
    """Return a member's state in a word."""
    if member in resource.drift:
        return "drifted"
    return "held" if member in resource.held else "ok"
