"""Manifests: read, digested, put in order, patched; pins, the mirror and the cache."""

from __future__ import annotations

import copy
import json
import random
import textwrap

import pytest
from pulumi import RunError

from infra.manifests import mirror, patches
from infra.manifests.definitions import without_descriptions
from infra.manifests.images import ImageSources, canonical, images
from infra.manifests.objects import ObjectKey, digest, phases, read, without_hooks
from infra.manifests.pods import containers_of, pod_of
from infra.manifests.rendering import Manifests, command
from infra.manifests.sources import renderings
from infra.manifests.update import differences
from tests.official_manifests import SERVICES, official, rendering

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
# A comment.
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: wait, image: busybox, args: [db.shop, shop]}]
      containers:
        - name: web
          image: quay.io/shop/web:1
          args: [--sidecar=quay.io/shop/side:2, --operator, = , 2026-01-01]
          env:
            - {name: HOST, value: "db.shop.svc:5432"}
            - {name: POD_NAMESPACE, value: shop}
            - {name: SHOP, value: shop}
            - {name: QUERY, value: 'up{job="web",namespace="shop"}'}
          resources: {requests: {cpu: 50m}}
          securityContext: {runAsUser: 7}
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata: {name: data}
    spec: {resources: {requests: {storage: 1Gi}}}
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: web}
    subjects: [{kind: ServiceAccount, name: web, namespace: shop}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: hook, annotations: {helm.sh/hook: pre-install}}
"""


@pytest.fixture
def shop():
    return read(SHOP, "shop.yaml")


def titles(manifests):
    return [f"{one['kind']} {one['metadata']['name']}" for one in manifests]


def named(manifests, title):
    (found,) = [one for one in manifests if f"{one['kind']} {one['metadata']['name']}" == title]
    return found


def test_objects_are_read_one_by_one_and_lists_are_taken_apart(shop):
    assert titles(shop) == [
        "Namespace shop", "Deployment web", "PersistentVolumeClaim data",
        "ClusterRoleBinding web", "Job hook",
    ]  # fmt: skip


def test_a_plain_equals_sign_and_a_date_are_texts(shop):
    (web,) = pod_of(shop[1])["containers"]
    assert web["args"][-2:] == ["=", "2026-01-01"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "isn't YAML"),
        ("- a", "expected an object with apiVersion, kind and metadata.name"),
        ("kind: Pod", "expected an object"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}", "expected an object"),
        ("apiVersion: v1\nkind: Pod\nmetadata: text", "expected an object"),
    ],
)
def test_what_is_no_object_is_refused(text, said):
    with pytest.raises(RunError, match=f"shop.yaml: .*{said}"):
        read(text, "shop.yaml")


def test_an_object_that_is_there_twice_is_refused_whatever_its_version():
    one = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
    with pytest.raises(RunError, match="found Deployment a twice"):
        read(f"{one}---\n{one.replace('v1', 'v1beta1')}", "shop.yaml")


def test_hooks_are_left_out(shop):
    assert titles(without_hooks(shop)) == titles(shop)[:-1]


def test_the_digest_is_of_what_objects_say_not_of_how_it_is_written(shop):
    shuffled = shop[:]
    random.Random(3).shuffle(shuffled)
    assert digest(shuffled) == digest(shop)
    assert digest(read(json.dumps({"apiVersion": "v1", "kind": "List", "items": shop}), "x")) == (
        digest(shop)
    )
    for path in (("metadata", "name"), ("kind",), ("apiVersion",)):
        other = copy.deepcopy(shop)
        part = other[0]
        for step in path[:-1]:
            part = part[step]
        part[path[-1]] += "x"
        assert digest(other) != digest(shop)


def test_namespaces_and_kinds_come_first_and_webhooks_last():
    kinds = ["Pod", "MutatingWebhookConfiguration", "CustomResourceDefinition", "Namespace", "Pod"]
    manifests = [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": str(number)}}
        for number, kind in enumerate(kinds)
    ]
    assert [[one["metadata"]["name"] for one in group] for group in phases(manifests)] == [
        ["3"], ["2"], ["0", "4"], ["1"],
    ]  # fmt: skip
    assert phases([]) == []


def test_a_namespace_is_moved_wherever_it_is_named(shop):
    before = copy.deepcopy(shop)
    moved = patches.in_namespace(shop, "shop", "market")
    assert shop == before
    assert titles(moved)[0] == "Namespace market"
    web, wait = pod_of(moved[1])["containers"][0], pod_of(moved[1])["initContainers"][0]
    assert moved[1]["metadata"]["namespace"] == "market"
    assert web["env"][0]["value"] == "db.market.svc:5432"
    assert wait["args"] == ["db.market", "shop"]
    assert web["env"][2]["value"] == "shop", "a value that happens to be the same isn't it"
    assert web["env"][3]["value"] == 'up{job="web",namespace="market"}'
    assert moved[2]["metadata"]["namespace"] == "market"
    assert moved[3]["metadata"] == {"name": "web"}
    assert moved[3]["subjects"][0]["namespace"] == "market"


def test_a_namespace_that_stays_is_written_into_objects_that_lack_it(shop):
    moved = patches.in_namespace(shop, "shop", "shop")
    assert moved[2]["metadata"]["namespace"] == "shop"
    assert "namespace" not in moved[0]["metadata"]


def test_every_container_gets_what_it_lacks_of_requests_and_limits(shop):
    default = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    patched = patches.with_resources(shop, {"wait": {"limits": {"memory": "1Gi"}}}, default)
    wait, web = containers_of(pod_of(patched[1]))
    assert web["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"memory": "256Mi"},
    }
    assert wait["resources"]["limits"] == {"memory": "1Gi"}
    assert "resources" not in next(iter(containers_of(pod_of(shop[1]))))


def test_pods_are_made_to_fit_the_restricted_standard_and_keep_their_users(shop):
    pod = pod_of(patches.restricted(shop)[1])
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    wait, web = containers_of(pod)
    assert web["securityContext"]["runAsUser"] == 7
    for container in (wait, web):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_volumes_get_a_class_and_a_size(shop):
    volume = patches.with_storage(shop, "fast", {"data": "5Gi"})[2]["spec"]
    assert volume == {"resources": {"requests": {"storage": "5Gi"}}, "storageClassName": "fast"}
    same = patches.with_storage(shop, "", {})[2]["spec"]
    assert same == shop[2]["spec"]


def test_templates_of_volumes_are_volumes(shop):
    templates = {"volumeClaimTemplates": [{"metadata": {"name": "logs"}, "spec": {}}]}
    state = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"}}
    (patched,) = patches.with_storage([{**state, "spec": templates}], "fast", {"logs": "9Gi"})
    assert patched["spec"]["volumeClaimTemplates"][0]["spec"] == {
        "storageClassName": "fast", "resources": {"requests": {"storage": "9Gi"}},
    }  # fmt: skip


def test_replicas_variables_labels_and_pull_secrets(shop):
    assert patches.with_replicas(shop, {"web": 2})[1]["spec"]["replicas"] == 2
    assert "replicas" not in patches.with_replicas(shop, {"other": 2})[1]["spec"]
    variables = [{"name": "HOST", "value": "x"}, {"name": "NEW", "value": "y"}]
    (web,) = pod_of(patches.with_variables(shop, {"web"}, variables)[1])["containers"]
    assert [one["name"] for one in web["env"]] == ["POD_NAMESPACE", "SHOP", "QUERY", "HOST", "NEW"]
    labelled = patches.with_labels(shop, {"a": "b"})
    assert labelled[1]["metadata"]["labels"] == {"a": "b"}
    assert labelled[1]["spec"] == shop[1]["spec"]
    assert pod_of(patches.with_pull_secret(shop, "hub")[1])["imagePullSecrets"] == [{"name": "hub"}]
    assert patches.with_pull_secret(shop, "") == shop


def test_objects_are_left_out_and_changed_by_name_and_have_to_be_there(shop):
    assert "Deployment web" not in titles(patches.without(shop, "Deployment web"))
    changed = patches.changed(shop, "Namespace shop", lambda one: one.update(extra=1))
    assert changed[0]["extra"] == 1
    assert "extra" not in shop[0]
    with pytest.raises(RunError, match="found no Deployment gone"):
        patches.without(shop, "Deployment gone")
    with pytest.raises(RunError, match="found no Deployment gone"):
        patches.changed(shop, "Deployment gone", dict)


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("mysql:8.4", "docker.io/library/mysql:8.4"),
        ("apache/airflow:3", "docker.io/apache/airflow:3"),
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("localhost/a:1", "localhost/a:1"),
        ("registry:5000/a:1", "registry:5000/a:1"),
    ],
)
def test_images_have_a_whole_name(image, whole):
    assert canonical(image) == whole


def test_images_come_from_mirrors_and_by_digest(shop):
    pin = f"sha256:{'a' * 64}"
    images = ImageSources(
        mirrors={"quay.io": "hub.example/quay/", "*": "hub.example/all"},
        digests={"quay.io/shop/web:1": pin},
    )
    wait, web = containers_of(pod_of(images.patch(shop)[1]))
    assert web["image"] == f"hub.example/quay/shop/web:1@{pin}"
    assert web["args"][:2] == ["--sidecar=hub.example/quay/shop/side:2", "--operator"]
    assert wait["image"] == "hub.example/all/docker.io/library/busybox"
    assert web["env"][0]["value"] == "db.shop.svc:5432", "an address is no image"
    assert ImageSources().patch(shop) == shop


def test_every_service_pins_its_renderings():
    found = {
        path.parent.name: [*renderings(path.parent)] for path in SERVICES.glob("*/service.json")
    }
    assert {name: names for name, names in found.items() if names} == {
        "airflow": ["local-executor", "kubernetes-executor"],
        "cloudnative-pg": ["operator"],
        "kubeflow": ["cluster-scoped-resources", "platform-agnostic", "multi-user"],
        "prometheus": ["operator"],
    }
    for service, names in found.items():
        for values in (rendering(service, name).values for name in names):
            assert values is None or values.is_file()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tool": "make"}, "found tool 'make'"),
        ({"sha256": "abc"}, "64 hexadecimal digits"),
        ({"colour": "red"}, "found chart, colour"),
        ({"version": 1}, "expected the texts"),
    ],
)
def test_a_pin_that_can_not_be_right_is_refused(tmp_path, change, said):
    own = {**PIN, **change}
    (tmp_path / "service.json").write_text(json.dumps({"manifests": {"renderings": {"all": own}}}))
    with pytest.raises(RunError, match=r"manifests\.renderings\.all: .*") as caught:
        renderings(tmp_path)
    assert said in str(caught.value)


PIN = {
    "tool": "kustomize", "source": "https://example/shop", "chart": "base", "version": "1.0.0",
    "namespace": "shop", "sha256": "0" * 64,
}  # fmt: skip


@pytest.fixture
def pinned(tmp_path, shop):
    """A service whose rendering is pinned to the shop's objects."""
    own = {**PIN, "sha256": digest(without_hooks(shop))}
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "service.json").write_text(json.dumps({"manifests": {"renderings": {"all": own}}}))
    return renderings(folder)["all"]


def mirrored(tmp_path, pinned, text):
    path = tmp_path / "mirror" / pinned.file
    path.parent.mkdir(parents=True)
    path.write_text(textwrap.dedent(text))
    return tmp_path / "mirror"


def test_a_mirror_comes_first_and_is_checked(tmp_path, pinned, shop):
    folder = mirrored(tmp_path, pinned, SHOP)
    manifests = Manifests(mirror=folder, cache=tmp_path / "cache")
    assert manifests.objects(pinned) == without_hooks(shop)
    assert not (tmp_path / "cache").exists()


def test_a_mirror_whose_objects_differ_from_the_pin_is_refused(tmp_path, pinned):
    changed = SHOP.replace("web:1", "web:2")
    folder = mirrored(tmp_path, pinned, changed)
    with pytest.raises(RunError) as caught:
        Manifests(mirror=folder, cache=tmp_path / "cache").objects(pinned)
    assert "shop-1.0.0/all.yaml: found objects of sha256" in str(caught.value)
    assert f"expected {pinned.sha256}" in str(caught.value)
    own = {pinned.file: digest(without_hooks(read(changed, "x")))}
    manifests = Manifests(mirror=folder, digests=own, cache=tmp_path / "cache")
    assert titles(manifests.objects(pinned))[0] == "Namespace shop"


def test_what_was_rendered_is_kept_and_a_broken_file_is_not_trusted(tmp_path, pinned, shop):
    manifests = Manifests(cache=tmp_path)
    file = tmp_path / "rendered" / f"{pinned.sha256}.json"
    file.parent.mkdir()
    file.write_text(json.dumps(without_hooks(shop)))
    assert manifests.objects(pinned) == without_hooks(shop)
    for broken in ("", "[]", "{}", "[1]", json.dumps(shop[:1])):
        file.write_text(broken)
        assert manifests._kept(pinned) is None


def test_a_mirror_is_written_with_the_images_of_all_services(tmp_path, pinned, shop, capsys):
    cache = tmp_path / "cache"
    file = cache / "rendered" / f"{pinned.sha256}.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(without_hooks(shop)))
    database = tmp_path / "database"
    database.mkdir()
    (database / "service.json").write_text(json.dumps({"image": "mysql:8"}))
    for _ in range(2):
        found = mirror.written(tmp_path / "mirror", tmp_path, Manifests(cache=cache))
        assert found == ([pinned.file], sorted({"docker.io/library/mysql:8", *images(shop)}))
    assert (tmp_path / "mirror" / "images.txt").read_text().splitlines() == found[1]
    there = Manifests(mirror=tmp_path / "mirror", cache=tmp_path / "empty")
    assert there.objects(pinned) == without_hooks(shop)
    assert mirror.main([]) == 2
    assert "make mirror FOLDER=" in capsys.readouterr().err


def test_images_are_those_that_a_patch_replaces(shop):
    found = images(shop)
    assert found
    sources = ImageSources(mirrors={"*": "hub.example"})
    assert {one.removeprefix("hub.example/") for one in images(sources.patch(shop))} == found


def test_the_programs_are_told_versions_and_namespaces():
    helm = command(rendering("airflow", "local-executor"))
    assert helm[:7] == [
        "template", "airflow", "airflow", "--repo", "https://airflow.apache.org",
        "--version", "1.22.0",
    ]  # fmt: skip
    assert helm[helm.index("--namespace") + 1] == "airflow"
    assert "--kube-version" in helm
    assert "--include-crds" in helm
    assert helm[-2:] == ["--values", str(SERVICES / "airflow" / "local-executor.yaml")]
    (_, base) = command(rendering("kubeflow", "platform-agnostic"))
    assert base == (
        "https://github.com/kubeflow/pipelines//manifests/kustomize/env/platform-agnostic"
        "?ref=2.17.0&timeout=300s"
    )


def test_what_differs_between_two_renderings(shop):
    new = [*shop[1:-1], {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}]
    new[0] = {**new[0], "spec": {}}
    assert differences(shop, new) == [
        "- Namespace shop", "+ Secret s", "~ Deployment shop/web", "- Job hook",
    ]  # fmt: skip


OFFICIAL = [
    ("airflow", "local-executor", 23),
    ("airflow", "kubernetes-executor", 23),
    ("kubeflow", "cluster-scoped-resources", 16),
    ("kubeflow", "platform-agnostic", 72),
    ("kubeflow", "multi-user", 133),
    ("prometheus", "operator", 84),
]


@pytest.mark.parametrize(("service", "name", "count"), OFFICIAL)
def test_official_manifests_move_and_are_restricted_as_a_whole(service, name, count):
    """Nothing of the old namespace is left in any place where a cluster reads one."""
    manifests = official(service, name)
    assert len(manifests) == count
    old = rendering(service, name).namespace
    moved = patches.restricted(patches.in_namespace(manifests, old, "elsewhere-7"))
    spaces = {ObjectKey.of(one).namespace for one in moved}
    assert spaces <= {"", "elsewhere-7", "kube-system"}
    subjects = [one for manifest in moved for one in manifest.get("subjects") or []]
    assert {one.get("namespace") for one in subjects} <= {None, "elsewhere-7"}
    text = json.dumps(moved).replace('\\"', "'")
    for left in (f".{old}.svc", f"namespace='{old}'", f'namespace": "{old}"', f'["{old}"]'):
        assert left not in text
    images = ImageSources(mirrors={"*": "hub.example"}).patch(moved)
    for manifest in images:
        for container in containers_of(pod_of(manifest) or {}):
            assert container["image"].startswith("hub.example/")


def test_schemas_of_definitions_lose_what_only_explains():
    described = {"type": "string", "description": "what it is"}
    schema = {
        "type": "object",
        "description": "all of it",
        "required": ["description"],
        "properties": {
            "description": described,
            "list": {"type": "array", "items": described, "default": [{"description": "stays"}]},
            "map": {"type": "object", "additionalProperties": described},
            "any": {"anyOf": [described, {"type": "integer"}], "additionalProperties": False},
        },
    }
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "kind": "CustomResourceDefinition",
        "spec": {"versions": [version, {"name": "v0"}]},
    }
    other = {"kind": "ConfigMap", "description": "stays"}
    small, same = without_descriptions([definition, other])
    text = {"type": "string"}
    assert small["spec"]["versions"][0]["schema"]["openAPIV3Schema"] == {
        "type": "object",
        "required": ["description"],
        "properties": {
            "description": text,
            "list": {"type": "array", "items": text, "default": [{"description": "stays"}]},
            "map": {"type": "object", "additionalProperties": text},
            "any": {"anyOf": [text, {"type": "integer"}], "additionalProperties": False},
        },
    }
    assert small["spec"]["versions"][1] == {"name": "v0"}
    assert same is other
    assert schema["description"] == "all of it"
