"""The status of deployments, and what was destroyed, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from atlas.advice import bring_up, command
from atlas_deploy.operations.alerts import render_alerts
from atlas_deploy.operations.monitors import render_monitors
from atlas_deploy.operations.promotions import render_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas_deploy.operations.purge import Leftovers
    from atlas_deploy.operations.status import DeploymentStatus, ResourceStatus

    Table: TypeAlias = Callable[[Sequence[str], Sequence[Sequence[str]]], str]

_WORTH, _NAMED = 12, 3


def _unfinished() -> str:
    return (
        "unfinished: an update after this deployment was interrupted, or failed in part; run it "
        f"again ({command('deploy')}, {command('rollback')}), it takes up from there"
    )


def render_statuses(statuses: Mapping[str, DeploymentStatus], table: Table) -> str:
    """Return the status of several deployments for a person, by their stacks."""
    return "\n".join(render_status(stack, status, table) for stack, status in statuses.items())


def render_status(stack: str, status: DeploymentStatus, table: Table) -> str:
    """Return a deployment's status for a person.

    Args:
        stack: the deployment's stack.
        status: its status.
        table: sets rows below their headers.
    """
    if not status.resources:
        return f"{stack}: not deployed; {command('deploy')} deploys it"
    rows = [row for resource in status.resources for row in _rows(resource, status)]
    drift = [
        f"drift: {member} {how}; {command('deploy')} repairs it"
        for resource in status.resources
        for member, how in resource.drift.items()
    ]
    unstarted = [
        f"{member} {resource.runs[member][0]}: {text}"
        for resource in status.resources
        for member, texts in resource.unstarted.items()
        for text in texts
    ]
    paused = {name for resource in status.resources for name in resource.paused}
    alerts = render_alerts(status.alerts, paused)
    headers = ("PART", "MEMBER", "DEPLOYED", "ON DISK", "STATE", "LAST RUN")
    return "\n".join(
        [
            _head(stack, status),
            table(headers, rows),
            *unstarted,
            *alerts,
            *render_monitors(status.monitors),
            *render_waiting(status.waiting),
            *drift,
            *_remarks(status),
        ]
    )


def _head(stack: str, status: DeploymentStatus) -> str:
    """Return which deployment this is."""
    entry = status.entry
    if entry is None:
        return f"{stack}: of no deployment in the store's history"
    action = f"{entry.action} to {entry.to}" if entry.to else entry.action
    commit = f", commit {entry.commit[:_WORTH]}" if entry.commit else ""
    release = f", {status.release}" if status.release else ""
    by = entry.by or "-"
    return f"{stack}: deployment {entry.number} ({action}), {entry.at} by {by}{commit}{release}"


def _remarks(status: DeploymentStatus) -> list[str]:
    """Return how the documents on disk compare with what is deployed."""
    lines = [_unfinished()] if status.unfinished else []
    if status.dead:
        dead = ", ".join(status.dead)
        lines.append(f"platform: not running: {dead}; {bring_up('brings it back')}")
    if status.broken:
        return [
            *lines,
            f"on disk: broken, so that nothing can be compared; {command('validate')} says how",
        ]
    lines += [f"on disk: {name} isn't deployed yet" for name in status.undeployed]
    differing = [name for resource in status.resources for name in resource.disk]
    if differing:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        names = ", ".join(differing[:_NAMED])
        lines.append(f"on disk: {names}{more} differ; {command('preview')} shows how")
    return lines


def _rows(resource: ResourceStatus, status: DeploymentStatus) -> list[tuple[str, ...]]:
    """Return a line of the table for each member of a resource."""
    return [
        (
            resource.name,
            member,
            resource.plans.get(member, "")[:_WORTH] or "-",
            _disk(resource, status, member),
            _state(resource, member),
            " ".join(resource.runs.get(member, ())) or "-",
        )
        for member in resource.members
    ]


def _disk(resource: ResourceStatus, status: DeploymentStatus, member: str) -> str:
    """Return how a member's Plan on disk compares with the deployed one."""
    if status.broken or member not in resource.plans:
        return "-"
    return (resource.disk[member][:_WORTH] or "gone") if member in resource.disk else "same"


def _state(resource: ResourceStatus, member: str) -> str:
    """Return a member's state in a word."""
    if member in resource.drift:
        return "drifted"
    return "paused" if member in resource.paused else "ok"


def render_destroyed(
    done: Mapping[str, bool], left: Mapping[str, Leftovers], kept: Mapping[str, Mapping[str, int]]
) -> str:
    """Return what was done, for a person."""
    return "\n".join(
        _destroyed_line(stack, left.get(stack), kept[stack], was_there=was)
        for stack, was in done.items()
    )


def _destroyed_line(
    stack: str, left: Leftovers | None, kept: Mapping[str, int], *, was_there: bool
) -> str:
    what = "removed" if was_there else "nothing was deployed"
    if left is not None:
        deleted = f"{stack}: {what}; {len([*left.lines()])} things that it left were deleted"
        return "\n".join([deleted, *(f"  {line}" for line in left.kept())])
    stays = "; its models, runs and artifacts stay" if was_there else ""
    lines = [
        f"  {what_stays} stays with versions that runs were made by: {count}; "
        f"{command('destroy', '--purge')} deletes them"
        for what_stays, count in kept.items()
    ]
    return "\n".join([f"{stack}: {what}{stays}", *lines])
