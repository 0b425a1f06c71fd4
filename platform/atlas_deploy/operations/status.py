"""Looking at deployments: what is there, how it drifted, what ran last; nothing is changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from atlas.errors import StoreError
from atlas.store import open_location
from atlas.targets import deployed_name
from atlas_deploy.desired.revisions import release_at
from atlas_deploy.diff.members import digest_in, shortened
from atlas_deploy.history import records
from atlas_deploy.live import snapshot, state
from atlas_deploy.platforms.services import services_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.kinds.handler import Live
    from atlas.store import Location
    from atlas_deploy.desired.deployment import Deployment
    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services

_Seen: TypeAlias = "tuple[Resource, Live | None, Mapping[str, tuple[str, str]]]"
"""A resource, what is there of it, and the last run of each member."""
_WORTH = 12


@dataclass(frozen=True, slots=True)
class Status:
    """What there is of one resource.

    Attributes:
        name: its name in the stack.
        members: digest by member, as deployed.
        plans: digest of the Plan by member, as deployed.
        drift: how each member differs that isn't as it was deployed.
        held: members that an operator has paused.
        runs: id and state of the last run by member.
        disk: members whose Plan on disk is another, with that Plan's digest; empty for none.
    """

    name: str
    members: Mapping[str, str]
    plans: Mapping[str, str]
    drift: Mapping[str, str]
    held: Sequence[str]
    runs: Mapping[str, tuple[str, str]]
    disk: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deployment stands: as recorded, as it is, and as the documents on disk have it.

    Attributes:
        entry: the last entry of its history; None for none.
        members: what there is, by resource.
        broken: whether the documents on disk can't be compared, for they are broken.
        undeployed: names on disk that aren't deployed.
        unfinished: whether an update after the last entry was interrupted, or failed in part.
        release: the release that git has at the deployed commit; empty for none.
        dead: processes of the platform that don't run, where it is on this machine.
    """

    entry: records.Entry | None
    resources: Sequence[Status]
    broken: bool
    undeployed: Sequence[str]
    unfinished: bool
    release: str = ""
    dead: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "deployment": self.entry.to_json() if self.entry else None,
            "release": self.release,
            "dead": list(self.dead),
            "broken": self.broken,
            "undeployed": list(self.undeployed),
            "unfinished": self.unfinished,
            "resources": [asdict(one) for one in self.resources],
        }


def status(deployment: Deployment) -> Standing:
    """Return what is deployed, how it differs from the last update and from disk, what ran last.

    Args:
        deployment: with its pipelines, where these aren't broken.

    Raises:
        PlatformError: the platform is missing or down.
    """
    return statuses([deployment])[deployment.stack]


def statuses(deployments: Sequence[Deployment]) -> dict[str, Standing]:
    """Return the same of several deployments of one Environment, asking each service once.

    Raises:
        PlatformError: the platform is missing or down.
    """
    found = {each.stack: snapshot.resources(each) for each in deployments}
    services = services_of(deployments[0])
    there = [one for ones in found.values() for one in ones]
    if there:
        snapshot.require(services, [one.kind for one in there])
    here = [snapshot.moved(one, services) for one in there]
    seen = zip(here, state.live_together(here), _last_runs(here), strict=True)
    dead = snapshot.dead(deployments[0])
    return {
        each.stack: _standing(each, services, [*islice(seen, len(found[each.stack]))], dead)
        for each in deployments
    }


def _standing(
    deployment: Deployment, services: Services, seen: Sequence[_Seen], dead: Sequence[str]
) -> Standing:
    """Return how a deployment stands, of which all was seen."""
    found = [one for one, _, _ in seen]
    disk = _on_disk(deployment)
    place = open_location(services.store)
    entry = records.last(place, deployment.stack)
    deployed = {name for one in found for name in one.inputs.get("plans", {})}
    return Standing(
        entry=entry,
        resources=[_status(one, disk) for one in seen],
        broken=not deployment.pipelines,
        undeployed=sorted(disk.keys() - deployed) if found else [],
        unfinished=_is_unfinished(place, entry, found),
        release=_release(deployment, entry),
        dead=dead,
    )


def _release(deployment: Deployment, entry: records.Entry | None) -> str:
    """Return the release that was deployed: the one that git has with what the commit had."""
    commit = entry.commit if entry else ""
    folders = [pipeline.folder for pipeline in deployment.pipelines[:1]]
    return next((release_at(folder, deployment.config, commit) for folder in folders), "")


def _is_unfinished(place: Location, entry: records.Entry | None, found: Sequence[Resource]) -> bool:
    """Tell whether the stack's resources aren't those of the last entry."""
    if entry is None or not entry.record:
        return bool(found)
    try:
        return not records.is_of(records.read(place, entry), found)
    except StoreError:
        return False


def _on_disk(deployment: Deployment) -> dict[str, str]:
    """Return the digest of each Plan on disk that would be deployed, by deployed name."""
    plans = (plan for _, plan in deployment.plans() if plan.target != "local")
    return {deployed_name(plan): plan.digest for plan in plans}


def history_of(deployment: Deployment) -> list[records.Entry]:
    """Return the entries of a deployment's history, the oldest first.

    Raises:
        PlatformError: the platform's outputs aren't there.
    """
    return records.history(open_location(services_of(deployment).store), deployment.stack)


def refresh(deployment: Deployment) -> Standing:
    """Let Pulumi read what is there and keep it as the state; return it as `status` does.

    Raises:
        PlatformError: the platform is missing or down.
        DeployError: the engine failed.
    """
    found = status(deployment)
    if found.resources:
        snapshot.open_stack(deployment, (), _quiet).refresh(_ignore)
    return found


def _status(seen: _Seen, disk: Mapping[str, str]) -> Status:
    """Return what there is of one resource, and how it differs from what was deployed."""
    resource, live, runs = seen
    members = live.inputs["members"] if live else {}
    wanted: Mapping[str, str] = resource.inputs["members"]
    plans: Mapping[str, str] = resource.inputs.get("plans", {})
    reported = live.inputs.get("plans", {}) if live else {}
    drift = {name: _drift(digest, members.get(name)) for name, digest in wanted.items()}
    drift |= {
        name: f"is reported with Plan {(reported.get(name) or 'none')[:_WORTH]}"
        for name, plan in plans.items()
        if not drift[name] and reported.get(name) != plan
    }
    whens = _whens(resource.inputs, live.inputs if live else {})
    drift |= {name: how for name, how in whens.items() if not drift.get(name)}
    return Status(
        name=resource.name,
        members=dict(wanted),
        plans=dict(plans),
        drift={name: how for name, how in drift.items() if how},
        held=tuple(live.state.get("held", ())) if live else (),
        runs=runs,
        disk={
            name: disk.get(name, "")
            for name, plan in plans.items()
            if disk and disk.get(name) != plan
        },
    )


def _whens(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, str]:
    """Return how the schedules that Kubeflow keeps differ from what was deployed, by member."""
    due, live = wanted.get("schedules") or {}, found.get("schedules") or {}
    return {
        name: f"runs {live.get(name) or 'never'} in place of {due.get(name) or 'never'}"
        for name in sorted({*due, *live})
        if due.get(name) != live.get(name)
    }


def _drift(wanted: str, found: str | None) -> str:
    """Return how one member differs from what was deployed; empty for not at all."""
    if found is None:
        return "is gone"
    if found == wanted:
        return ""
    return f"was changed: {_short(found)} in place of {_short(wanted)}"


def _short(text: str) -> str:
    """Return the beginning of a digest, or a text that is none."""
    return shortened(text) if digest_in(text) else repr(text)


def _last_runs(found: Sequence[Resource]) -> list[Mapping[str, tuple[str, str]]]:
    """Return id and state of the last run of each member of each resource."""
    runs: dict[int, Mapping[str, tuple[str, str]]] = {}
    for numbers in state.together(found):
        last = _last_runs_of(state.merged([found[number] for number in numbers]))
        for number in numbers:
            own = found[number].inputs["members"]
            runs[number] = {name: run for name, run in last.items() if name in own}
    return [runs[number] for number in range(len(found))]


def _last_runs_of(resource: Resource) -> Mapping[str, tuple[str, str]]:
    """Return id and state of the last run of each member."""
    if resource.inputs.get("kubeflow"):
        from atlas.targets.kubeflow.server_pipelines import last_runs

        return last_runs(dict(resource.inputs))
    if "airflow" not in resource.inputs:
        return {}
    from atlas.targets.airflow.api import AirflowApi

    given = resource.inputs
    airflow = AirflowApi(given["airflow"], given["secrets"], given["credentials"])
    return airflow.last_runs(given["members"]) if given["members"] else {}


def _quiet(_line: str) -> None:
    """Say nothing."""


def _ignore(_event: Any) -> None:
    """Take an event of the engine, and do nothing with it."""
