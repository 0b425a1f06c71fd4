"""Pods of pipelines' steps on simulated nodes: what many runs at a time ask of an API server."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from tests.cluster.clusters import Cluster

NAMESPACE = "steps"
_SECONDS = 1200
_COUNT = re.compile(r"^apiserver_request_total\{.*\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class StepPods:
    """What pods took.

    Attributes:
        pods: how many there were.
        seconds: from the first that was made to the last that was seen complete.
        calls: requests that the API server had meanwhile: of the maker, the scheduler, the
            controllers and the nodes.
    """

    pods: int
    seconds: float
    calls: int


def played(cluster: Cluster, runs: int, steps: int) -> StepPods:
    """Run step after step of many runs at a time, each a pod, as orchestrators make them."""
    if cluster.find(f"/api/v1/namespaces/{NAMESPACE}") is None:
        cluster.ask("/api/v1/namespaces", _of("Namespace", NAMESPACE))
        account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"
        _wait(lambda: cluster.find(account) is not None)
    start, before = time.monotonic(), requests(cluster)
    for step in range(steps):
        _wave(cluster, runs, step)
    took, after = time.monotonic() - start, requests(cluster)
    cluster.ask(f"/api/v1/namespaces/{NAMESPACE}/pods", method="DELETE")
    _wait(lambda: not cluster.items(f"/api/v1/namespaces/{NAMESPACE}/pods"))
    return StepPods(runs * steps, took, after - before)


def requests(cluster: Cluster) -> int:
    """Return how many requests the API server has had."""
    return sum(int(float(count)) for count in _COUNT.findall(cluster.text("/metrics")))


def _wave(cluster: Cluster, runs: int, step: int) -> None:
    """Run one step of all runs."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    for run in range(runs):
        cluster.ask(path, _pod(run, step))
    selector = f"?labelSelector=step={step}&fieldSelector=status.phase%3DSucceeded"
    _wait(lambda: len(cluster.items(path + selector)) == runs)


def _wait(done: Any) -> None:
    """Wait until something is so."""
    end = time.monotonic() + _SECONDS
    while not done():
        assert time.monotonic() < end, f"not there after {_SECONDS} s"
        time.sleep(0.5)


def _pod(run: int, step: int) -> dict[str, Any]:
    """Return the pod of a step."""
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    room = {"cpu": "100m", "memory": "256Mi"}
    container = {
        "name": "base",
        "image": "registry.atlas.svc:5000/pipelines/steps:1",
        "resources": {"requests": room, "limits": room},
        "securityContext": own,
    }
    pod = _of("Pod", f"run-{run}-step-{step}", labels={"run": str(run), "step": str(step)})
    safe = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        **pod,
        "spec": {"restartPolicy": "Never", "containers": [container], "securityContext": safe},
    }


def _of(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    """Return the head of an object."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}
