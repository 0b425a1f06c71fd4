"""A real API server looked at before anything is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pulumi
import pytest

from infra.kubernetes import preflight
from infra.kubernetes.api_server import ApiServer
from infra.kubernetes.namespaces import PlatformNamespace, namespace
from infra.kubernetes.secrets import PlatformSecrets
from infra.kubernetes.settings import ClusterSettings
from tests.cluster.control_plane import ControlPlane, control_plane

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SPACE = namespace(PlatformNamespace(name="atlas"), "dev", "ingress-nginx")
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "atlas"},
    "spec": {"resources": {"requests": {"storage": "20Gi"}}},
}
PLANNED = [*SPACE, CLAIM]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane"), volumes=1) as plane:
        yield plane


@pytest.fixture
def settings(plane: ControlPlane) -> ClusterSettings:
    secrets = PlatformSecrets(pulumi.Output.from_input("k" * 40), "dev")
    return ClusterSettings(
        stack="dev",
        vault="file:///vault",
        secrets=secrets,
        kubeconfig=str(plane.kubeconfig),
        context="test",
    )


def refused(settings: ClusterSettings) -> str:
    with pytest.raises(pulumi.RunError) as caught:
        preflight.require(settings, PLANNED)
    return str(caught.value)


def test_a_cluster_that_will_do(settings, plane):
    server = ApiServer.of(settings.kubeconfig, settings.context)
    assert preflight.problems(server, settings, PLANNED) == []
    text = plane.kubeconfig.read_text("utf-8")
    assert ApiServer.of(text, "").get("/version")["gitVersion"].startswith("v1.")


def test_what_is_wrong_is_told_together(settings, plane):
    plane.ask("/api/v1/namespaces", {"metadata": {"name": "atlas"}})
    try:
        said = refused(replace(settings, storage_class="fast"))
    finally:
        plane.ask("/api/v1/namespaces/atlas", method="DELETE")
    assert "can't take the platform; nothing was made:" in said
    assert "atlas:storageClass: 'fast' isn't there: found test; name one of those" in said
    assert "namespace atlas is there and isn't of this platform" in said


def test_somebody_without_rights(settings, plane, tmp_path):
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = plane.ask(path, review)["status"]["token"]
    said = refused(replace(settings, kubeconfig=with_token(plane, tmp_path, token)))
    assert "the kubeconfig's user may not create namespaces, create secrets" in said


def with_token(plane: ControlPlane, folder, token: str) -> str:
    config = json.loads(plane.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"]["token"] = token
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config), "utf-8")
    return str(path)


def test_credentials_that_are_not_taken(settings, plane, tmp_path):
    said = refused(replace(settings, kubeconfig=with_token(plane, tmp_path, "wrong")))
    assert "doesn't take the kubeconfig's credentials (status 401)" in said


def test_no_cluster_and_no_context(settings, plane, tmp_path):
    config = json.loads(plane.kubeconfig.read_text("utf-8"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config), "utf-8")
    said = refused(replace(settings, kubeconfig=str(path)))
    assert "cluster https://127.0.0.1:9: doesn't answer" in said
    said = refused(replace(settings, context="nowhere"))
    assert f"atlas:context: 'nowhere' of {plane.kubeconfig} opens no cluster" in said
    missing = tmp_path / "missing"
    said = refused(replace(settings, kubeconfig=str(missing), context=""))
    assert f"atlas:kubeconfig: {missing} opens no cluster" in said


@pytest.mark.parametrize(
    "text",
    ["users: [\n  s3cret", "s3cret\nno mapping", "current-context: x\ncontexts: 3\n"],
    ids=["no YAML", "no mapping", "no list of contexts"],
)
def test_a_kubeconfig_that_is_none(settings, tmp_path, text):
    file = tmp_path / "kubeconfig"
    file.write_text(text, "utf-8")
    for given, named in ((str(file), str(file)), (text, "the setting's text")):
        said = refused(replace(settings, kubeconfig=given, context=""))
        assert f"atlas:kubeconfig: {named} opens no cluster" in said
        assert "s3cret" not in said
