"""The whole platform on a real API server: made, made again, mended, and gone without a trace.

The tests are one story, in their order: an `up` that is killed, what stands after the next one, and
its end. `test_interrupted.py` kills it at more points.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.clusters import APPLY, Cluster, Location, Refused
from tests.cluster.rights import Account, Right, may
from tests.cluster.stacks import PlatformStack

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
NAMESPACES = ("atlas", "monitoring", "kubeflow", "airflow", "team-a")
KILLED = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/probes.monitoring.coreos.com"
"""What is there when an `up` is killed, which hasn't noted what it had made."""
MLFLOW = "/apis/apps/v1/namespaces/atlas/deployments/mlflow"
DATABASE = "/api/v1/namespaces/atlas/services/postgresql"
DEPLOYED = ("deployments", "statefulsets")
RBAC = "rbac.authorization.k8s.io"
NOBODYS = (
    Right("*", "*", group="*"),
    Right("create", "pods", "kube-system"),
    Right("get", "secrets", "kube-system"),
    Right("create", "clusterrolebindings", group=RBAC),
    Right("escalate", "clusterroles", group=RBAC),
    Right("impersonate", "users"),
    Right("create", "nodes/proxy"),
)
"""What no account of the platform may do."""
WATCHING = {
    ("monitoring", "kps-kube-prometheus-stack-operator"): "get secrets in kube-system",
}
"""What an official account may do nevertheless: it takes monitors and their Secrets anywhere."""
WITHOUT_RIGHTS = {
    *(("atlas", name) for name in ("postgresql", "object-store", "registry", "mlflow")),
    *(("monitoring", name) for name in ("pushgateway", "prometheus-gateway")),
    *(("kubeflow", name) for name in ("kubeflow-gateway", "mysql", "seaweedfs")),
    *(("airflow", name) for name in ("airflow-dag-processor", "airflow-statsd")),
}
"""Accounts of servers that ask nothing of the API server."""


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[Location]:
    """What is in the cluster before anything of the platform is."""
    return cluster.locations(NAMESPACES)


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
            found.destroy()


@pytest.fixture(scope="module")
def up(cluster: Cluster, stack: PlatformStack) -> PlatformStack:
    """The platform, brought up by a `pulumi` after one that was killed halfway."""
    stack.killed(lambda: cluster.find(KILLED) is not None, notes=False)
    stack.up()
    return stack


@pytest.fixture(scope="module")
def objects(up: PlatformStack) -> list[dict[str, Any]]:
    """What the platform is made of, as its program declares it."""
    return up.objects()


def test_an_up_that_was_killed_converges(cluster: Cluster, objects: list[dict[str, Any]]) -> None:
    assert len(objects) > 200
    missing = [one["metadata"] for one in objects if cluster.find(cluster.path(one)) is None]
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


def test_every_service_has_its_pods(cluster: Cluster, objects: list[dict[str, Any]]) -> None:
    if not cluster.is_ours:
        pytest.skip("on a cluster of one's own, images have to be pulled for that")
    # What is in kube-system is for the cluster's own servers, and the operator would run the others.
    operators = {f"kps-kube-prometheus-stack-{name}" for name in ("prometheus", "alertmanager")}
    alone = []
    for one in objects:
        space, name = (one["metadata"].get(key) for key in ("namespace", "name"))
        if one["kind"] != "Service" or space not in NAMESPACES or name in operators:
            continue
        found = cluster.find(f"/api/v1/namespaces/{space}/endpoints/{name}") or {}
        if not any(subset.get("addresses") for subset in found.get("subsets") or []):
            alone.append(f"{space}/{name}")
    assert not alone


def test_a_second_up_changes_nothing(up: PlatformStack) -> None:
    assert set(up.up()) == {"same"}


def test_every_object_is_taken_under_strict_validation(
    cluster: Cluster, objects: list[dict[str, Any]]
) -> None:
    refused = []
    for one in objects:
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


def test_accounts_may_do_what_they_need_and_no_more(
    cluster: Cluster, objects: list[dict[str, Any]]
) -> None:
    own = [one["metadata"] for one in objects if one["kind"] == "ServiceAccount"]
    accounts = [Account(one["namespace"], one["name"]) for one in own]
    assert {(one.namespace, one.name) for one in accounts} >= WITHOUT_RIGHTS
    found = {
        f"{account} may {right}"
        for account in accounts
        for right in (*NOBODYS, *_unneeded(account))
        if may(cluster, account, right)
        and str(right) != WATCHING.get((account.namespace, account.name))
    }
    assert found == set()


def _unneeded(account: Account) -> list[Right]:
    """Return what an account has no need of, beside what no account needs."""
    here, elsewhere = account.namespace, {"atlas", "airflow", "kubeflow"} - {account.namespace}
    rights = [Right("create", "pods", one) for one in sorted(elsewhere)]
    if (here, account.name) in WITHOUT_RIGHTS:
        return [*rights, *(Right(verb, "pods", here) for verb in ("create", "list", "delete"))]
    if account.name == "pipeline-runner":
        return [*rights, Right("get", "secrets", here), Right("create", "pods", here)]
    return rights


@pytest.mark.parametrize(
    ("account", "right"),
    [
        (Account("airflow", "airflow-scheduler"), Right("create", "pods", "airflow")),
        (Account("airflow", "airflow-triggerer"), Right("get", "pods/log", "airflow")),
        (Account("kubeflow", "argo"), Right("create", "pods", "kubeflow")),
        (
            Account("kubeflow", "ml-pipeline"),
            Right("create", "workflows", "kubeflow", "argoproj.io"),
        ),
    ],
    ids=str,
)
def test_orchestrators_may_start_pods_in_their_namespace(
    cluster: Cluster, up: PlatformStack, account: Account, right: Right
) -> None:
    assert may(cluster, account, right)


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
    up.destroy()
    assert not up.objects()
    assert not cluster.locations(NAMESPACES) - before
