"""The platform as a deployment meets it: its stack, what is really there, where things are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.advice import bring_up, command
from atlas.errors import PlatformError
from atlas_deploy.desired.bundle import (
    KINDS,
    Part,
    has_api_server,
    images_inputs,
    mlflow_inputs,
    target_inputs,
)
from atlas_deploy.desired.deployment import PROJECT
from atlas_deploy.desired.identity import identity_of
from atlas_deploy.history.ownership import OUTPUT, OWNED
from atlas_deploy.live import state
from atlas_deploy.platforms import lifecycle
from atlas_deploy.stacks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.kinds.handler import Live
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.platforms.services import Services

    Say = Callable[[str], None]

_SERVICES = {"AirflowDags": "airflow", "RegisteredModels": "mlflow"}
"""Kind → the service that must be there for it."""


def require(services: Services, kinds: Sequence[str]) -> None:
    """Find out that a service is down before anything is done.

    Raises:
        PlatformError: one is.
    """
    for kind in dict.fromkeys(kinds):
        if kind in _SERVICES:
            services.require_alive(_SERVICES[kind])
    if "KubeflowPipelines" in kinds and has_api_server(services):
        from atlas.targets.kubeflow import server_pipelines as kubeflow_server

        kubeflow_server.require_alive(target_inputs(services, "kubeflow"))
    if "StepImages" in kinds:
        services.registry().check()


def dead(deployment: Deployment) -> list[str]:
    """Return the processes of a deployment's platform that don't run, where they are here."""
    named = deployment.environment
    return [] if named.outputs else lifecycle.dead(deployment.project.state, named.platform)


def require_running(deployment: Deployment, parts: Sequence[Part]) -> None:
    """Refuse a platform on which nothing would read what is deployed.

    Raises:
        PlatformError: a process of Airflow doesn't run, though its API answers.
    """
    kinds = {part.kind for part in parts}
    gone = [name for name in dead(deployment) if name.startswith("airflow-")]
    if gone and "AirflowDags" in kinds:
        raise PlatformError(
            f"platform {deployment.environment.platform}: {', '.join(gone)}: not running; "
            f"{bring_up('brings it back')}"
        )


def require_free(parts: Sequence[Part], found: Sequence[state.Resource]) -> None:
    """Refuse names that are to be deployed and that another stack has, before anything is made.

    Raises:
        DeployError: D016, another stack has one of them.
    """
    from atlas.kinds import ownership

    known = {one.name: one.inputs["members"] for one in found}
    for part in parts:
        kind = OWNED.get(part.kind)
        if kind:
            given = part.inputs
            fresh = given["members"].keys() - known.get(part.name, {}).keys()
            ownership.require_free(given["store"], kind, fresh, given["owner"])


def open_stack(deployment: Deployment, parts: Sequence[Part], say: Say, provider: int = 0) -> Stack:
    """Open the deployment's stack, with the program that declares its parts.

    Args:
        deployment: whose stack.
        parts: its resources.
        say: takes a line of progress.
        provider: port of a provider that serves already; 0 for one of the engine's own.
    """
    return Stack.open(
        deployment.stack,
        project=PROJECT,
        state=deployment.backend,
        unlock=command("unlock", env=deployment.environment.name),
        program=lambda: _run(deployment, parts),
        say=say,
        provider=provider,
    )


def _run(deployment: Deployment, parts: Sequence[Part]) -> None:
    """Declare the resources, and whose they are: the Pulumi program of a deployment."""
    from pulumi import export

    export(OUTPUT, identity_of(deployment.project))
    declare(parts)


def resources(deployment: Deployment) -> list[state.Resource]:
    """Return what the stack's state says is there."""
    return state.resources(deployment.backend, deployment.stack)


def live(found: Sequence[state.Resource]) -> dict[str, Live]:
    """Return what is really there, by the resource's name."""
    seen = {resource.name: resource.live() for resource in found}
    return {name: each for name, each in seen.items() if each is not None}


def addresses(kind: str, services: Services) -> dict[str, str]:
    """Return the inputs by which a resource of a kind finds the platform."""
    if kind == "StepImages":
        return images_inputs(services)
    target = next((target for target, of in KINDS.items() if of == kind), "")
    return target_inputs(services, target) if target else mlflow_inputs(services)


def moved(resource: state.Resource, services: Services) -> state.Resource:
    """Return a resource as the platform is reached today: it may have come up on other ports."""
    here = addresses(resource.kind, services)
    return replace(resource, inputs={**resource.inputs, **here}, state={**resource.state, **here})


def declare(parts: Sequence[Part], prefix: str = "") -> dict[str, Any]:
    """Declare the resources in the Pulumi program that runs; images come before what runs.

    Args:
        parts: the resources.
        prefix: what their names begin with.

    Returns:
        The resources, by name.
    """
    from pulumi import ResourceOptions

    from atlas_provider import resources as classes

    made: dict[str, Any] = {}
    images: list[Any] = []
    for part in sorted(parts, key=lambda part: part.kind != "StepImages"):
        options, name = ResourceOptions(depends_on=[*images]), f"{prefix}{part.name}"
        made[name] = getattr(classes, part.kind)(name, **part.inputs, opts=options)
        images += [made[name]] * (part.kind == "StepImages")
    return made
