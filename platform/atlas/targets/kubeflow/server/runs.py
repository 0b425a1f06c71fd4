"""Runs on an API server: experiments that hold them, their states, their logs."""

from __future__ import annotations

import os
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.dataclass import dataclass
from atlas.errors import PlatformError, RefusedError
from atlas.http.answers import listed, optional, pick
from atlas.http.once import create_once
from atlas.http.service import timeout
from atlas.targets.kubeflow.server.api import contains, equals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from atlas.targets.kubeflow.server.api import Api
    from atlas.targets.kubeflow.server.pipelines import PipelineVersion

OVER = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
"""States of a run, and of a task, that is over."""
CANCELING, CANCELED = "CANCELING", "CANCELED"
_STOPPED = re.compile(r"with strategy:?\s*'?Terminate", re.IGNORECASE)
"""What Argo says of a workflow that was ended on request."""


@dataclass(frozen=True, slots=True)
class ServerTask:
    """A task of a run.

    Attributes:
        id: Kubeflow's id of it.
        name: the name that it is shown under.
        state: such as ``RUNNING``; empty before it is known.
        error: why it failed, where Kubeflow says.
    """

    id: str
    name: str
    state: str
    error: str


@dataclass(frozen=True, slots=True)
class ServerRun:
    """A run.

    Attributes:
        id: Kubeflow's id of it.
        name: the name that it was given.
        state: such as ``RUNNING``; empty before it is known. ``CANCELED`` also where Kubeflow
            itself says ``FAILED``, as it does of every run that was cancelled.
        error: why it failed, where Kubeflow says.
        created: when it was created, ISO 8601.
        pipeline: Kubeflow's id of the pipeline.
        version: Kubeflow's id of the version.
        tasks: its tasks, once they are known.
    """

    id: str
    name: str
    state: str
    error: str
    created: str
    pipeline: str = ""
    version: str = ""
    tasks: Sequence[ServerTask] = field(default=())


def experiment(api: Api, name: str, description: str) -> str:
    """Return the id of the experiment of a name; make it if it isn't there.

    Raises:
        PlatformError: the name is taken, and no experiment is listed under it.
    """
    identity = find_experiment(api, name)
    if identity:
        return identity
    body = {"display_name": name, "description": description}
    body |= {"namespace": api.namespace} if api.namespace else {}
    made = api.create("experiments", body, bears_repeat=True)
    identity = pick(made, "experiment_id", str, name) if made else find_experiment(api, name)
    if not identity:
        raise PlatformError(f"kubeflow at {api.url}: experiment {name} is there, and isn't listed")
    return identity


def find_experiment(api: Api, name: str) -> str:
    """Return the id of the experiment of a name; empty when there is none."""
    return experiments(api, [name]).get(name, "")


def experiments(api: Api, names: Iterable[str]) -> dict[str, str]:
    """Return the ids of those of some experiments that there are, by list."""
    chosen = set(names)
    query = {**contains("display_name", os.path.commonprefix([*chosen]))}  # noqa: RUF071 - no paths
    query |= {"namespace": api.namespace} if api.namespace else {}
    texts = ("display_name", "experiment_id")
    raws = api.items("experiments", "experiments", query, *texts) if chosen else ()
    return {r["display_name"]: r["experiment_id"] for r in raws if r["display_name"] in chosen}


def start(
    api: Api, version: PipelineVersion, experiment: str, name: str, parameters: Mapping[str, Any]
) -> ServerRun:
    """Start a run of a version.

    Kubeflow takes any number of runs of one name: the name is what a run is looked for by before it
    is started once more, where the answer to the first request was lost.

    Raises:
        PlatformError: no answer; the run may have been started all the same.
    """
    body = {
        "display_name": name,
        "experiment_id": experiment,
        "pipeline_version_reference": reference(version),
        "runtime_config": {"parameters": dict(parameters)},
    }

    def find() -> ServerRun | None:
        return next(iter(runs_named(api, experiment, name)), None)

    def create() -> ServerRun:
        made = api.create("runs", body, bears_repeat=False)
        if made is None:
            raise PlatformError(f"kubeflow at {api.url}: refuses run {name}: its id is taken")
        return _run(made)

    return create_once(find, create, rest=timeout())


def reference(version: PipelineVersion) -> dict[str, str]:
    """Return what names a version to Kubeflow."""
    return {"pipeline_id": version.pipeline, "pipeline_version_id": version.id}


def runs_named(api: Api, experiment: str, name: str) -> list[ServerRun]:
    """Return the runs of a name in an experiment, the oldest first, archived ones too."""
    query = {"experiment_id": experiment, **equals("display_name", name)}
    named = [_run(raw) for raw in api.items("runs", "runs", query)]
    return sorted(named, key=lambda run: (run.created, run.id))


def last_run(api: Api, experiment: str) -> ServerRun | None:
    """Return the run in an experiment that was created last; None when it has none."""
    query = {"experiment_id": experiment, "sort_by": "created_at desc", "page_size": 1}
    answer = api.get("runs", query) or {}
    return next((_run(raw) for raw in listed(answer, "runs", "kubeflow: runs")), None)


def run(api: Api, identity: str) -> ServerRun | None:
    """Return a run; None when it is gone."""
    raw = api.get(f"runs/{quote(identity)}")
    return _run(raw) if raw is not None else None


def terminate(api: Api, identity: str) -> None:
    """Ask for the end of a run; one that is ending, over or gone stays as it is."""
    if not _can_end(api, identity):
        return
    try:
        api.order(f"runs/{quote(identity)}:terminate")
    except RefusedError:
        # Kubeflow refuses a run that has come to its end, or was cancelled, since it was asked.
        if _can_end(api, identity):
            raise


def _can_end(api: Api, identity: str) -> bool:
    """Tell whether a run can be ended: it is there, not over, and isn't ending already."""
    there = run(api, identity)
    return there is not None and there.state not in (*OVER, CANCELING)


def archive(api: Api, identity: str) -> None:
    """Archive a run: lists of runs leave it out."""
    api.order(f"runs/{quote(identity)}:archive")


def _run(raw: Mapping[str, Any]) -> ServerRun:
    """Return a run from the API's JSON.

    Raises:
        MalformedError: it is none.
    """
    where = "kubeflow: run"
    tasks: list[Any] = optional(raw, "run_details.task_details", [], where)
    return ServerRun(
        id=pick(raw, "run_id", str, where),
        name=optional(raw, "display_name", "", where),
        state=CANCELED if _was_cancelled(raw) else _state(raw),
        error=_error(raw),
        created=optional(raw, "created_at", "", where),
        pipeline=optional(raw, "pipeline_version_reference.pipeline_id", "", where),
        version=optional(raw, "pipeline_version_reference.pipeline_version_id", "", where),
        tasks=tuple(_task(pick(task, "", dict, where)) for task in tasks),
    )


def _task(raw: Mapping[str, Any]) -> ServerTask:
    where = "kubeflow: task of a run"
    return ServerTask(
        id=pick(raw, "task_id", str, where),
        name=optional(raw, "display_name", "", where),
        state=_state(raw),
        error=_error(raw),
    )


def _state(raw: Mapping[str, Any]) -> str:
    state = optional(raw, "state", "", "kubeflow: run")
    return "" if state == "RUNTIME_STATE_UNSPECIFIED" else state


def _was_cancelled(raw: Mapping[str, Any]) -> bool:
    """Tell whether a run that has failed was cancelled: that was its state before, or Argo says so.

    A run that is tried again keeps the history of before: what counts is its last state but one.
    """
    if _state(raw) != "FAILED":
        return False
    history: list[Any] = optional(raw, "state_history", [], "kubeflow: run")
    states = [_state(entry) for entry in history]
    before = [state for state in states if state not in ("FAILED", CANCELED)]
    return before[-1:] == [CANCELING] or _STOPPED.search(_error(raw)) is not None


def _error(raw: Mapping[str, Any]) -> str:
    return optional(raw, "error.message", "", "kubeflow: run")
