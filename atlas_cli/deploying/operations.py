"""What can be done with a deployment: preview it, make it so, look at it, take it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.store import open_store
from atlas_cli.deploying import state
from atlas_cli.deploying.changes import SAME, member_changes
from atlas_cli.deploying.deployment import PROJECT
from atlas_cli.deploying.material import (
    KINDS,
    Part,
    material_of,
    owner_of,
    target_inputs,
    write,
)
from atlas_cli.deploying.services import services_of
from atlas_cli.stacks.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atlas.plan import Plan
    from atlas_cli.deploying.changes import MemberChange
    from atlas_cli.deploying.deployment import Deployment
    from atlas_cli.deploying.material import Material
    from atlas_cli.deploying.services import Services

    Say = Callable[[str], None]

_SERVICES = {"AirflowDags": "airflow", "RegisteredModels": "mlflow"}
"""Kind → the service that must be there for it."""
_FLOWS = ("training", "inference")


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation did, or would do.

    Attributes:
        stack: the deployment's stack.
        changes: what became of each member.
        held: DAGs that an operator has paused, and that stay so.
        material: what it was made from.
    """

    stack: str
    changes: Sequence[MemberChange]
    held: Sequence[str] = ()
    material: Material | None = None

    @property
    def changed(self) -> list[MemberChange]:
        """The members that aren't as they were."""
        return [change for change in self.changes if change.action != SAME]


def deploy(deployment: Deployment, say: Say) -> Done:
    """Make a deployment so: drift is repaired, what is right stays untouched.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing or down.
        DeployError: the update failed; what was done of it is kept, and a repeat goes on.
    """
    services = services_of(deployment)
    material = material_of(deployment, services)
    _require(services, [part.kind for part in material.parts])
    write(material)
    before = _live_inputs(deployment)
    _stack(deployment, material.parts, say).up()
    changes = _changes(before, material)
    held = [
        name
        for resource in state.resources(deployment.project.state, deployment.stack)
        for name in resource.state.get("held", ())
    ]
    return Done(deployment.stack, changes, held, material)


def preview(deployment: Deployment) -> Done:
    """Say what `deploy` would do; nothing is written.

    Raises:
        InvalidError: a target can't express a Plan.
        PlatformError: the platform is missing or down.
    """
    services = services_of(deployment)
    material = material_of(deployment, services)
    _require(services, [part.kind for part in material.parts])
    return Done(deployment.stack, _changes(_live_inputs(deployment), material), (), material)


def status(deployment: Deployment) -> list[dict[str, Any]]:
    """Return what is deployed, how it differs from the last update, and what runs.

    Raises:
        PlatformError: a service doesn't answer.
    """
    found = state.resources(deployment.project.state, deployment.stack)
    if found:
        _require(services_of(deployment), [resource.kind for resource in found])
    return [_status(resource) for resource in found]


def destroy(deployment: Deployment, say: Say) -> bool:
    """Take a deployment away, and what a killed update left; models, versions and runs stay.

    Returns:
        Whether there was anything.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: something can't be removed.
    """
    folder, name = deployment.project.state, deployment.stack
    services = services_of(deployment)
    there = state.exists(folder, name)
    if there:
        _empty(deployment, services, say)
        stack = _stack(deployment, (), say)
        stack.destroy()
    swept = _sweep(deployment, services)
    if there:
        stack.remove()
    return there or swept


def _empty(deployment: Deployment, services: Services, say: Say) -> None:
    """Take every member away where the platform is now, if it isn't where it was."""
    found = state.resources(deployment.project.state, deployment.stack)
    here = [_addresses(resource, services) for resource in found]
    moved = any(
        not each.items() <= one.inputs.items() for each, one in zip(here, found, strict=True)
    )
    if moved:
        parts = [_emptied(one, each) for one, each in zip(found, here, strict=True)]
        _stack(deployment, parts, say).up(refresh=False)


def _addresses(resource: state.Resource, services: Services) -> dict[str, str]:
    """Return the inputs by which a resource would find the platform now."""
    target = next((target for target, kind in KINDS.items() if kind == resource.kind), "")
    return target_inputs(services, target) if target else {"mlflow": services.url("mlflow")}


def _emptied(resource: state.Resource, here: Mapping[str, str]) -> Part:
    """Return a resource without members, at other addresses."""
    none: dict[str, Any] = {name: {} for name in ("members", "plans") if name in resource.inputs}
    return Part(resource.kind, resource.name, {**resource.inputs, **here, **none})


def _require(services: Services, kinds: Sequence[str]) -> None:
    """Find out that a service is down before anything is done."""
    for kind in dict.fromkeys(kinds):
        if kind in _SERVICES:
            services.require_alive(_SERVICES[kind])


def _stack(deployment: Deployment, parts: Sequence[Part], say: Say) -> Stack:
    """Open the deployment's stack, with the program that declares its parts."""
    return Stack.open(
        deployment.stack,
        project=PROJECT,
        state=deployment.project.state,
        program=lambda: _declare(parts),
        say=say,
    )


def _declare(parts: Sequence[Part]) -> None:
    """Declare the resources: the Pulumi program of a deployment."""
    from atlas_provider import resources

    for part in parts:
        getattr(resources, part.kind)(part.name, **part.inputs)


def _live_inputs(deployment: Deployment) -> dict[str, Mapping[str, Any]]:
    """Return the inputs that would make what is really there, by the resource's name."""
    found: dict[str, Mapping[str, Any]] = {}
    for resource in state.resources(deployment.project.state, deployment.stack):
        live = resource.live()
        if live is not None:
            found[resource.name] = live.inputs
    return found


def _changes(before: Mapping[str, Mapping[str, Any]], material: Material) -> list[MemberChange]:
    """Compare what is there with what should be, member by member."""
    parts = {part.name: part for part in material.parts}
    store = open_store(material.store)

    def plan_of(digest: str) -> Plan:
        return material.plans[digest] if digest in material.plans else store.plan(digest)

    changes: list[MemberChange] = []
    for name in dict.fromkeys((*parts, *before)):
        wanted = parts[name].inputs if name in parts else {}
        changes += member_changes(name, before.get(name, {}), wanted, plan_of)
    return changes


def _status(resource: state.Resource) -> dict[str, Any]:
    """Return what there is of one resource, and how it differs from what was deployed."""
    live = resource.live()
    inputs = live.inputs if live else {}
    drift = [
        f"{name}: {_drift(wanted, inputs.get('members', {}).get(name))}"
        for name, wanted in resource.inputs["members"].items()
        if inputs.get("members", {}).get(name) != wanted
    ]
    return {
        "name": resource.name,
        "members": dict(resource.inputs["members"]),
        "plans": dict(resource.inputs.get("plans", {})),
        "drift": drift,
        "held": list(live.state.get("held", ())) if live else [],
        "runs": _last_runs(resource),
    }


def _drift(wanted: str, found: str | None) -> str:
    """Return how one member differs from what was deployed."""
    return "is gone" if found is None else f"was changed: {found[:12]} in place of {wanted[:12]}"


def _last_runs(resource: state.Resource) -> dict[str, list[str]]:
    """Return id and state of the last run of each DAG."""
    if "airflow" not in resource.inputs:
        return {}
    from atlas_provider.airflow import Airflow

    given = resource.inputs
    airflow = Airflow(given["airflow"], given["secrets"], given["credentials"])
    runs = {name: airflow.last_run(name) for name in given["members"]}
    return {name: list(run) for name, run in runs.items() if run[0]}


def _sweep(deployment: Deployment, services: Services) -> bool:
    """Remove what a killed update left and Pulumi doesn't know of; tell whether there was any."""
    from atlas_provider import claims
    from atlas_provider.kind import Context
    from atlas_provider.kinds import KINDS as HANDLERS

    swept = False
    for flow in _FLOWS:
        owner = owner_of(deployment, flow)
        for target, kind in KINDS.items():
            folder = "dags" if target == "airflow" else target
            if claims.owned(services.store, folder, owner):
                left = {"owner": owner, "members": {}, **target_inputs(services, target)}
                HANDLERS[f"atlas:index:{kind}"].delete("", left, Context(flow))
                swept = True
    return swept
