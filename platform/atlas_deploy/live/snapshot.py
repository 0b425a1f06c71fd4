"""Snapshots: what there is of deployments, read once: state, services, and what they have."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from atlas_deploy.live.state import StackState, live_together, state_of
from atlas_deploy.platforms import lifecycle
from atlas_deploy.platforms.deployed_kinds import facts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is of one deployment at one time.

    Attributes:
        state: what Pulumi's state says.
        resources: its resources, with the addresses that the platform has today.
        live: what is really there, by the resource's name.
        dead: processes of the platform that don't run, where it is on this machine.
    """

    state: StackState = field(default_factory=StackState)
    resources: Sequence[Resource] = ()
    live: Mapping[str, Live] = field(default_factory=dict)
    dead: Sequence[str] = ()

    @property
    def paused(self) -> list[str]:
        """The members that an operator has paused."""
        return [name for live in self.live.values() for name in live.state.get("held", ())]


def read(
    deployments: Sequence[Deployment],
    services: Services,
    kinds: Mapping[str, Collection[str]] | None = None,
    quick: Collection[str] = (),
) -> dict[str, Snapshot]:
    """Return a snapshot of each deployment by its stack; each service is asked once.

    Args:
        deployments: of one platform.
        services: that platform.
        kinds: of a stack, the kinds of resources that it should have: their services must answer,
            and such resources are looked for where the platform has them today. By default, all
            kinds that the stack has.
        quick: stacks whose images aren't asked for, which takes a request each.

    Raises:
        PlatformError: a service is down.
        DeployError: the state of a stack can't be read.
    """
    states = {
        deployment.stack: state_of(deployment.backend, deployment.stack)
        for deployment in deployments
    }
    own = {
        stack: [resource.kind for resource in state.resources] for stack, state in states.items()
    }
    needed = {**own, **(kinds or {})}
    require(services, dict.fromkeys(kind for stack in needed for kind in needed[stack]))
    placed = {
        stack: [
            moved(resource, services) if resource.kind in needed[stack] else resource
            for resource in state.resources
        ]
        for stack, state in states.items()
    }
    live, dead = _live(placed, quick), _dead(deployments[0])
    return {
        stack: Snapshot(state, placed[stack], live.get(stack, {}), dead)
        for stack, state in states.items()
    }


def _live(
    placed: Mapping[str, Sequence[Resource]], quick: Collection[str]
) -> dict[str, dict[str, Live]]:
    """Return what is really there, by stack and name: one request for all of a kind and place."""
    pairs = [
        (stack, resource)
        for stack, resources in placed.items()
        for resource in resources
        if stack not in quick or not facts_of(resource.kind).is_slow
    ]
    by_stack: dict[str, dict[str, Live]] = {}
    lives = live_together([resource for _, resource in pairs])
    for (stack, resource), live in zip(pairs, lives, strict=True):
        if live is not None:
            by_stack.setdefault(stack, {})[resource.name] = live
    return by_stack


def require(services: Services, kinds: Iterable[str]) -> None:
    """Find out that a service is down before anything is done.

    Raises:
        PlatformError: one is.
    """
    for kind in dict.fromkeys(kinds):
        facts_of(kind).require_alive(services)


def moved(resource: Resource, services: Services) -> Resource:
    """Return a resource as the platform is reached today: it may have come up on other ports."""
    here = services.addresses(resource.kind)
    return replace(resource, inputs={**resource.inputs, **here}, state={**resource.state, **here})


def _dead(deployment: Deployment) -> list[str]:
    """Return the processes of a deployment's platform that don't run, where they are here."""
    named = deployment.environment
    return [] if named.outputs else lifecycle.dead(deployment.project.state, named.platform)
