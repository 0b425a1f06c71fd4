"""What many runs at a time ask of a Kubernetes API server: pods of steps on simulated nodes.

It needs what `make test-cluster` gets; without it there are no rows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from atlas_toolchain import cluster_tests
from tests.bench.table import Row, at_most, shown
from tests.cluster.clusters import Cluster
from tests.cluster.control_plane import control_plane
from tests.cluster.step_pods import StepPods, played

FEW, MANY, STEPS, NODES = 25, 100, 10, 4
MORE = 1.5
"""How many times as many calls a pod may take among four times as many."""


def run() -> list[Row]:
    if not all(cluster_tests.find(one.name) for one in cluster_tests.PROGRAMS):
        return []
    with (
        tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder,
        control_plane(Path(folder) / "control-plane", nodes=NODES) as plane,
    ):
        cluster = Cluster(plane.kubeconfig, is_ours=True)
        few, many = played(cluster, FEW, STEPS), played(cluster, MANY, STEPS)
    return [
        *_rows(few),
        *_rows(many),
        at_most("- calls of a pod, for as many", _grown(few, many), MORE, "x"),
    ]


def _rows(took: StepPods) -> list[Row]:
    """Return the rows of some pods."""
    name = f"{took.pods:,} step pods, {STEPS} in each run, scheduled and completed"
    return [shown(name, took.seconds, "s"), shown("- calls of a pod", took.calls / took.pods, "")]


def _grown(few: StepPods, many: StepPods) -> float:
    """Return how many times as many calls a pod takes among more of them."""
    return (many.calls / many.pods) / (few.calls / few.pods)
