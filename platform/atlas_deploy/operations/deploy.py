"""Preview, deploy, roll back: what is as it should be stays untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import DeployError
from atlas.load.protection import ROLLED_BACK, require_unprotected
from atlas.store import open_location
from atlas_deploy.apply import fleet, locks, runs
from atlas_deploy.apply.options import DeployOptions, DeployRequest, DeployResult
from atlas_deploy.apply.prepare import prepare, take_names
from atlas_deploy.apply.update import locked, record, result_of, update, update_stack
from atlas_deploy.desired.bundle import Part
from atlas_deploy.diff.plan_file import planned_stacks, require_same
from atlas_deploy.history import records
from atlas_deploy.operations.reading import Comparison, compare, compare_parts
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_deploy.apply.options import Say
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.diff.deployment import DeploymentDiff
    from atlas_deploy.diff.plan_file import PlannedStack

_SEVERAL = 2
_DEFAULTS = DeployOptions()


def preview(
    deployments: Sequence[Deployment],
) -> tuple[list[DeployResult], Mapping[str, PlannedStack]]:
    """Return what `deploy` would do; nothing is written.

    Args:
        deployments: what to preview, of one Environment.

    Returns:
        What would be done, and all that it follows from, for a plan file.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the state of a stack can't be read, or another stack or project has a name.
    """
    comparison = compare(deployments, entries=True)
    results = [result_of(diff, runs.under_way(diff), 0) for diff in comparison.diffs]
    return (
        _ordered(deployments, comparison.unchanged, results),
        planned_stacks(comparison.diffs, comparison.unchanged),
    )


def deploy(
    deployments: Sequence[Deployment],
    say: Say,
    options: DeployOptions = _DEFAULTS,
    plan: Mapping[str, PlannedStack] | None = None,
    jobs: int = 0,
) -> list[DeployResult]:
    """Deploy: drift is repaired, what is as it should be stays untouched.

    Several deployments are prepared first, waited for together, and then updated, some at once; one
    that fails leaves the others as they should be.

    Args:
        deployments: what to deploy, of one Environment; of several, only those are opened that
            change.
        say: takes a line of progress.
        options: how to deploy.
        plan: what a preview saw, where nothing else may be done.
        jobs: how many are updated at once; 0 for one a core.

    Returns:
        What was done to each; of several, also why one failed.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: something has changed since the plan was saved; or, of a single one, an image
            is gone from the registry, or the update failed; what was done of it is kept, and a
            repeat goes on.
    """
    numbers = {deployment.stack: locks.number_of(deployment) for deployment in deployments}
    with_entries = plan is not None
    comparison = compare(deployments, entries=with_entries)
    if plan is not None:
        require_same(plan, planned_stacks(comparison.diffs, comparison.unchanged))
    if options.unpause and comparison.paused:
        comparison = _with_paused(deployments, comparison, plan)

    def compare_again(deployment: Deployment) -> DeploymentDiff:
        (diff,) = compare([deployment], entries=with_entries).diffs
        return diff

    request = DeployRequest(options, numbers, compare_again, plan)
    if len(comparison.diffs) < _SEVERAL:
        results = [_deploy_one(diff, say, request) for diff in comparison.diffs]
    else:
        results = fleet.deploy_all(comparison.diffs, say, request, jobs)
    return _ordered(deployments, comparison.unchanged, results)


def _with_paused(
    deployments: Sequence[Deployment],
    comparison: Comparison,
    plan: Mapping[str, PlannedStack] | None,
) -> Comparison:
    """Compare as a whole, too, what is unchanged and has paused members.

    Raises:
        DeployError: D010, one of them has changed since the plan was saved.
    """
    paused = [deployment for deployment in deployments if deployment.stack in comparison.paused]
    opened = compare(paused, entries=plan is not None, whole=comparison.paused).diffs
    if plan is not None:
        changed = planned_stacks([diff for diff in opened if not diff.is_empty], {})
        require_same({stack: plan[stack] for stack in changed}, changed)
    unchanged = {
        stack: text
        for stack, text in comparison.unchanged.items()
        if stack not in comparison.paused
    }
    return Comparison([*comparison.diffs, *opened], unchanged, ())


def _deploy_one(diff: DeploymentDiff, say: Say, request: DeployRequest) -> DeployResult:
    """Deploy one deployment under its lock."""
    with locked(diff, say, request) as current:
        under_way = prepare(current, say, request.options)
        return update(current, under_way, say, request.options)


def _ordered(
    deployments: Sequence[Deployment],
    unchanged: Mapping[str, str],
    results: Sequence[DeployResult],
) -> list[DeployResult]:
    """Return what was done to each deployment, in their order."""
    opened = {result.stack: result for result in results}
    others = {stack: DeployResult(stack, opened=False) for stack in unchanged}
    return [(opened | others)[deployment.stack] for deployment in deployments]


def rollback(
    deployment: Deployment, say: Say, *, to: int = 0
) -> tuple[DeployResult, records.Entry]:
    """Make a deployment what an entry of its history was.

    Args:
        deployment: whose stack.
        say: takes a line of progress.
        to: number of the entry; 0 for the last one that was something else.

    Returns:
        What it did, and the entry.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: there is no such entry, or the update failed; or L014, the entry isn't of a
            release, and the Environment takes only releases.
        StoreError: what was deployed then isn't in the store any more.
    """
    with locks.lock(deployment, say, 0):
        return _roll_back(deployment, say, to)


def _roll_back(deployment: Deployment, say: Say, to: int) -> tuple[DeployResult, records.Entry]:
    services = services_of(deployment.project, deployment.environment)
    place = open_location(services.store)
    entry = _entry(deployment.stack, records.history(place, deployment.stack), to)
    if not entry.release:
        require_unprotected(deployment.environment, ROLLED_BACK)
    parts = [
        Part(part.kind, part.name, {**part.inputs, **services.addresses(part.kind)})
        for part in records.read(place, entry).parts
    ]
    diff = compare_parts(deployment, services, parts)
    under_way = runs.under_way(diff)
    if not diff.is_empty:
        take_names(diff)
    update_stack(diff, say)
    facts = {"commit": entry.commit, "release": entry.release}
    number = record(diff, records.ROLLBACK, **facts, to=entry.number)
    result = DeployResult(
        deployment.stack,
        diff.changes,
        paused=diff.paused,
        number=number,
        under_way=under_way,
        release=entry.release,
    )
    return result, entry


def _entry(stack: str, entries: Sequence[records.Entry], to: int) -> records.Entry:
    """Return the entry to roll back to.

    Raises:
        DeployError: there is none.
    """
    deployed = [entry for entry in entries if entry.record]
    now = entries[-1].record if entries else ""
    fits = [entry for entry in deployed if entry.number == to or (not to and entry.record != now)]
    if not fits:
        numbers = ", ".join(str(entry.number) for entry in deployed) or "none"
        what = f"no deployment {to}" if to else "nothing else was deployed before"
        raise DeployError(f"{stack}: {what}; {command('history')} lists them: {numbers}")
    return fits[-1]
