"""`atlas status`: what is deployed, and whether it still is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atlas_cli.commands.deploy import PathArgument
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table


def status(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Show what is deployed, what drifted from it, its last run."""
    from atlas_cli import deploying

    found = {each.stack: deploying.status(each) for each in deploying.names(path, env)}
    emit(found, lambda: "\n".join(_text(*one) for one in found.items()), as_json=json)


def _text(stack: str, resources: list[dict[str, Any]]) -> str:
    """Return a deployment's status for a person."""
    if not resources:
        return f"{stack}: not deployed; `atlas deploy` deploys it"
    rows = [row for resource in resources for row in _rows(resource)]
    drift = [line for resource in resources for line in resource["drift"]]
    lines = [f"drift: {line}; `atlas deploy` repairs it" for line in drift]
    headers = ("PART", "MEMBER", "PLAN", "STATE", "LAST RUN")
    return "\n".join([stack, table(headers, rows), *lines])


def _rows(resource: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a line of the table for each member of a resource."""
    drifted = {line.partition(":")[0] for line in resource["drift"]}
    return [
        (
            resource["name"],
            member,
            resource["plans"].get(member, "")[:12] or "-",
            "drifted" if member in drifted else "held" if member in resource["held"] else "ok",
            " ".join(resource["runs"].get(member, ())) or "-",
        )
        for member in resource["members"]
    ]
