"""The status of deployments: what is there, how it drifted, what ran last; nothing is changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.store import open_location, open_store
from atlas_deploy.apply import locks
from atlas_deploy.apply.stack import open_stack
from atlas_deploy.desired.bundle import Part
from atlas_deploy.diff.members import digest_in, shortened
from atlas_deploy.history import fingerprints, records
from atlas_deploy.live import snapshot
from atlas_deploy.operations.alerts import ActiveAlerts, active_alerts
from atlas_deploy.operations.last_runs import LastRuns, last_runs
from atlas_deploy.operations.monitors import MonitorStatus, monitor_status
from atlas_deploy.operations.on_disk import digests_on_disk
from atlas_deploy.operations.promotions import waiting_versions
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas.store import Location
    from atlas_deploy.apply.options import Say
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.snapshot import Snapshot
    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services

_WORTH = 12


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """What there is of one resource.

    Attributes:
        name: its name in the stack.
        members: digest by member, as deployed.
        plans: digest of the Plan by member, as deployed.
        drift: how each member differs that isn't as it was deployed.
        paused: members that an operator has paused.
        runs: id and state of the last run by member.
        unstarted: what keeps a last run that is under way from going on, by member: pods that
            don't start, with the reason; empty where the cluster can't be asked.
        disk: members whose Plan on disk is another, with that Plan's digest; empty for none.
    """

    name: str
    members: Mapping[str, str]
    plans: Mapping[str, str]
    drift: Mapping[str, str]
    paused: Sequence[str]
    runs: Mapping[str, tuple[str, str]]
    disk: Mapping[str, str]
    unstarted: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """The status of a deployment: as recorded, as it is, and as the documents on disk have it.

    Attributes:
        entry: the last entry of its history; None for none.
        members: what there is, by resource.
        broken: whether the documents on disk can't be compared, for they are broken.
        undeployed: names on disk that aren't deployed.
        unfinished: whether an update after the last entry was interrupted, or failed in part.
        release: the release that is deployed; empty for none.
        dead: processes of the platform that don't run, where it is on this machine.
        alerts: its alerts that fire.
        monitors: what monitors have found last.
        waiting: versions that wait for the rest of their family to be promoted, by model.
    """

    entry: records.Entry | None
    resources: Sequence[ResourceStatus]
    broken: bool
    undeployed: Sequence[str]
    unfinished: bool
    release: str = ""
    dead: Sequence[str] = ()
    alerts: ActiveAlerts = field(default_factory=ActiveAlerts)
    monitors: MonitorStatus = field(default_factory=MonitorStatus)
    waiting: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "deployment": self.entry.to_json() if self.entry else None,
            "release": self.release,
            "dead": list(self.dead),
            "alerts": self.alerts.to_json(),
            "monitors": self.monitors.to_json(),
            "waiting": dict(self.waiting),
            "broken": self.broken,
            "undeployed": list(self.undeployed),
            "unfinished": self.unfinished,
            "resources": [asdict(resource) for resource in self.resources],
        }


def status(deployment: Deployment) -> DeploymentStatus:
    """Return what is deployed, how it differs from the last update and from disk, what ran last.

    Args:
        deployment: with its pipelines, where these aren't broken.

    Raises:
        PlatformError: the platform is missing or down.
    """
    return statuses([deployment])[deployment.stack]


def statuses(deployments: Sequence[Deployment]) -> dict[str, DeploymentStatus]:
    """Return the same of several deployments of one Environment, asking each service once.

    Raises:
        PlatformError: the platform is missing or down.
    """
    services = services_of(deployments[0].project, deployments[0].environment)
    snapshots = snapshot.read(deployments, services)
    resources = [resource for there in snapshots.values() for resource in there.resources]
    runs = last_runs(resources, services)
    last = iter(runs)
    alerts = active_alerts({stack: there.resources for stack, there in snapshots.items()}, services)
    return {
        deployment.stack: _status_of(
            deployment,
            services,
            snapshots[deployment.stack],
            [*islice(last, len(snapshots[deployment.stack].resources))],
            alerts[deployment.stack],
        )
        for deployment in deployments
    }


def _status_of(
    deployment: Deployment,
    services: Services,
    there: Snapshot,
    runs: Sequence[LastRuns],
    alerts: ActiveAlerts,
) -> DeploymentStatus:
    """Return the status of a deployment, of which all was read."""
    resources = there.resources
    place = open_location(services.store)
    entry = records.last(place, deployment.stack)
    deployed: dict[str, str] = {}
    for resource in resources:
        deployed |= resource.inputs.get("plans", {})
    released = deployed if entry and entry.release else {}
    store = open_store(services.store)
    disk = digests_on_disk(deployment, store, released)
    return DeploymentStatus(
        entry=entry,
        resources=[
            _status(resource, there.live.get(resource.name), last, disk)
            for resource, last in zip(resources, runs, strict=True)
        ],
        broken=not deployment.pipelines,
        undeployed=sorted(disk.keys() - deployed.keys()) if resources else [],
        unfinished=_is_unfinished(place, entry, resources),
        release=entry.release if entry else "",
        dead=there.dead,
        alerts=alerts,
        monitors=monitor_status(deployment, store) if resources else MonitorStatus(),
        waiting=waiting_versions(deployment, store, services) if resources else {},
    )


def _is_unfinished(
    place: Location, entry: records.Entry | None, resources: Sequence[Resource]
) -> bool:
    """Tell whether the stack's resources aren't those of the last entry."""
    if entry is None or not entry.record:
        return bool(resources)
    try:
        parts = [Part(resource.kind, resource.name, resource.inputs) for resource in resources]
        return not records.is_of(records.read(place, entry), parts)
    except StoreError:
        return False


def history_of(deployment: Deployment) -> list[records.Entry]:
    """Return the entries of a deployment's history, the oldest first.

    Raises:
        PlatformError: the platform's outputs aren't there.
    """
    return records.history(
        open_location(services_of(deployment.project, deployment.environment).store),
        deployment.stack,
    )


def refresh(deployment: Deployment, say: Say) -> DeploymentStatus:
    """Have Pulumi read what is there and keep it as the state; return it as `status` does.

    Args:
        deployment: which.
        say: takes a line when another command has to be waited for.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: the engine failed.
    """
    with locks.lock(deployment, say, 0):
        before = status(deployment)
        if before.resources:
            services = services_of(deployment.project, deployment.environment)
            fingerprints.forget(services.store, deployment.stack)
            open_stack(deployment, (), _quiet).refresh(_ignore)
        return before


def _status(
    resource: Resource,
    live: Live | None,
    runs: LastRuns,
    disk: Mapping[str, str],
) -> ResourceStatus:
    """Return what there is of one resource, and how it differs from what was deployed."""
    members = live.inputs["members"] if live else {}
    desired: Mapping[str, str] = resource.inputs["members"]
    plans: Mapping[str, str] = resource.inputs.get("plans", {})
    reported = live.inputs.get("plans", {}) if live else {}
    drift = {name: _drift(digest, members.get(name)) for name, digest in desired.items()}
    drift |= {
        name: f"is reported with Plan {(reported.get(name) or 'none')[:_WORTH]}"
        for name, plan in plans.items()
        if not drift[name] and reported.get(name) != plan
    }
    schedules = _schedules(resource.inputs, live.inputs if live else {})
    drift |= {name: how for name, how in schedules.items() if not drift.get(name)}
    return ResourceStatus(
        name=resource.name,
        members=dict(desired),
        plans=dict(plans),
        drift={name: how for name, how in drift.items() if how},
        paused=tuple(live.state.get("held", ())) if live else (),
        runs=runs.runs,
        unstarted=runs.unstarted,
        disk={
            name: disk.get(name, "")
            for name, plan in plans.items()
            if disk and disk.get(name) != plan
        },
    )


def _schedules(desired: Mapping[str, Any], live_state: Mapping[str, Any]) -> dict[str, str]:
    """Return how the schedules that Kubeflow keeps differ from what was deployed, by member."""
    due, live = desired.get("schedules") or {}, live_state.get("schedules") or {}
    return {
        name: f"runs {live.get(name) or 'never'} in place of {due.get(name) or 'never'}"
        for name in sorted({*due, *live})
        if due.get(name) != live.get(name)
    }


def _drift(desired: str, live: str | None) -> str:
    """Return how one member differs from what was deployed; empty for not at all."""
    if live is None:
        return "is gone"
    if live == desired:
        return ""
    return f"was changed: {_short(live)} in place of {_short(desired)}"


def _short(text: str) -> str:
    """Return the beginning of a digest, or a text that is none."""
    return shortened(text) if digest_in(text) else repr(text)


def _quiet(_line: str) -> None:
    """Print nothing."""


def _ignore(_event: Any) -> None:
    """Take an event of the engine, and ignore it."""
