"""Recurring runs on an API server: what starts a version's runs by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.http.answers import optional, pick
from atlas.http.once import create_once
from atlas.http.service import timeout
from atlas.targets.kubeflow.server.api import contains
from atlas.targets.kubeflow.server.runs import reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.targets.kubeflow.server.api import Api
    from atlas.targets.kubeflow.server.pipelines import PipelineVersion


@dataclass(frozen=True, slots=True)
class Recurring:
    """A recurring run, which never changes but for being enabled.

    Attributes:
        id: Kubeflow's id of it.
        name: its name; Kubeflow takes any number of one name.
        description: what whoever made it wrote.
        enabled: whether it starts runs.
        version: Kubeflow's id of the version that it runs.
        pipeline: Kubeflow's id of that version's pipeline.
        cron: when, in six fields.
        catches_up: whether it makes up for what it missed.
        parameters: of each run.
    """

    id: str
    name: str
    description: str
    enabled: bool
    version: str
    pipeline: str
    cron: str
    catches_up: bool
    parameters: Mapping[str, Any]


def recurring_runs(api: Api, part: str) -> list[Recurring]:
    """Return the recurring runs whose name has a part, by id."""
    query = {**contains("display_name", part)}
    query |= {"namespace": api.namespace} if api.namespace else {}
    raws = api.items("recurringruns", "recurringRuns", query)
    return sorted((_recurring(raw) for raw in raws), key=lambda recurring: recurring.id)


def recur(
    api: Api,
    version: PipelineVersion,
    experiment: str,
    name: str,
    *,
    cron: str,
    start: str,
    description: str,
    enabled: bool,
    parameters: Mapping[str, Any],
) -> Recurring:
    """Make a recurring run that makes up for nothing and runs once at a time.

    Args:
        api: the server.
        version: what it runs.
        experiment: id of the experiment that its runs are in.
        name: its name.
        cron: when, in six fields: seconds first.
        start: from when, ISO 8601 with an offset; empty for from now.
        description: a word for whoever finds it.
        enabled: whether it starts runs at once.
        parameters: of each run.

    Raises:
        PlatformError: no answer, or Kubeflow refuses it.
    """
    schedule = {"cron": cron, **({"start_time": start} if start else {})}
    body = {
        "display_name": name,
        "description": description,
        "experiment_id": experiment,
        "pipeline_version_reference": reference(version),
        "runtime_config": {"parameters": dict(parameters)},
        "trigger": {"cron_schedule": schedule},
        "max_concurrency": "1",
        "no_catchup": True,
        "mode": "ENABLE" if enabled else "DISABLE",
    }

    def find() -> Recurring | None:
        same = (name, description, version.id)
        there = recurring_runs(api, name)
        return next((r for r in there if (r.name, r.description, r.version) == same), None)

    def create() -> Recurring:
        made = api.create("recurringruns", body, bears_repeat=False)
        if made is None:
            raise PlatformError(f"kubeflow at {api.url}: refuses recurring run {name}: it is there")
        return _recurring(made)

    return create_once(find, create, rest=timeout())


def delete_recurring(api: Api, identity: str) -> None:
    """Delete a recurring run; the runs that it has started stay."""
    api.delete(f"recurringruns/{quote(identity)}")


def _recurring(raw: Mapping[str, Any]) -> Recurring:
    where = "kubeflow: recurring run"
    return Recurring(
        id=pick(raw, "recurring_run_id", str, where),
        name=optional(raw, "display_name", "", where),
        description=optional(raw, "description", "", where),
        enabled=raw.get("status") == "ENABLED",
        version=optional(raw, "pipeline_version_reference.pipeline_version_id", "", where),
        pipeline=optional(raw, "pipeline_version_reference.pipeline_id", "", where),
        cron=optional(raw, "trigger.cron_schedule.cron", "", where),
        catches_up=not raw.get("no_catchup", False),
        parameters=optional(raw, "runtime_config.parameters", {}, where),
    )
