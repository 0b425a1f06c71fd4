"""Kubeflow pipelines on an API server: versions, and what starts them by the clock.

A version is named by the digest of its package. An update adds versions and never removes one; it
replaces a recurring run, which can't be changed, by a new one, and leaves it stopped where an
operator has stopped it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.http.credentials import read_secret
from atlas.kinds import lineage
from atlas.store import open_location
from atlas.targets.kubeflow.server import Api, publish, runs
from atlas.targets.kubeflow.server.pipelines import delete_pipeline, delete_version, versions
from atlas.targets.kubeflow.server.publishing import found_pipelines, plan_of
from atlas.targets.kubeflow.server.schedules import delete_recurring
from atlas.targets.kubeflow.server.timing import keep_schedules, schedules_of
from atlas.uris import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.kinds.protocol import Plain
    from atlas.targets.kubeflow.server.pipelines import Pipeline, Version


class ServerForm:
    """Keeps pipelines on the API server that the inputs name."""

    def outputs(self, inputs: Plain) -> Plain:
        """Return nothing: Kubeflow gives its own ids."""
        return {}

    def deploy(self, inputs: Plain, contents: Mapping[str, bytes]) -> Plain:
        """Add the versions that are missing, then the recurring runs; return the outputs."""
        api = api_of(inputs)
        packages = {name: (inputs["members"][name], text) for name, text in contents.items()}
        made = publish(api, inputs["store"], packages, inputs["plans"])
        wanted = inputs.get("schedules") or {}
        held = keep_schedules(api, {name: (made[name], wanted.get(name, "")) for name in made})
        return _outputs(inputs, made, held)

    def read(self, state: Plain) -> Plain:
        """Return members, Plans, schedules and outputs of what is there, and ours."""
        api = api_of(state)
        there, _ = found_pipelines(api, state["store"], state["members"])
        found = {
            name: _deployed(api, pipeline, state["members"][name])
            for name, pipeline in there.items()
        }
        made = {name: version for name, version in found.items() if version is not None}
        schedules = schedules_of(api, {name: made.get(name) for name in state["members"]})
        live = {
            **state,
            "members": {name: version.digest for name, version in sorted(made.items())},
            "plans": {name: plan_of(version) for name, version in sorted(made.items())},
        }
        asked = "schedules" in state or any(one.when for one in schedules.values())
        if asked:
            live["schedules"] = {n: one.when for n, one in sorted(schedules.items()) if one.is_one}
        held = [name for name, one in schedules.items() if one.is_held]
        return {**live, **_outputs(live, made, held)}

    def take_back(self, state: Plain, names: set[str]) -> None:
        """Remove what starts runs, then versions, but none whose Plan some run was made by.

        What others have under a name, which is why a deployment was refused, is left to them.
        """
        if not names:
            return
        api = api_of(state)
        ours, others = found_pipelines(api, state["store"], names)
        theirs = {pipeline.id for pipeline in others.values()}
        for each in schedules_of(api, dict.fromkeys(names)).values():
            for one in each.found:
                if one.pipeline not in theirs:
                    delete_recurring(api, one.id)
        for pipeline in ours.values():
            _remove(api, pipeline, state["store"])


def api_of(inputs: Plain) -> Api:
    """Return the API server that inputs name; its token is read when it is needed."""
    secret, folder = inputs.get("credentials") or "", inputs.get("secrets") or ""

    def token() -> str:
        return read_secret(path_of(folder), secret)["password"] if secret else ""

    return Api(inputs["kubeflow"], token, secret, inputs.get("namespace") or "")


def require_alive(inputs: Plain) -> None:
    """Ask the server whether it is there and takes the token.

    Raises:
        PlatformError: it isn't, doesn't, or serves several users and no namespace is named.
    """
    api_of(inputs).check()


def last_runs(inputs: Plain) -> dict[str, tuple[str, str]]:
    """Return name and state of the last run of each member that has one."""
    api = api_of(inputs)
    there = runs.experiments(api, inputs["members"])
    found = {name: runs.last_run(api, identity) for name, identity in sorted(there.items())}
    return {name: (one.name, one.state.lower()) for name, one in found.items() if one is not None}


def left_versions(inputs: Plain, names: Iterable[str]) -> dict[str, int]:
    """Return how many versions each of some pipelines of ours has, by name."""
    api = api_of(inputs)
    there, _ = found_pipelines(api, inputs["store"], names)
    return {name: len(versions(api, pipeline)) for name, pipeline in sorted(there.items())}


def purge(inputs: Plain, names: Iterable[str]) -> None:
    """Delete pipelines of ours with all of their versions, whatever was made by them."""
    api = api_of(inputs)
    ours, _ = found_pipelines(api, inputs["store"], names)
    for pipeline in ours.values():
        for version in versions(api, pipeline):
            delete_version(api, version)
        delete_pipeline(api, pipeline)


def _outputs(inputs: Plain, made: Mapping[str, Version], held: list[str]) -> Plain:
    """Return where a person sees each version, and which recurring runs are stopped."""
    page = f"{inputs['kubeflow'].rstrip('/')}/#/pipelines/details"
    seen = {name: f"{page}/{one.pipeline}/version/{one.id}" for name, one in sorted(made.items())}
    return {"versions": seen, "held": sorted(held)}


def _deployed(api: Api, pipeline: Pipeline, digest: str) -> Version | None:
    """Return the version of a digest, if it is there; for no digest, the newest that has one."""
    found = [one for one in versions(api, pipeline, digest) if one.digest]
    return max(found, key=lambda one: one.created, default=None)


def _remove(api: Api, pipeline: Pipeline, store: str) -> None:
    """Remove a pipeline's versions, and itself where nobody has another one in it."""
    there = {version.id: version for version in versions(api, pipeline)}
    plans = {version.id: plan_of(version) for version in there.values()}
    kept = lineage.used(open_location(store), plans)
    for identity, version in there.items():
        if identity not in kept:
            delete_version(api, version)
    if not kept:
        delete_pipeline(api, pipeline)
