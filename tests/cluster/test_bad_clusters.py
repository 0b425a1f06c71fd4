"""Clusters on which the platform can't be made: each is found before anything is made on it.

`test_preflight.py` has the same without Pulumi, which takes seconds each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.clusters import Cluster, Refused
from tests.cluster.control_plane import ControlPlane, control_plane, kubeconfig
from tests.cluster.stacks import PlatformStack
from tests.servers import free_port

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OFF = {"airflow": "false", "mlflow": "false", "kubeflow": "false"}
"""A platform of which the preview takes a few seconds."""


@pytest.fixture(scope="module")
def plane(room: Path) -> Iterator[ControlPlane]:
    """A control plane without nodes and without a storage class."""
    with control_plane(room / "control-plane") as found:
        yield found


@pytest.fixture(scope="module")
def cluster(plane: ControlPlane) -> Cluster:
    return Cluster(plane.kubeconfig, is_ours=True)


@pytest.fixture(scope="module")
def stack(plane: ControlPlane, room: Path, manifests: Path) -> PlatformStack:
    return PlatformStack(room / "stack", plane.kubeconfig, {"manifests": str(manifests), **OFF})


def refused(stack: PlatformStack, manifests: Path, **settings: object) -> str:
    """Return what `pulumi up` says when it refuses; nothing may be in the state."""
    stack.configure(**{"manifests": str(manifests), **OFF, **settings})
    done = stack.pulumi("up", "--yes", "--skip-preview", code=1)
    assert stack.objects() == []
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.long
def test_a_cluster_that_does_not_answer(
    stack: PlatformStack, manifests: Path, plane: ControlPlane, room: Path
) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    file = kubeconfig(room / "nobody", url, plane.token, plane.authority)
    said = refused(stack, manifests, kubeconfig=str(file))
    assert f"cluster {url}: doesn't answer" in said
    assert "expected the API server of a cluster that runs" in said


def test_wrong_credentials(
    stack: PlatformStack, manifests: Path, plane: ControlPlane, room: Path
) -> None:
    file = kubeconfig(room / "wrong", plane.url, "wrong", plane.authority)
    said = refused(stack, manifests, kubeconfig=str(file))
    assert "doesn't take the kubeconfig's credentials (status 401)" in said
    assert plane.token not in said


@pytest.mark.long
def test_somebody_who_may_do_nothing(
    cluster: Cluster, stack: PlatformStack, manifests: Path, plane: ControlPlane, room: Path
) -> None:
    account = "/api/v1/namespaces/default/serviceaccounts/default/token"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = cluster.ask(account, review)["status"]["token"]
    file = kubeconfig(room / "nothing", plane.url, token, plane.authority)
    said = refused(stack, manifests, kubeconfig=str(file))
    assert "the kubeconfig's user may not create namespaces, create secrets" in said


@pytest.mark.long
def test_a_typo_in_the_settings(stack: PlatformStack, manifests: Path) -> None:
    said = refused(stack, manifests, sise="small")
    assert "atlas:sise: there is no such setting on a cluster (did you mean 'atlas:size'?)" in said


@pytest.mark.long
def test_a_key_that_is_too_short(stack: PlatformStack, manifests: Path) -> None:
    said = refused(stack, manifests, secretKey="short")
    assert "atlas:secretKey: found 5 characters; expected at least 32, at random" in said


@pytest.mark.long
@pytest.mark.parametrize("looked", ["true", "false"], ids=["looked at", "not looked at"])
def test_a_rendering_that_is_not_the_one_that_was_pinned(
    stack: PlatformStack, manifests: Path, room: Path, looked: str
) -> None:
    other = room / "changed"
    for file in manifests.rglob("*.yaml"):
        copy = other / file.relative_to(manifests)
        copy.parent.mkdir(parents=True, exist_ok=True)
        listed = json.loads(file.read_text("utf-8"))
        listed["items"][0]["metadata"].setdefault("labels", {})["changed"] = "yes"
        copy.write_text(json.dumps(listed), "utf-8")
    said = refused(stack, other, preflight=looked)
    assert "expected" in said
    assert "isn't what was tried with this version of Atlas" in said


def test_all_that_is_wrong_with_a_cluster_is_told_at_once(
    cluster: Cluster, stack: PlatformStack, manifests: Path
) -> None:
    _someone_elses(cluster)
    before = cluster.locations(())
    said = refused(stack, manifests)
    for expected in (
        "nothing was made:",
        "no storage class is the default: found none; name one in atlas:storageClass",
        "namespace monitoring is being deleted; wait until it is gone",
        "quota tight of namespace atlas allows 1Mi of requests.memory; expected",
        "definition probes.monitoring.coreos.com is there, made by somebody else",
        "definition prometheuses.monitoring.coreos.com is newer (version 99.0.0; this",
    ):
        assert expected in said
    # A namespace that is being deleted may be gone meanwhile.
    assert not cluster.locations(()) - before


def _someone_elses(cluster: Cluster) -> None:
    """Make what stands in the platform's way."""
    ours = {"atlas/platform": "test"}
    for name in ("atlas", "monitoring"):
        _made(cluster, "/api/v1/namespaces", {"kind": "Namespace"}, name, labels=ours)
    quota = {"kind": "ResourceQuota", "spec": {"hard": {"requests.memory": "1Mi"}}}
    _made(cluster, "/api/v1/namespaces/atlas/resourcequotas", quota, "tight")
    kept = {"kind": "ConfigMap"}
    path = "/api/v1/namespaces/monitoring/configmaps"
    _made(cluster, path, kept, "kept", finalizers=["atlas.invalid/kept"])
    cluster.ask("/api/v1/namespaces/monitoring", method="DELETE")
    _made(cluster, DEFINITIONS, _definition("probes", "Probe"), "probes.monitoring.coreos.com")
    _made(
        cluster,
        DEFINITIONS,
        _definition("prometheuses", "Prometheus"),
        "prometheuses.monitoring.coreos.com",
        labels={"app.kubernetes.io/part-of": "atlas"},
        annotations={"operator.prometheus.io/version": "99.0.0"},
    )


def _made(
    cluster: Cluster, path: str, manifest: dict[str, Any], name: str, **metadata: Any
) -> None:
    """Make an object; one that is there already stays."""
    version = path.split("/", 4)[2:4] if path.startswith("/apis/") else ["v1"]
    whole = {**manifest, "apiVersion": "/".join(version), "metadata": {"name": name, **metadata}}
    try:
        cluster.ask(path, whole)
    except Refused as refused:
        if refused.status != 409:
            raise


def _definition(plural: str, kind: str) -> dict[str, Any]:
    """Return the definition of a kind of Prometheus's operator."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "monitoring.coreos.com",
            "names": {"plural": plural, "kind": kind},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
