"""Reading and comparing deployments: what is desired, what there is, and how these differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas.store import open_location
from atlas_deploy.desired.bundle import compile_bundle
from atlas_deploy.desired.fingerprint import fingerprints
from atlas_deploy.diff.deployment import DeploymentDiff, drifted
from atlas_deploy.history import fingerprints as recorded
from atlas_deploy.history import ownership, records
from atlas_deploy.live import snapshot
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from atlas_deploy.desired.bundle import Bundle, Part
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.snapshot import Snapshot
    from atlas_deploy.platforms.services import Services

_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """Deployments of one platform, compared.

    Attributes:
        diffs: those that were compared as a whole.
        unchanged: fingerprint of each other one, which is as it should be, by its stack.
        paused: the stacks of these that have members that an operator has paused.
    """

    diffs: Sequence[DeploymentDiff]
    unchanged: Mapping[str, str]
    paused: Collection[str]


def compare(
    deployments: Sequence[Deployment], *, entries: bool = False, whole: Collection[str] = ()
) -> Comparison:
    """Compile deployments, read what there is of them, and compare; nothing is written.

    Of several, those are left alone whose fingerprint is the recorded one, and of which each
    service's list shows no drift. Each service is asked once for all.

    Args:
        deployments: of one Environment.
        entries: whether the last entry of each history is read, too.
        whole: stacks that aren't left alone whatever their fingerprint is.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing, older than this Atlas, or down.
        DeployError: the state of a stack can't be read, or another stack or project has a name.
    """
    services = services_of(deployments[0].project, deployments[0].environment)
    same = {
        stack: text for stack, text in _same(deployments, services).items() if stack not in whole
    }
    bundles = _bundles(
        [deployment for deployment in deployments if deployment.stack not in same], services
    )
    kinds = {stack: {part.kind for part in bundle.parts} for stack, bundle in bundles.items()}
    snapshots = snapshot.read(deployments, services, kinds, quick=[*same])
    again = [
        deployment
        for deployment in deployments
        if deployment.stack in same and _needs(snapshots[deployment.stack])
    ]
    if again:
        bundles |= _bundles(again, services)
        kinds = {
            deployment.stack: {part.kind for part in bundles[deployment.stack].parts}
            for deployment in again
        }
        snapshots |= snapshot.read(again, services, kinds)
    diffs = [
        _diff(
            deployment,
            services,
            snapshots[deployment.stack],
            bundles[deployment.stack],
            entries=entries,
        )
        for deployment in deployments
        if deployment.stack in bundles
    ]
    unchanged = {stack: text for stack, text in same.items() if stack not in bundles}
    return Comparison(diffs, unchanged, [stack for stack in unchanged if snapshots[stack].paused])


def compare_parts(
    deployment: Deployment, services: Services, parts: Sequence[Part]
) -> DeploymentDiff:
    """Compare the resources of a record with what there is.

    Raises:
        PlatformError: a service is down.
        DeployError: the stack's state can't be read, or another stack or project has a name.
    """
    kinds = {deployment.stack: {part.kind for part in parts}}
    there = snapshot.read([deployment], services, kinds)[deployment.stack]
    ownership.require_names(deployment, services, there.state, parts)
    return DeploymentDiff(deployment, services, parts, there)


def _same(deployments: Sequence[Deployment], services: Services) -> dict[str, str]:
    """Return the fingerprints of those that are the recorded ones; of few, none is looked for."""
    if len(deployments) < _SEVERAL:
        return {}
    known = recorded.read(services.store, [deployment.stack for deployment in deployments])
    desired = fingerprints(deployments, services)
    return {stack: text for stack, text in desired.items() if known[stack] == text}


def _needs(there: Snapshot) -> bool:
    """Tell whether a deployment has to be compared though nothing it follows from has changed."""
    return not there.resources or drifted(there)


def _bundles(deployments: Sequence[Deployment], services: Services) -> dict[str, Bundle]:
    """Return deployments, compiled, by their stacks."""
    return {deployment.stack: compile_bundle(deployment, services) for deployment in deployments}


def _diff(
    deployment: Deployment, services: Services, there: Snapshot, bundle: Bundle, *, entries: bool
) -> DeploymentDiff:
    """Compare one deployment.

    Raises:
        DeployError: another stack or project has one of the names.
    """
    ownership.require_names(deployment, services, there.state, bundle.parts)
    place = open_location(services.store)
    entry = records.last(place, deployment.stack) if entries else None
    return DeploymentDiff(deployment, services, bundle.parts, there, bundle, entry)
