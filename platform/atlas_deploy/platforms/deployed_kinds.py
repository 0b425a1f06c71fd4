"""What deployments know of the kinds of their resources: the one table, and the targets' kinds.

A kind that no target has is one line of `DEPLOYED_KINDS`; a target's kind says the same in its
descriptor (`atlas.targets.DeployedKind`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas.advice import mention
from atlas.errors import DeployError
from atlas_deploy.platforms.services import REGISTRY
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas_deploy.platforms.services import Services

ALERTS, IMAGES, MODELS = "AlertRules", "StepImages", "RegisteredModels"
"""Kinds of resources that aren't a target's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedKindFacts:
    """What a deployment knows of one kind of resource.

    Attributes:
        noun: what one member is to a person.
        addresses: gives the inputs by which a resource of the kind finds the platform.
        require_alive: raises a `PlatformError` when a service that the kind needs is down.
        is_per_pipeline: whether a member is one pipeline's flow, named ``<pipeline>-<flow>``.
        shows_new: whether a member that is added is shown with its value.
        is_slow: whether its members are read one by one, so that a quick look leaves them out.
        is_read_apart: whether resources of several stacks are read one by one, because a member's
            name means something else in each stack.
    """

    noun: str
    addresses: Callable[[Services], dict[str, str]]
    require_alive: Callable[[Services], None]
    is_per_pipeline: bool = False
    shows_new: bool = False
    is_slow: bool = False
    is_read_apart: bool = False


def _images_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which the resource of images finds the platform."""
    places = {"store": services.store, "registry": services.url(REGISTRY)}
    return {**places, **services.opened(REGISTRY)}


def _mlflow_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which a resource finds MLflow, with the secret that opens it."""
    return {"mlflow": services.url("mlflow"), **services.opened("mlflow")}


def _rules_inputs(services: Services) -> dict[str, str]:
    """Return the inputs by which the resource of rules finds the platform."""
    places = {name: services.url(name) for name in ("store", "rules", "prometheus")}
    return {**places, **services.opened("prometheus")}


def _require_prometheus(services: Services) -> None:
    """Ask Prometheus whether it is there, with its secret.

    Raises:
        PlatformError: it isn't.
    """
    services.prometheus().require_ready()


DEPLOYED_KINDS: Mapping[str, DeployedKindFacts] = {
    ALERTS: DeployedKindFacts(
        noun="alert rules",
        addresses=_rules_inputs,
        require_alive=_require_prometheus,
        is_read_apart=True,
    ),
    IMAGES: DeployedKindFacts(
        noun="image",
        addresses=_images_inputs,
        require_alive=lambda services: services.registry().check(),
        shows_new=True,
        is_slow=True,
        is_read_apart=True,
    ),
    MODELS: DeployedKindFacts(
        noun="model",
        addresses=_mlflow_inputs,
        require_alive=lambda services: services.require_alive("mlflow", "health"),
    ),
}
"""The kinds that deployments have and that aren't a target's."""


def facts_of(kind: str) -> DeployedKindFacts:
    """Return what deployments know of a kind.

    Raises:
        DeployError: no deployment of this version of Atlas has resources of the kind.
    """
    facts = find_facts(kind)
    if facts is None:
        raise DeployError(
            f"{kind}: deployments have no resources of this kind; expected one of "
            f"{', '.join(DEPLOYED_KINDS)} or the kind of an installed target. Install the package "
            "whose target has it, or the version of Atlas that deployed it; "
            f"{mention('doctor')} shows what is installed"
        )
    return facts


def find_facts(kind: str) -> DeployedKindFacts | None:
    """Return what deployments know of a kind; None for a kind that this version doesn't have."""
    if kind in DEPLOYED_KINDS:
        return DEPLOYED_KINDS[kind]
    of_target = kind_of_target(kind) if kind else None
    if of_target is None:
        return None
    operations = of_target.operations()
    return DeployedKindFacts(
        noun=of_target.noun,
        addresses=operations.addresses,
        require_alive=operations.require_alive,
        is_per_pipeline=of_target.is_per_pipeline,
    )


def addresses(kind: str, services: Services) -> dict[str, str]:
    """Return the inputs by which a resource of a kind finds the platform.

    Raises:
        DeployError: there is no such kind.
    """
    return facts_of(kind).addresses(services)
