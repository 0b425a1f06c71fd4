"""Deployments to a real Kubeflow: what they want, and what is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from atlas.kinds import content
from atlas.kinds.handler import Handler, Live
from atlas.kinds.protocol import OperationContext
from atlas.plan import Plan, PlanStep
from atlas.store import open_store
from atlas.targets.kubeflow.resource import KubeflowPipelinesKind
from atlas.targets.kubeflow.server import Api, runs
from atlas.targets.kubeflow.server import pipelines as of
from atlas.targets.kubeflow.server.schedules import recurring_runs
from tests.kubeflow.packages import package

KIND = Handler(KubeflowPipelinesKind())
CONTEXT = OperationContext("training-kubeflow")


def plan(name: str, code: str) -> Plan:
    """Return a Plan whose digest is that of a piece of code."""
    return Plan(
        name=f"dev-{name}", pipeline=name, config=name, flow="training", recipe="r",
        environment="dev", target="kubeflow", steps=(PlanStep("load", "s:L"),), code=code,
    )  # fmt: skip


def release_of(url: str) -> str:
    """Return the release of a server."""
    with urlopen(f"{url}/apis/v2beta1/healthz", timeout=60) as answer:
        return str(json.loads(answer.read())["tag_name"])


def wanted(url: str, folder: Path, schedules: dict[str, str], **codes: str) -> dict[str, Any]:
    """Return the inputs of a deployment of pipelines, whose packages are real ones.

    Args:
        url: the server's.
        folder: has the artifact store.
        schedules: when each pipeline runs, by name.
        codes: a piece of code by pipeline's name: another one makes another version.
    """
    store = (folder / "store").as_uri()
    plans = {name: plan(name, code) for name, code in codes.items()}
    for each in plans.values():
        open_store(store).add_plan(each)
    packages = {name: _package(url, each) for name, each in plans.items()}
    return {
        "owner": f"{folder.name}.dev/training",
        "members": {name: content.put(store, text) for name, text in packages.items()},
        "plans": {name: each.digest for name, each in plans.items()},
        "store": store, "kubeflow": url, "schedules": schedules,
    }  # fmt: skip


def _package(url: str, each: Plan) -> bytes:
    return package(release_of(url)) + f"# Plan {each.digest}\n".encode()


def live(identity: str, state: dict[str, Any]) -> Live:
    """Return what is really there of a deployment, of which there is something."""
    found = KIND.read(identity, state, CONTEXT)
    assert found is not None
    return found


def there(api: Api, *names: str) -> dict[str, list[Any]]:
    """Return what a server has of some pipelines: versions, recurring runs and runs, by name."""
    found: dict[str, list[Any]] = {}
    pipelines = of.pipelines(api, names)
    for name, pipeline in sorted(pipelines.items()):
        versions = sorted(version.digest for version in of.versions(api, pipeline))
        recurring = [run.cron for run in recurring_runs(api, name) if run.name == name]
        experiment = runs.find_experiment(api, name)
        started = runs.runs_named(api, experiment, f"{name}-1") if experiment else []
        found[name] = [versions, recurring, len(started)]
    return found
