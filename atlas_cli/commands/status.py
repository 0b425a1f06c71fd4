"""`atlas status`: what is deployed, and whether it still is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from atlas.advice import bring_up, command
from atlas_cli.commands.deploy import PathArgument
from atlas_cli.options import Environment, Json
from atlas_cli.output import emit, table

if TYPE_CHECKING:
    from atlas_deploy.operations.status import DeploymentStatus, ResourceStatus

_WORTH, _NAMED = 12, 3


def status(path: PathArgument = Path(), env: Environment = "local", json: Json = False) -> None:
    """Show what is deployed, what drifted from it, its last run."""
    import atlas_deploy

    found = atlas_deploy.statuses(atlas_deploy.looked_at(path, env))
    emit(found, lambda: "\n".join(text(*one) for one in found.items()), as_json=json)


def _unfinished() -> str:
    return (
        "unfinished: an update after this deployment was interrupted, or failed in part; run it "
        f"again ({command('deploy')}, {command('rollback')}), it takes up from there"
    )


def text(stack: str, found: DeploymentStatus) -> str:
    """Return a deployment's status for a person."""
    if not found.resources:
        return f"{stack}: not deployed; {command('deploy')} deploys it"
    rows = [row for resource in found.resources for row in _rows(resource, found)]
    drift = [
        f"drift: {member} {how}; {command('deploy')} repairs it"
        for resource in found.resources
        for member, how in resource.drift.items()
    ]
    headers = ("PART", "MEMBER", "DEPLOYED", "ON DISK", "STATE", "LAST RUN")
    return "\n".join([_head(stack, found), table(headers, rows), *drift, *_remarks(found)])


def _head(stack: str, found: DeploymentStatus) -> str:
    """Return which deployment this is."""
    entry = found.entry
    if entry is None:
        return f"{stack}: of no deployment in the store's history"
    action = f"{entry.action} to {entry.to}" if entry.to else entry.action
    commit = f", commit {entry.commit[:_WORTH]}" if entry.commit else ""
    release = f", {found.release}" if found.release else ""
    by = entry.by or "-"
    return f"{stack}: deployment {entry.number} ({action}), {entry.at} by {by}{commit}{release}"


def _remarks(found: DeploymentStatus) -> list[str]:
    """Return how the documents on disk compare with what is deployed."""
    lines = [_unfinished()] if found.unfinished else []
    if found.dead:
        dead = ", ".join(found.dead)
        lines.append(f"platform: not running: {dead}; {bring_up('brings it back')}")
    if found.broken:
        return [
            *lines,
            f"on disk: broken, so that nothing can be compared; {command('validate')} says how",
        ]
    lines += [f"on disk: {name} isn't deployed yet" for name in found.undeployed]
    differing = [name for one in found.resources for name in one.disk]
    if differing:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        names = ", ".join(differing[:_NAMED])
        lines.append(f"on disk: {names}{more} differ; {command('preview')} shows how")
    return lines


def _rows(resource: ResourceStatus, found: DeploymentStatus) -> list[tuple[str, ...]]:
    """Return a line of the table for each member of a resource."""
    return [
        (
            resource.name,
            member,
            resource.plans.get(member, "")[:_WORTH] or "-",
            _disk(resource, found, member),
            _state(resource, member),
            " ".join(resource.runs.get(member, ())) or "-",
        )
        for member in resource.members
    ]


def _disk(resource: ResourceStatus, found: DeploymentStatus, member: str) -> str:
    """Return how a member's Plan on disk compares with the deployed one."""
    if found.broken or member not in resource.plans:
        return "-"
    return (resource.disk[member][:_WORTH] or "gone") if member in resource.disk else "same"


def _state(resource: ResourceStatus, member: str) -> str:
    """Return a member's state in a word."""
    if member in resource.drift:
        return "drifted"
    return "paused" if member in resource.paused else "ok"
