"""The whole platform on a real API server: made, made again, mended, and gone without a trace.

The tests are one story, in their order: an `up` that is killed three times, what stands then, and
its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.clusters import APPLY, Cluster, Location, Refused
from tests.cluster.stacks import PlatformStack

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
NAMESPACES = ("atlas", "monitoring", "kubeflow", "airflow", "team-a")
KILLS = {
    "namespaces": "/api/v1/namespaces/atlas",
    "definitions": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/probes.monitoring.coreos.com",
    "workloads": "/apis/apps/v1/namespaces/atlas/statefulsets/postgresql",
}
"""What is there when an `up` is killed."""
MLFLOW = "/apis/apps/v1/namespaces/atlas/deployments/mlflow"
DATABASE = "/api/v1/namespaces/atlas/services/postgresql"
DEPLOYED = ("deployments", "statefulsets")


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[Location]:
    """What is in the cluster before anything of the platform is."""
    return cluster.locations()


@pytest.fixture(scope="module")
def stack(
    cluster: Cluster, room: Path, manifests: Path, before: set[Location]
) -> Iterator[PlatformStack]:
    """The stack, taken down at the end if no test has done so."""
    found = PlatformStack(
        room / "stack",
        cluster.kubeconfig,
        {"manifests": str(manifests), "teams": ["team-a"], "skipAwait": not cluster.is_ours},
    )
    try:
        yield found
    finally:
        if found.resources():
            found.pulumi("destroy", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def up(cluster: Cluster, stack: PlatformStack) -> PlatformStack:
    """The platform, brought up by a `pulumi` that was killed at several points before."""
    for path in KILLS.values():
        stack.killed(lambda path=path: cluster.find(path) is not None)
    stack.up()
    return stack


def declared(up: PlatformStack) -> list[dict[str, Any]]:
    return [one for one in up.objects() if one["kind"] != "Secret"]


def test_an_up_that_was_killed_at_several_points_converges(
    cluster: Cluster, up: PlatformStack
) -> None:
    assert len(up.objects()) > 200
    missing = [one["metadata"] for one in up.objects() if cluster.find(cluster.path(one)) is None]
    assert not missing


def test_all_pods_are_admitted_and_become_ready(cluster: Cluster, up: PlatformStack) -> None:
    if not cluster.is_ours:
        pytest.skip("on a cluster of one's own, images have to be pulled for that")
    for kind in DEPLOYED:
        for one in cluster.items(f"/apis/apps/v1/{kind}"):
            have = one["status"].get("readyReplicas", 0)
            assert have == one["spec"]["replicas"], (one["metadata"]["name"], one["status"])
    volumes = cluster.items("/api/v1/persistentvolumeclaims")
    assert {one["status"]["phase"] for one in volumes} == {"Bound"}


def test_a_second_up_changes_nothing(up: PlatformStack) -> None:
    assert set(up.up()) == {"same"}


def test_every_object_is_taken_under_strict_validation(cluster: Cluster, up: PlatformStack) -> None:
    refused = []
    for one in up.objects():
        query = "?dryRun=All&force=true&fieldManager=strict&fieldValidation=Strict"
        try:
            cluster.ask(cluster.path(one) + query, one, "PATCH", APPLY)
        except Refused as error:
            refused.append(f"{one['kind']} {one['metadata']['name']}: {error}")
    assert not refused


def test_what_was_deleted_or_changed_by_hand_comes_back(
    cluster: Cluster, up: PlatformStack
) -> None:
    cluster.ask(DATABASE, method="DELETE")
    more = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 77}}}}
    cluster.ask(MLFLOW, {"spec": {"replicas": 3}}, "PATCH", "application/merge-patch+json")
    cluster.ask(MLFLOW, more, "PATCH", "application/merge-patch+json")
    changes = up.up("--refresh")
    assert changes.get("create") == 1
    assert changes.get("update", 0) >= 1
    assert cluster.find(DATABASE) is not None
    assert cluster.ask(MLFLOW)["spec"]["replicas"] == 1


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_privileged_pod_is_refused(cluster: Cluster, up: PlatformStack, namespace: str) -> None:
    container = {"name": "own", "image": "own:1", "securityContext": {"privileged": True}}
    with pytest.raises(Refused, match="violates PodSecurity"):
        cluster.ask(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod(container))


@pytest.mark.parametrize("namespace", ["atlas", "monitoring"])
def test_a_pod_that_may_become_root_is_refused_where_no_steps_run(
    cluster: Cluster, up: PlatformStack, namespace: str
) -> None:
    with pytest.raises(Refused, match="restricted:"):
        cluster.ask(
            f"/api/v1/namespaces/{namespace}/pods?dryRun=All",
            pod({"name": "own", "image": "own:1"}),
        )


def pod(container: dict[str, Any]) -> dict[str, Any]:
    room = {"cpu": "10m", "memory": "16Mi"}
    whole = {**container, "resources": {"requests": room, "limits": room}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "own"},
        "spec": {"containers": [whole]},
    }


def test_destroy_leaves_nothing(cluster: Cluster, up: PlatformStack, before: set[Location]) -> None:
    up.pulumi("destroy", "--yes", "--skip-preview")
    assert up.resources() == [] or not up.objects()
    assert cluster.locations() - before == set()
