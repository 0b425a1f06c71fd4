"""An `up` of the whole platform that is killed at several points converges, and goes without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clusters import Cluster, Location
from tests.cluster.stacks import PlatformStack

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]
NAMESPACES = ("atlas", "monitoring", "kubeflow", "airflow", "team-a")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KILLS = {
    "/api/v1/namespaces/atlas": True,
    f"{DEFINITIONS}/probes.monitoring.coreos.com": True,
    "/apis/apps/v1/namespaces/atlas/deployments/mlflow": False,
}
"""What is there when an `up` is killed, and whether it has noted what it had made."""


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[Location]:
    return cluster.locations(NAMESPACES)


@pytest.fixture(scope="module")
def stack(
    cluster: Cluster, room: Path, manifests: Path, before: set[Location]
) -> Iterator[PlatformStack]:
    settings = {"manifests": str(manifests), "teams": ["team-a"], "skipAwait": not cluster.is_ours}
    found = PlatformStack(room / "stack", cluster.kubeconfig, settings)
    try:
        yield found
    finally:
        if found.resources():
            found.destroy()


def test_it_converges(cluster: Cluster, stack: PlatformStack) -> None:
    for path, notes in KILLS.items():
        stack.killed(lambda path=path: cluster.find(path) is not None, notes=notes)
    stack.up()
    objects = stack.objects()
    assert len(objects) > 200
    assert not [one["metadata"] for one in objects if cluster.find(cluster.path(one)) is None]


def test_destroy_leaves_nothing(
    cluster: Cluster, stack: PlatformStack, before: set[Location]
) -> None:
    stack.destroy()
    assert not stack.objects()
    assert not cluster.locations(NAMESPACES) - before
