"""Destroying deployments, and what killed updates left of them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from atlas.store import open_location
from atlas.targets import deployed_kinds
from atlas_deploy.apply import fleet, locks, metrics
from atlas_deploy.apply.concurrent import Progress, at_once
from atlas_deploy.apply.stack import open_stack
from atlas_deploy.desired.alerts import RULES
from atlas_deploy.desired.bundle import Part, owner_of
from atlas_deploy.desired.deployment import PROJECT
from atlas_deploy.history import copies, fingerprints, ownership, records
from atlas_deploy.live import snapshot
from atlas_deploy.live.state import exists, state_of
from atlas_deploy.platforms.deployed_kinds import ALERTS, IMAGES
from atlas_deploy.platforms.services import services_of
from atlas_deploy.stacks.keeping import keeping
from atlas_provider.kinds import KINDS, PREFIX, kind_of_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.errors import AtlasError
    from atlas.targets import DeployedKind
    from atlas_deploy.apply.options import Say
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import Resource, StackState
    from atlas_deploy.platforms.services import Services

_PARTS = ("training", "inference", "monitor")
"""Parts of a deployment that have names of their own on an orchestrator."""
_BY_MEMBER = ("members", "plans", "monitors")


def destroy(deployment: Deployment, say: Say) -> bool:
    """Destroy a deployment, and what a killed update left of it; models, versions and runs stay.

    Returns:
        Whether there was anything.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: D017, another project has the stack; or something can't be removed.
    """
    services = services_of(deployment.project, deployment.environment)
    with locks.lock(deployment, say, 0):
        return _destroy(deployment, services, say)


def destroy_all(
    deployments: Sequence[Deployment], say: Say, jobs: int = 0
) -> dict[str, bool | AtlasError]:
    """Destroy deployments: their DAGs together, then their stacks, some at once.

    Args:
        deployments: what to destroy, of one Environment.
        say: takes a line of progress.
        jobs: how many stacks are removed at once; 0 for one a core.

    Returns:
        Of each stack, whether there was anything, or why it failed.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: D017, another project has a stack.
    """
    if len(deployments) == 1:
        return {deployments[0].stack: destroy(deployments[0], say)}
    outcomes: dict[str, bool | AtlasError] = {}
    for start in range(0, len(deployments), fleet.BATCH):
        batch = deployments[start : start + fleet.BATCH]
        outcomes |= _destroy_together(batch, say, jobs or os.cpu_count() or 1)
    return outcomes


def _destroy_together(
    deployments: Sequence[Deployment], say: Say, jobs: int
) -> dict[str, bool | AtlasError]:
    by_stack = {
        deployment.stack: deployment
        for deployment in sorted(deployments, key=lambda deployment: deployment.stack)
    }
    services = services_of(deployments[0].project, deployments[0].environment)
    with ExitStack() as stack_locks:
        states: dict[DeployedKind, list[dict[str, Any]]] = {}
        for deployment in by_stack.values():
            stack_locks.enter_context(locks.lock(deployment, say, 0))
            state = state_of(deployment.backend, deployment.stack)
            ownership.require_own(deployment, services, state)
            for resource in state.resources:
                kind = kind_of_target(resource.kind)
                if kind is not None and kind.operations().is_rolled_out:
                    states.setdefault(kind, []).append({**snapshot.moved(resource, services).state})
        removed = {kind: _remove(kind, resources, say) for kind, resources in states.items()}
        progress = Progress(say, "removed", "deployments")
        with fleet.hosted(removed) as (port, provider):

            def remove(stack: str) -> bool:
                return _destroy(by_stack[stack], services, fleet.quiet, port)

            return at_once([*by_stack], remove, jobs, progress, provider.end_early)


def _remove(kind: DeployedKind, resources: Sequence[dict[str, Any]], say: Say) -> frozenset[str]:
    """Remove the members of several resources together; return those that are gone."""
    say(f"removing the {kind.noun}s of {fleet.count_stacks(resources)} deployments together")
    return kind.operations().remove(resources)


def _destroy(deployment: Deployment, services: Services, say: Say, provider: int = 0) -> bool:
    name = deployment.stack
    state = state_of(deployment.backend, name)
    ownership.require_own(deployment, services, state)
    fingerprints.forget(services.store, name)
    is_there = exists(deployment.backend, name)
    inputs = {resource.name: resource.inputs for resource in state.resources}
    lost = metrics.lost_groups(metrics.groups_of(deployment.environment.name, inputs), ())
    metrics.keep_deletions(services, lost)
    if is_there:
        _empty(deployment, services, state, say, provider)
        stack = open_stack(deployment, (), say, provider)
        stack.destroy()
    swept = _sweep(deployment, services)
    if is_there:
        stack.remove()
    metrics.delete_groups(services, lost, say)
    place = open_location(services.store)
    records.add(place, name, records.DESTROY, None)
    copies.forget(place, deployment)
    return is_there or swept


def unlock(deployment: Deployment) -> list[str]:
    """Break the locks of a deployment's stack; return whose they were.

    Raises:
        DeployError: a holder is certainly alive.
    """
    return keeping(deployment.backend).unlock(PROJECT, deployment.stack)


def _empty(
    deployment: Deployment, services: Services, state: StackState, say: Say, provider: int
) -> None:
    """Remove every member where the platform is now, if it isn't where it was."""
    resources = state.resources
    here = [services.addresses(resource.kind) for resource in resources]
    moved = any(
        not addresses.items() <= resource.inputs.items()
        for addresses, resource in zip(here, resources, strict=True)
    )
    if moved:
        parts = [
            _emptied(resource, addresses)
            for resource, addresses in zip(resources, here, strict=True)
        ]
        open_stack(deployment, parts, say, provider).up(refresh=False)


def _emptied(resource: Resource, here: Mapping[str, str]) -> Part:
    """Return a resource without members, at other addresses."""
    none: dict[str, Any] = {name: {} for name in _BY_MEMBER if name in resource.inputs}
    return Part(resource.kind, resource.name, {**resource.inputs, **here, **none})


def _sweep(deployment: Deployment, services: Services) -> bool:
    """Remove what a killed update left and Pulumi doesn't know of; tell whether there was any."""
    from atlas.kinds import ownership as members
    from atlas.kinds.protocol import OperationContext

    swept = False
    for part in _PARTS:
        owner = owner_of(deployment, part)
        for kind in deployed_kinds():
            if members.owned(services.store, kind.owned_as, owner):
                left = {"owner": owner, "members": {}, **services.addresses(kind.name)}
                KINDS[kind.token].delete("", left, OperationContext(part))
                swept = True
    swept = _sweep_rules(deployment, services) or swept
    images = {"owner": owner_of(deployment, "images"), "members": {}, "store": services.store}
    KINDS[f"{PREFIX}{IMAGES}"].delete("", images, OperationContext("images"))
    return swept


def _sweep_rules(deployment: Deployment, services: Services) -> bool:
    """Remove rules that a killed update left; tell whether there were any."""
    from atlas.kinds.protocol import OperationContext
    from atlas_provider.rule_place import is_place, rule_place

    owner = owner_of(deployment, "alerts")
    url = services.url(RULES) if services.has(RULES) else ""
    if not is_place(url) or not rule_place(url, owner).names():
        return False
    left = {"owner": owner, "members": {}, **services.addresses(ALERTS)}
    KINDS[f"{PREFIX}{ALERTS}"].delete("", left, OperationContext("alerts"))
    return True
