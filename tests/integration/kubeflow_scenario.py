"""What Atlas does with an API server of Kubeflow Pipelines, once from end to end.

The same calls go to a real server (`-m cluster`), to the exchanges that were recorded with one, and
to the fake that other tests use. All three have to come to the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atlas.errors import AtlasError, RefusedError
from atlas.targets.kubeflow.server import Api, publish, publishing, runs, schedules
from atlas.targets.kubeflow.server import pipelines as of
from atlas.targets.kubeflow.server.publishing import plan_of
from atlas.targets.kubeflow.server.timing import keep_schedules, schedules_of

RECORDED = Path(__file__).parents[1] / "recorded" / "kubeflow.json"
"""With a server in single-user mode; beside it, with one in multi-user mode."""
NAME, STORE = "atlas-scenario-training", "s3://atlas/store"
PACKAGE = RECORDED.with_name("pipeline.yaml")
DIGEST, PLAN = "d" * 64, "a" * 64
OTHER, OTHER_PLAN = "e" * 64, "b" * 64


def scenario(api: Api, package: bytes = b"") -> dict[str, Any]:
    """Do everything once, on a server that knows nothing of it; return what came of it.

    Args:
        api: the server.
        package: what is deployed; by default what every server since 2.14 takes.
    """
    seen: dict[str, Any] = {}
    seen["nothing"] = [of.pipelines(api, [NAME]), runs.find_experiment(api, NAME)]
    content = package or PACKAGE.read_bytes()
    plans = {NAME: PLAN}
    made = publish(api, STORE, {NAME: (DIGEST, content)}, plans)[NAME]
    seen["published"] = [
        made.name,
        made.digest,
        plan_of(made),
        publishing._is_content(made, content),
    ]
    again = publish(api, STORE, {NAME: (DIGEST, content)}, plans)[NAME]
    seen["once"] = again.id == made.id
    pipeline = of.pipelines(api, [NAME])[NAME]
    seen["taken"] = of.add_pipeline(api, NAME, "another").id == pipeline.id
    query = {"name": DIGEST, "pipelineid": pipeline.id, "description": ""}
    seen["version taken"] = api.upload(query, content)
    seen["other content"] = error(
        lambda: publish(api, STORE, {NAME: (DIGEST, b"a: 1\n")}, {NAME: OTHER_PLAN})
    )
    other = error(lambda: publishing.own_pipelines(api, "s3://other", [NAME]))
    seen["other store"] = other.partition(" has ")[2]
    newer = publish(api, STORE, {NAME: (OTHER, content)}, {NAME: OTHER_PLAN})[NAME]
    seen["versions"] = sorted(one.name for one in of.versions(api, pipeline))
    seen["renamed"] = renamed(api, newer)
    seen["runs"] = running(api, made)
    seen["schedules"] = recurring(api, made, newer)
    seen["not found"] = [runs.run(api, "none"), api.order("runs/none:terminate")]
    seen["unknown path"] = error(lambda: api.get("nothing/here")).partition(": ")[2]
    for version in of.versions(api, pipeline):
        of.delete_version(api, version)
    of.delete_pipeline(api, pipeline)
    of.delete_pipeline(api, pipeline)
    api.delete(f"experiments/{runs.find_experiment(api, NAME)}")
    seen["gone"] = [of.pipelines(api, [NAME]), runs.find_experiment(api, NAME)]
    return seen


def renamed(api: Api, version: of.Version) -> list[Any]:
    """Rename a pipeline and a version, as somebody may in the page since 2.14; find them."""
    pipeline = f"pipelines/{version.pipeline}"
    for path in (pipeline, f"{pipeline}/versions/{version.id}"):
        body = json.dumps({"display_name": "A friendly name"}).encode()
        try:
            api._call("PATCH", path, body, {"Content-Type": "application/json"})
        except RefusedError as error:
            if error.status != 405:  # Method not allowed: before 2.14, names stay.
                raise
    there = of.pipelines(api, [NAME])[NAME]
    return [there.id == version.pipeline, [one.name for one in of.versions(api, there, OTHER)]]


def running(api: Api, version: of.Version) -> dict[str, Any]:
    """Start a run, look at it, end it."""
    seen: dict[str, Any] = {}
    experiment = runs.experiment(api, NAME, "It.")
    seen["same"] = runs.experiment(api, NAME, "It.") == experiment
    given = {"atlas_run": "training-1", "trees": 7}
    started = runs.start(api, version, experiment, "training-1", given)
    found = runs.runs_named(api, experiment, "training-1")
    seen["found"] = [one.id == started.id for one in found]
    seen["of"] = [found[0].version == version.id, found[0].pipeline == version.pipeline]
    seen["state"] = runs.run(api, started.id).state
    seen["others"] = runs.runs_named(api, experiment, "training-2")
    runs.terminate(api, started.id)
    seen["ended"] = runs.run(api, started.id).state
    runs.terminate(api, started.id)
    again = error(lambda: api.order(f"runs/{started.id}:terminate"))
    seen["ended again"] = again.partition(": ")[2].replace(started.id, "ID")
    runs.archive(api, started.id)
    seen["archived"] = [
        one.id == started.id for one in runs.runs_named(api, experiment, "training-1")
    ]
    return seen


def recurring(api: Api, old: of.Version, new: of.Version) -> dict[str, Any]:
    """Have a version run by the clock, then another, then neither."""
    seen: dict[str, Any] = {}
    when = "*/30 6 * * 1-5 from 2026-01-01"
    seen["held"] = keep_schedules(api, {NAME: (old, when)})
    timing = schedules_of(api, {NAME: old})[NAME]
    seen["when"] = [timing.when, timing.is_paused, [one.cron for one in timing.runs]]
    keep_schedules(api, {NAME: (old, when)})
    same = schedules_of(api, {NAME: old})[NAME]
    seen["kept"] = [one.id for one in same.runs] == [one.id for one in timing.runs]
    api.order(f"recurringruns/{timing.runs[0].id}:disable")
    seen["stopped"] = schedules_of(api, {NAME: old})[NAME].is_paused
    seen["still held"] = keep_schedules(api, {NAME: (new, when)})
    replaced = schedules_of(api, {NAME: new})[NAME]
    seen["replaced"] = [replaced.when, replaced.is_paused, len(replaced.runs)]
    keep_schedules(api, {NAME: (new, "")})
    seen["none"] = [*schedules_of(api, {NAME: new})[NAME].runs]
    schedules.delete_recurring(api, replaced.runs[0].id)
    return seen


def error(call: Callable[[], Any]) -> str:
    """Return what a call fails with."""
    try:
        call()
    except AtlasError as found:
        return str(found)
    return "no error"


def recorded(namespace: str = "") -> Path:
    """Return the file with what was recorded in a namespace; empty for single-user mode."""
    return RECORDED.with_name("kubeflow-multiuser.json") if namespace else RECORDED


def exchanges(namespace: str = "") -> list[dict[str, Any]]:
    """Return what was recorded."""
    found: list[dict[str, Any]] = json.loads(recorded(namespace).read_text("utf-8"))["exchanges"]
    return found
