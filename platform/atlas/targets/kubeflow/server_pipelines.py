"""Kubeflow pipelines on an API server: versions, and what starts them by the clock.

A version is named by the digest of its package. An update adds versions and never removes one; it
replaces a recurring run, which can't be changed, by a new one, and leaves it stopped where an
operator has stopped it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.http.credentials import read_secret
from atlas.kinds import lineage
from atlas.kinds.parsing import parse_state
from atlas.kinds.protocol import State
from atlas.store import open_location
from atlas.store.orchestrated import keep_version
from atlas.targets.kubeflow.resource import (
    KubeflowPipelinesInputs,
    KubeflowPipelinesOutputs,
)
from atlas.targets.kubeflow.server import Api, publish, runs
from atlas.targets.kubeflow.server.pipelines import delete_pipeline, delete_version, versions
from atlas.targets.kubeflow.server.publishing import found_pipelines, plan_of
from atlas.targets.kubeflow.server.schedules import delete_recurring
from atlas.targets.kubeflow.server.timing import keep_schedules, schedules_of
from atlas.uris import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.targets.kubeflow.resource import PipelinesState
    from atlas.targets.kubeflow.server.pipelines import PipelineVersion, ServerPipeline


class ServerBackend:
    """Keeps pipelines on the API server that the inputs name."""

    def known(self, inputs: KubeflowPipelinesInputs) -> None:
        """Return nothing: Kubeflow gives its own ids."""

    def deploy(
        self, inputs: KubeflowPipelinesInputs, contents: Mapping[str, bytes]
    ) -> KubeflowPipelinesOutputs:
        """Add the versions that are missing, then the recurring runs; return the outputs."""
        api = _api(inputs)
        packages = {name: (inputs.members[name], text) for name, text in contents.items()}
        made = publish(api, inputs.store, packages, inputs.plans)
        place = open_location(inputs.store)
        for name, version in made.items():
            keep_version(place, inputs.plans[name], version.ids)
        desired = inputs.schedules or {}
        paused = keep_schedules(api, {name: (made[name], desired.get(name, "")) for name in made})
        return _outputs(inputs, made, paused)

    def read(self, inputs: KubeflowPipelinesInputs) -> PipelinesState:
        """Return members, Plans, schedules and outputs of what is there, and ours."""
        api = _api(inputs)
        pipelines, _ = found_pipelines(api, inputs.store, inputs.members)
        deployed = {
            name: _deployed(api, pipeline, inputs.members[name])
            for name, pipeline in pipelines.items()
        }
        made = {name: version for name, version in deployed.items() if version is not None}
        schedules = schedules_of(api, {name: made.get(name) for name in inputs.members})
        live = replace(
            inputs,
            members={name: version.digest for name, version in sorted(made.items())},
            plans={name: plan_of(version) for name, version in sorted(made.items())},
        )
        if inputs.schedules is not None or any(timing.when for timing in schedules.values()):
            when = {
                name: timing.when for name, timing in sorted(schedules.items()) if timing.is_one
            }
            live = replace(live, schedules=when)
        paused = [name for name, timing in schedules.items() if timing.is_paused]
        return State(live, _outputs(live, made, paused))

    def take_back(self, inputs: KubeflowPipelinesInputs, names: set[str]) -> None:
        """Remove what starts runs, then versions, but none whose Plan some run was made by.

        What others have under a name, which is why a deployment was refused, is left to them.
        """
        if not names:
            return
        api = _api(inputs)
        ours, others = found_pipelines(api, inputs.store, names)
        theirs = {pipeline.id for pipeline in others.values()}
        for schedule in schedules_of(api, dict.fromkeys(names)).values():
            for recurring in schedule.runs:
                if recurring.pipeline not in theirs:
                    delete_recurring(api, recurring.id)
        for pipeline in ours.values():
            _remove(api, pipeline, inputs.store)


def api_of(located: Mapping[str, Any]) -> Api:
    """Return the API server that a platform's addresses name, by the names of inputs."""
    return _api(parse_state(KubeflowPipelinesInputs, located))


def _api(inputs: KubeflowPipelinesInputs) -> Api:
    """Return the API server that inputs name; its token is read when it is needed."""
    secret, folder = inputs.credentials or "", inputs.secrets or ""

    def token() -> str:
        return read_secret(path_of(folder), secret)["password"] if secret else ""

    return Api(inputs.kubeflow or "", token, secret, inputs.namespace or "")


def require_alive(located: Mapping[str, Any]) -> None:
    """Ask the server whether it is there and takes the token.

    Raises:
        PlatformError: it isn't, doesn't, or serves several users and no namespace is named.
    """
    api_of(located).check()


def last_runs(located: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return name and state of the last run of each member that has one."""
    last = _last_runs(located)
    return {name: (run.name, run.state.lower()) for name, run in last.items()}


def last_run_ids(located: Mapping[str, Any]) -> dict[str, str]:
    """Return Kubeflow's id of the last run of each member that has one."""
    return {name: run.id for name, run in _last_runs(located).items()}


def _last_runs(located: Mapping[str, Any]) -> dict[str, runs.ServerRun]:
    api = api_of(located)
    experiments = runs.experiments(api, located["members"])
    last = {name: runs.last_run(api, identity) for name, identity in sorted(experiments.items())}
    return {name: run for name, run in last.items() if run is not None}


def left_versions(located: Mapping[str, Any], names: Iterable[str]) -> dict[str, int]:
    """Return how many versions each of some pipelines of ours has, by name."""
    api = api_of(located)
    ours, _ = found_pipelines(api, located["store"], names)
    return {name: len(versions(api, pipeline)) for name, pipeline in sorted(ours.items())}


def purge(located: Mapping[str, Any], names: Iterable[str]) -> None:
    """Delete pipelines of ours with all of their versions, whatever was made by them."""
    api = api_of(located)
    ours, _ = found_pipelines(api, located["store"], names)
    for pipeline in ours.values():
        for version in versions(api, pipeline):
            delete_version(api, version)
        delete_pipeline(api, pipeline)


def _outputs(
    inputs: KubeflowPipelinesInputs, made: Mapping[str, PipelineVersion], paused: Iterable[str]
) -> KubeflowPipelinesOutputs:
    """Return where a person sees each version, and which recurring runs are stopped."""
    page = f"{(inputs.kubeflow or '').rstrip('/')}/#/pipelines/details"
    pages = {
        name: f"{page}/{version.pipeline}/version/{version.id}"
        for name, version in sorted(made.items())
    }
    return KubeflowPipelinesOutputs(versions=pages, paused=tuple(sorted(paused)))


def _deployed(api: Api, pipeline: ServerPipeline, digest: str) -> PipelineVersion | None:
    """Return the version of a digest, if it is there; for no digest, the newest that has one."""
    deployed = [version for version in versions(api, pipeline, digest) if version.digest]
    return max(deployed, key=lambda version: version.created, default=None)


def _remove(api: Api, pipeline: ServerPipeline, store: str) -> None:
    """Remove a pipeline's versions, and the pipeline where no other version is in it."""
    there = {version.id: version for version in versions(api, pipeline)}
    plans = {version.id: plan_of(version) for version in there.values()}
    kept = lineage.used(open_location(store), plans)
    for identity, version in there.items():
        if identity not in kept:
            delete_version(api, version)
    if not kept:
        delete_pipeline(api, pipeline)
