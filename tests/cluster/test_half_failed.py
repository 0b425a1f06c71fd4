"""A small platform whose `up` fails halfway, and whose namespace somebody deletes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.waiting import wait_while
from tests.cluster.clusters import Cluster, Location, Refused
from tests.cluster.stacks import PlatformStack

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(2400)]
OFF = dict.fromkeys(("airflow", "kubeflow", "prometheus", "mlflow"), "false")
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
NAME = "no-registry"
SPACES = ("atlas", "monitoring", NAME)
"""The platform's namespaces, and one in which a service is tried: the policy is for these alone."""
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "registry", "namespace": NAME},
    "spec": {"ports": [{"port": 5000}]},
}
SECONDS = 300


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[Location]:
    return cluster.locations(SPACES)


@pytest.fixture(scope="module")
def stack(cluster: Cluster, room: Path, before: set[Location]) -> Iterator[PlatformStack]:
    settings = {**OFF, "skipAwait": not cluster.is_ours}
    found = PlatformStack(room / "stack", cluster.kubeconfig, settings)
    try:
        yield found
    finally:
        _allow(cluster)
        if found.resources():
            found.destroy()


def test_an_up_that_was_refused_halfway_goes_on(cluster: Cluster, stack: PlatformStack) -> None:
    _deny(cluster)
    done = stack.pulumi("up", "--yes", "--skip-preview", code=1)
    assert "no registry here" in done.stdout + done.stderr
    assert stack.objects(), "what could be made is there and is known"
    _allow(cluster)
    stack.up()
    missing = [one["metadata"] for one in stack.objects() if not cluster.find(cluster.path(one))]
    assert not missing
    assert set(stack.up()) == {"same"}


def test_a_namespace_that_was_deleted_comes_back(cluster: Cluster, stack: PlatformStack) -> None:
    cluster.ask("/api/v1/namespaces/monitoring", method="DELETE")
    there = "/api/v1/namespaces/monitoring"
    assert not wait_while(lambda: cluster.find(there) is not None, SECONDS, 0.5)
    gone = [one for one in stack.objects() if one["metadata"].get("namespace") == "monitoring"]
    changes = stack.up("--refresh")
    assert changes["create"] == len(gone) + 1
    assert all(cluster.find(cluster.path(one)) for one in stack.objects())


def test_destroy_leaves_nothing(
    cluster: Cluster, stack: PlatformStack, before: set[Location]
) -> None:
    stack.destroy()
    assert not stack.objects()
    assert not cluster.locations(SPACES) - before


def _deny(cluster: Cluster) -> None:
    """Have the API server refuse a service of the platform's; wait until it does."""
    if cluster.find(f"/api/v1/namespaces/{NAME}") is None:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}}
        cluster.ask("/api/v1/namespaces", space)
    key = "kubernetes.io/metadata.name"
    selected = {"matchExpressions": [{"key": key, "operator": "In", "values": [*SPACES]}]}
    operations = {"operations": ["CREATE"], "resources": ["services"]}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], **operations}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": NAME},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selected},
            "validations": [
                {"expression": "object.metadata.name != 'registry'", "message": "no registry here"}
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": NAME},
        "spec": {"policyName": NAME, "validationActions": ["Deny"]},
    }
    cluster.ask(POLICIES, policy)
    cluster.ask(f"{POLICIES.removesuffix('policies')}policybindings", binding)
    assert not wait_while(lambda: _is_taken(cluster), SECONDS, 0.2)


def _allow(cluster: Cluster) -> None:
    """Have it refuse the service no longer; wait until it doesn't."""
    for path in (f"{POLICIES.removesuffix('policies')}policybindings", POLICIES):
        if cluster.find(f"{path}/{NAME}") is not None:
            cluster.ask(f"{path}/{NAME}", method="DELETE")
    space = f"/api/v1/namespaces/{NAME}"
    if cluster.find(space) is not None:
        assert not wait_while(lambda: not _is_taken(cluster), SECONDS, 0.2)
        cluster.ask(space, method="DELETE")
        assert not wait_while(lambda: cluster.find(space) is not None, SECONDS, 0.2)


def _is_taken(cluster: Cluster) -> bool:
    """Tell whether the API server would take the service."""
    try:
        cluster.ask(f"/api/v1/namespaces/{NAME}/services?dryRun=All", SERVICE)
    except Refused as refused:
        return refused.status not in (403, 422)
    return True
