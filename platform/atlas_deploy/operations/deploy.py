"""Making deployments so: preview, deploy, roll back. What is right already stays untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import DeployError
from atlas.store import open_location
from atlas_deploy.apply import fleet, locks, runs
from atlas_deploy.apply.update import (
    Done,
    How,
    Wanted,
    apply,
    done_of,
    in_turn,
    prepared,
    recorded,
    settled,
)
from atlas_deploy.desired.bundle import Part
from atlas_deploy.diff import plan_file
from atlas_deploy.diff.deployment import outlook, seen
from atlas_deploy.history import fingerprints, records
from atlas_deploy.live import snapshot
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.diff.deployment import Outlook
    from atlas_deploy.live.snapshot import Say


_SEVERAL = 2

_DEFAULTS = How()


def preview(deployments: Sequence[Deployment]) -> tuple[list[Done], Mapping[str, plan_file.Sight]]:
    """Say what `deploy` would do; nothing is written.

    Returns:
        What would be done, and all that it follows from, for a plan file.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the state of a stack can't be read.
    """
    same, seen_ = _look(deployments)
    return _told(deployments, same, [_previewed(one) for one in seen_]), plan_file.sights(
        seen_, same
    )


def deploy(
    deployments: Sequence[Deployment],
    say: Say,
    how: How = _DEFAULTS,
    plan: Mapping[str, plan_file.Sight] | None = None,
    jobs: int = 0,
) -> list[Done]:
    """Make deployments so: drift is repaired, what is right stays untouched.

    Several are written first, waited for together, and then settled, some at once; one that fails
    leaves the others as they are to be.

    Args:
        deployments: what to deploy; of many, only those that change are opened.
        say: takes a line of progress.
        how: what else is to be done.
        plan: what a preview saw, where nothing else may be done.
        jobs: how many are settled at once; 0 for one a core.

    Returns:
        What was done of each; of several, also why one failed.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the world isn't that of the plan; or, of a single one, an image is gone from
            the registry, or the update failed; what was done of it is kept, and a repeat goes on.
    """
    turns_ = {each.stack: locks.number_of(each) for each in deployments}
    same, seen_ = _look(deployments)
    if plan is not None:
        plan_file.require_same(plan, plan_file.sights(seen_, same))
    wanted = Wanted(how, turns_, plan)
    if len(seen_) < _SEVERAL:
        return _told(deployments, same, [_in_turn(one, say, wanted) for one in seen_])
    return _told(deployments, same, fleet.deployed(seen_, say, wanted, jobs))


def rollback(deployment: Deployment, say: Say, *, to: int = 0) -> tuple[Done, records.Entry]:
    """Make a deployment what an entry of its history was.

    Args:
        deployment: whose stack.
        say: takes a line of progress.
        to: number of the entry; 0 for the last one that was something else.

    Returns:
        What it did, and the entry.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: there is no such entry, or the update failed.
        StoreError: what was deployed then isn't in the store any more.
    """
    with locks.turn(deployment, say, 0):
        return _rolled_back(deployment, say, to)


def _rolled_back(deployment: Deployment, say: Say, to: int) -> tuple[Done, records.Entry]:
    services = services_of(deployment)
    place = open_location(services.store)
    entry = _entry(deployment.stack, records.history(place, deployment.stack), to)
    parts = [
        Part(one.kind, one.name, {**one.inputs, **snapshot.addresses(one.kind, services)})
        for one in records.read(place, entry).parts
    ]
    found = seen(deployment, services, parts)
    flying = runs.under_way(found)
    apply(found, say)
    number = recorded(found, records.ROLLBACK, commit=entry.commit, to=entry.number)
    return Done(
        deployment.stack, found.changes, held=found.held, number=number, flying=flying
    ), entry


def _look(deployments: Sequence[Deployment]) -> tuple[dict[str, str], list[Outlook]]:
    """Return the bases of those that are as they should be, and an outlook of each other."""
    same = fingerprints.unchanged(deployments)
    return same, [outlook(each) for each in deployments if each.stack not in same]


def _told(
    deployments: Sequence[Deployment], same: Mapping[str, str], done: Sequence[Done]
) -> list[Done]:
    """Return what was done of each deployment, in their order."""
    found = {one.stack: one for one in done}
    left = {stack: Done(stack, opened=False) for stack in same}
    return [(found | left)[each.stack] for each in deployments]


def _previewed(found: Outlook) -> Done:
    """Return what a deployment would do."""
    flying = runs.under_way(found)
    return done_of(found, flying, 0)


def _in_turn(found: Outlook, say: Say, wanted: Wanted) -> Done:
    """Make one deployment so while nobody else changes it."""
    with in_turn(found, say, wanted) as now:
        return settled(now, prepared(now, say, wanted.how), say, wanted.how)


def _entry(stack: str, entries: Sequence[records.Entry], to: int) -> records.Entry:
    """Return the entry to roll back to.

    Raises:
        DeployError: there is none.
    """
    deployed = [entry for entry in entries if entry.record]
    now = entries[-1].record if entries else ""
    fits = [one for one in deployed if one.number == to or (not to and one.record != now)]
    if not fits:
        numbers = ", ".join(str(entry.number) for entry in deployed) or "none"
        what = f"no deployment {to}" if to else "nothing else was deployed before"
        raise DeployError(f"{stack}: {what}; {command('history')} lists them: {numbers}")
    return fits[-1]
