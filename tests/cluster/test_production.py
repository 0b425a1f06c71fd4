"""Size `production` on a real API server, as far as it goes where nothing runs.

The kinds of CloudNativePG are there, as in a cluster that has its operator already, and no operator:
its objects are taken and stay as they were declared. So nothing is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.waiting import wait_while
from infra.manifests.sources import renderings
from tests.cluster.clusters import Cluster, Location
from tests.cluster.control_plane import control_plane
from tests.cluster.stacks import PlatformStack, mirror
from tests.official_manifests import SERVICES, official

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(2400)]
NAMESPACES = ("atlas", "monitoring", "kubeflow", "airflow", "team-a")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVED = "/apis/postgresql.cnpg.io/v1/clusters"
SETTINGS = {
    "size": "production",
    "executor": "KubernetesExecutor",
    "dags": "git+https://git.example/dags#main",
    "domain": "ml.example",
    "issuer": "letsencrypt",
    "cloudnative-pg": "false",
    "skipAwait": "true",
    "teams": {"team-a": {"group": "oidc:ml-a", "gpus": 2}},
}


@pytest.fixture(scope="module")
def cluster(room: Path) -> Iterator[Cluster]:
    """A control plane with the kinds of CloudNativePG, which somebody else has defined."""
    with control_plane(room / "control-plane", nodes=4, volumes=60) as plane:
        for one in official("cloudnative-pg", "operator"):
            if one["kind"] == "CustomResourceDefinition":
                plane.ask(DEFINITIONS, one)
        found = Cluster(plane.kubeconfig, is_ours=True)
        assert not wait_while(lambda: found.find(SERVED) is None, 300, 0.2)
        yield found


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[Location]:
    return cluster.locations(())


@pytest.fixture(scope="module")
def stack(cluster: Cluster, room: Path, before: set[Location]) -> PlatformStack:
    folder = mirror(room / "manifests")
    rendering = renderings(SERVICES / "airflow")["kubernetes-executor"]
    listed = {"apiVersion": "v1", "kind": "List", "items": official("airflow", rendering.name)}
    (folder / rendering.file).write_text(json.dumps(listed), "utf-8")
    return PlatformStack(room / "stack", cluster.kubeconfig, {"manifests": str(folder), **SETTINGS})


def test_all_of_it_is_made_and_a_second_up_changes_nothing(
    cluster: Cluster, stack: PlatformStack
) -> None:
    stack.up()
    objects = stack.objects()
    assert len(objects) > 250
    assert not [one["metadata"] for one in objects if cluster.find(cluster.path(one)) is None]
    servers = cluster.ask(f"{SERVED.replace('clusters', 'namespaces/atlas/clusters')}/postgresql")
    assert servers["spec"]["instances"] == 3
    assert "status" not in servers, "there is no operator"
    hosts = [one["spec"]["rules"][0]["host"] for one in objects if one["kind"] == "Ingress"]
    assert "airflow.ml.example" in hosts
    assert set(stack.up()) == {"same"}


def test_what_keeps_nothing_is_there_twice_with_a_budget(cluster: Cluster) -> None:
    def name(one: dict[str, dict[str, str]]) -> str:
        return f"{one['metadata']['namespace']}/{one['metadata']['name']}"

    twice = {
        name(one)
        for one in cluster.items("/apis/apps/v1/deployments")
        if one["spec"]["replicas"] == 2
    }
    budgets = {name(one) for one in cluster.items("/apis/policy/v1/poddisruptionbudgets")}
    gateway = "monitoring/prometheus-gateway"
    assert {"airflow/airflow-api-server", "kubeflow/ml-pipeline-ui", gateway} <= twice
    assert twice <= budgets


def test_destroy_leaves_nothing(
    cluster: Cluster, stack: PlatformStack, before: set[Location]
) -> None:
    stack.destroy()
    assert not stack.objects()
    assert not cluster.locations(()) - before
