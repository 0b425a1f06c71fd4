"""Looking at deployments: what is there, how it drifted, what ran last; nothing is changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from atlas.store import open_place
from atlas_cli.deploying import records, world
from atlas_cli.deploying.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas_cli.deploying.deployment import Deployment
    from atlas_cli.deploying.state import Resource

_WORTH = 12


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of one resource.

    Attributes:
        name: its name in the stack.
        members: digest by member, as deployed.
        plans: digest of the Plan by member.
        drift: how each member differs that isn't as it was deployed.
        held: members that an operator has paused.
        runs: id and state of the last run by member.
    """

    name: str
    members: Mapping[str, str]
    plans: Mapping[str, str]
    drift: Mapping[str, str]
    held: Sequence[str]
    runs: Mapping[str, tuple[str, str]]

    def to_json(self) -> dict[str, Any]:
        """Return the status as plain data."""
        return asdict(self)


def status(deployment: Deployment) -> list[Status]:
    """Return what is deployed, how it differs from the last update, and what ran last.

    Raises:
        PlatformError: the platform is missing or down.
    """
    found = world.resources(deployment)
    if found:
        world.require(services_of(deployment), [resource.kind for resource in found])
    return [_status(resource) for resource in found]


def history(deployment: Deployment) -> list[records.Entry]:
    """Return the entries of a deployment's history, the oldest first.

    Raises:
        PlatformError: the platform's outputs aren't there.
    """
    return records.history(open_place(services_of(deployment).store), deployment.stack)


def refresh(deployment: Deployment) -> list[Status]:
    """Let Pulumi read what is there and keep it as the state; return it as `status` does.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: the engine failed.
    """
    found = status(deployment)
    if found:
        world.open_stack(deployment, (), _quiet).refresh(_ignore)
    return found


def _status(resource: Resource) -> Status:
    """Return what there is of one resource, and how it differs from what was deployed."""
    live = resource.live()
    members = live.inputs["members"] if live else {}
    wanted: Mapping[str, str] = resource.inputs["members"]
    drift = {
        name: _drift(digest, members.get(name))
        for name, digest in wanted.items()
        if members.get(name) != digest
    }
    return Status(
        name=resource.name,
        members=dict(wanted),
        plans=dict(resource.inputs.get("plans", {})),
        drift=drift,
        held=tuple(live.state.get("held", ())) if live else (),
        runs=_last_runs(resource),
    )


def _drift(wanted: str, found: str | None) -> str:
    """Return how one member differs from what was deployed."""
    if found is None:
        return "is gone"
    return f"was changed: {found[:_WORTH]} in place of {wanted[:_WORTH]}"


def _last_runs(resource: Resource) -> dict[str, tuple[str, str]]:
    """Return id and state of the last run of each DAG."""
    if "airflow" not in resource.inputs:
        return {}
    from atlas_provider.airflow import Airflow

    given = resource.inputs
    airflow = Airflow(given["airflow"], given["secrets"], given["credentials"])
    return airflow.last_runs(given["members"]) if given["members"] else {}


def _quiet(_line: str) -> None:
    """Say nothing."""


def _ignore(_event: Any) -> None:
    """Take an event of the engine, and do nothing with it."""
