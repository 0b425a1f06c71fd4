"""The update of one deployment's stack, under its lock, and its record."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.git import commit_of
from atlas.store import open_location
from atlas_deploy.apply import metrics, runs
from atlas_deploy.apply.locks import lock
from atlas_deploy.apply.options import DeployResult
from atlas_deploy.apply.stack import open_stack
from atlas_deploy.diff.plan_file import planned_stacks, require_same
from atlas_deploy.history import fingerprints, records
from atlas_deploy.history.records import Record
from atlas_deploy.platforms.deployed_kinds import MODELS
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas_deploy.apply.options import DeployOptions, DeployRequest, Runs, Say
    from atlas_deploy.desired.bundle import Part
    from atlas_deploy.diff.deployment import DeploymentDiff


@contextmanager
def locked(diff: DeploymentDiff, say: Say, request: DeployRequest) -> Iterator[DeploymentDiff]:
    """Hold a deployment's lock; compare again where somebody has changed it meanwhile."""
    deployment = diff.deployment
    stack = deployment.stack
    with lock(deployment, say, request.locks[stack]) as is_current:
        if is_current:
            yield diff
            return
        diff = request.compare(deployment)
        if request.plan is not None:
            require_same({stack: request.plan[stack]}, planned_stacks([diff], {}))
        yield diff


def update(
    diff: DeploymentDiff, under_way: Runs, say: Say, options: DeployOptions, provider: int = 0
) -> DeployResult:
    """Update a deployment's stack, and record that."""
    deployment = diff.deployment
    update_stack(diff, say, provider)
    release = deployment.release
    commit = release.lock.commit if release else commit_of(deployment.pipelines[0].folder)
    action = records.ROLLBACK if options.is_rollback else records.DEPLOY
    number = record(diff, action, commit=commit, release=release.name if release else "")
    if diff.bundle:
        fingerprints.remember(diff.services.store, deployment.stack, diff.bundle.fingerprint)
    unpaused = runs.unpause(diff) if options.unpause else ()
    return result_of(diff, under_way, number, unpaused)


def result_of(
    diff: DeploymentDiff, under_way: Runs, number: int, unpaused: Sequence[str] = ()
) -> DeployResult:
    """Return what was, or would be, done to a deployment."""
    return DeployResult(
        stack=diff.deployment.stack,
        changes=diff.changes,
        pipelines=len(diff.deployment.pipelines),
        paused=[name for name in diff.paused if name not in unpaused],
        unpaused=unpaused,
        under_way=under_way,
        bundle=diff.bundle,
        number=number,
        pages=_pages(diff.parts),
        release=diff.deployment.release.name if diff.deployment.release else "",
    )


def _pages(parts: Sequence[Part]) -> dict[str, str]:
    """Return the address of the page of each member and registered model that has one."""
    pages: dict[str, str] = {}
    for part in parts:
        of_target = kind_of_target(part.kind)
        if of_target is not None:
            pages |= of_target.operations().pages(part.inputs)
        if part.kind == MODELS:
            pages |= {
                f"model {n}": f"{part.inputs['mlflow']}/#/models/{quote(n, safe='')}"
                for n in part.inputs["members"]
            }
    return pages


def update_stack(diff: DeploymentDiff, say: Say, provider: int = 0) -> None:
    """Update the stack, unless everything is as it should be."""
    if diff.is_empty:
        return
    environment = diff.deployment.environment.name
    before = metrics.groups_of(environment, {**diff.stated, **diff.before})
    lost = metrics.lost_groups(before, metrics.groups_of(environment, diff.after))
    metrics.keep_deletions(diff.services, lost)
    stack = open_stack(diff.deployment, diff.parts, say, provider)
    stack.up(refresh=diff.has_drifted)
    metrics.delete_groups(diff.services, lost, say)


def record(
    diff: DeploymentDiff, action: str, *, commit: str, to: int = 0, release: str = ""
) -> int:
    """Add an entry to the stack's history, where something is new; return its number."""
    entry = records.add(
        open_location(diff.services.store),
        diff.deployment.stack,
        action,
        Record.of(diff.parts),
        commit=commit,
        champions=_champions(diff.parts),
        to=to,
        release=release,
    )
    return entry.number if entry else 0


def _champions(parts: Sequence[Part]) -> dict[str, str]:
    """Return which version each model's alias points at now."""
    from atlas.tracking.registry import CHAMPION
    from atlas_provider.models import mlflow_of, registered

    inputs = [part.inputs for part in parts if part.kind == MODELS]
    models: list[dict[str, Any]] = [
        registered(mlflow_of(resource), resource["members"]) for resource in inputs
    ]
    return {
        name: model.aliases[CHAMPION]
        for by_name in models
        for name, model in sorted(by_name.items())
        if CHAMPION in model.aliases
    }
