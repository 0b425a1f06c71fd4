"""What is looked at on a cluster before anything is made there."""

from __future__ import annotations

import asyncio
import copy
from decimal import Decimal

import pulumi
import pytest

from infra.kubernetes import preflight
from infra.kubernetes.demand import amount, demands
from infra.kubernetes.secrets import PlatformSecrets
from infra.kubernetes.settings import ClusterSettings

SPACE = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "atlas"}}
DEFINITION = {
    "kind": "CustomResourceDefinition",
    "apiVersion": "apiextensions.k8s.io/v1",
    "metadata": {
        "name": "prometheuses.monitoring.coreos.com",
        "annotations": {"operator.prometheus.io/version": "0.93.1"},
    },
    "spec": {"group": "monitoring.coreos.com"},
}
SERVER = {
    "kind": "StatefulSet",
    "apiVersion": "apps/v1",
    "metadata": {"name": "db", "namespace": "atlas"},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {
                "containers": [
                    {
                        "resources": {
                            "requests": {"cpu": "500m", "memory": "1Gi"},
                            "limits": {"memory": "2Gi"},
                        }
                    }
                ]
            }
        },
        "volumeClaimTemplates": [
            {"spec": {"resources": {"requests": {"storage": "20Gi"}}}},
        ],
    },
}
MONITOR = {
    "kind": "ServiceMonitor",
    "apiVersion": "monitoring.coreos.com/v1",
    "metadata": {"name": "a", "namespace": "atlas"},
}
PLANNED = [SPACE, DEFINITION, SERVER, MONITOR]
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GOOD = {
    "/version": {"gitVersion": "v1.36.3"},
    CLASSES: {
        "items": [
            {
                "metadata": {
                    "name": "fast",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                }
            }
        ]
    },
    "/apis": {"groups": [{"name": "apps"}, {"name": "apiextensions.k8s.io"}]},
}


class Answers:
    """A cluster that gives these answers."""

    def __init__(self, answers=None, refused=()):
        self.answers = {**copy.deepcopy(GOOD), **(answers or {})}
        self.refused = refused

    def get(self, path, accept="application/json"):
        return self.answers.get(path, {})

    def may(self, verb, group, resource):
        return resource not in self.refused


@pytest.fixture
def event_loop_of_outputs():
    """An event loop, which an output takes: tests that ran one before have left none."""
    try:
        asyncio.get_event_loop()
    except (RuntimeError, DeprecationWarning):
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        yield
        asyncio.set_event_loop(None)
        loop.close()
    else:
        yield


@pytest.fixture
def settings(event_loop_of_outputs):
    secrets = PlatformSecrets(pulumi.Output.from_input("k" * 40), "dev")
    return ClusterSettings(stack="dev", vault="file:///vault", secrets=secrets)


def named(name, **metadata):
    return {"items": [{"metadata": {"name": name, **metadata}}]}


def test_a_cluster_that_will_do_has_no_problem(settings):
    assert preflight.problems(Answers(), settings, PLANNED) == []
    own = named("atlas", labels={"atlas/platform": "dev"})
    defined = named(
        DEFINITION["metadata"]["name"],
        labels={"app.kubernetes.io/part-of": "atlas"},
        annotations={"operator.prometheus.io/version": "0.90.0"},
    )
    again = Answers({"/api/v1/namespaces": own, DEFINITIONS: defined})
    assert preflight.problems(again, settings, PLANNED) == []


@pytest.mark.parametrize(("answers", "said"), [
    ({"/version": {"gitVersion": "v1.29.9"}}, ["found Kubernetes v1.29.9; expected 1.30 or newer"]),
    ({"/version": {}}, ["found Kubernetes of no version"]),
    ({CLASSES: {}}, ["no storage class is the default: found none; name one in atlas:storageClass"]),
    ({"/api/v1/namespaces": named("atlas", labels={"atlas/platform": "prod"})},
     ["namespace atlas is there of the platform 'prod'; expected none",
      "kubectl label namespace atlas atlas/platform=dev"]),
    ({"/api/v1/namespaces": named("atlas")}, ["namespace atlas is there and isn't of this"]),
    ({"/api/v1/namespaces": named(
        "atlas", labels={"atlas/platform": "dev"}, deletionTimestamp="2026-01-01T00:00:00Z")},
     ["namespace atlas is being deleted; wait until it is gone", "finalizers"]),
    ({DEFINITIONS: named(
        DEFINITION["metadata"]["name"], labels={"app.kubernetes.io/managed-by": "Helm"},
        annotations={"operator.prometheus.io/version": "0.80.0"})},
     ["made by Helm (version 0.80.0; this platform's is 0.93.1)", "kubectl label crd"]),
    ({DEFINITIONS: named(
        DEFINITION["metadata"]["name"], labels={"app.kubernetes.io/part-of": "atlas"},
        annotations={"operator.prometheus.io/version": "0.100.0"})},
     ["is newer (version 0.100.0; this platform's is 0.93.1)"]),
    ({DEFINITIONS: named(DEFINITION["metadata"]["name"], deletionTimestamp="2026-01-01")},
     ["definition prometheuses.monitoring.coreos.com is being deleted"]),
    ({"/apis": {"groups": []}}, ["objects of apiextensions.k8s.io are going to be made"]),
], ids=lambda value: "" if isinstance(value, dict) else value[0][:40])  # fmt: skip
def test_what_is_wrong_is_told_with_what_to_do(settings, answers, said):
    found = preflight.problems(Answers(answers), settings, PLANNED)
    assert found
    for text in said:
        assert text in found[0]


def test_rights_that_are_missing_are_named_and_nothing_else_is_asked(settings):
    found = preflight.problems(Answers(refused=("clusterroles",)), settings, PLANNED)
    (said,) = found
    assert "may not create clusterroles, escalate clusterroles" in said


def test_a_storage_class_that_is_named_has_to_be_there(settings):
    from dataclasses import replace

    (said,) = preflight.problems(Answers(), replace(settings, storage_class="slow"), PLANNED)
    assert said == "atlas:storageClass: 'slow' isn't there: found fast; name one of those"
    assert preflight.problems(Answers({CLASSES: {}}), settings, [SPACE]) == [], "no volume"


def test_a_quota_that_is_too_small_is_told_by_what_is_asked_for(settings):
    quota = {
        "metadata": {"name": "small"},
        "spec": {"hard": {"requests.cpu": "900m", "requests.storage": "100Gi", "pods": "2"}},
    }
    answers = {
        "/api/v1/namespaces": named("atlas", labels={"atlas/platform": "dev"}),
        "/api/v1/namespaces/atlas/resourcequotas": {"items": [quota]},
    }
    (said,) = preflight.problems(Answers(answers), settings, PLANNED)
    assert said.startswith(
        "quota small of namespace atlas allows 900m of requests.cpu; expected 1 or more"
    )


def test_nodes_that_are_too_small_are_warned_of():
    node = {"status": {"allocatable": {"cpu": "4", "memory": "1Gi"}}}
    answers = Answers({"/api/v1/nodes": {"items": [node]}})
    (said,) = preflight.shortages(answers, PLANNED)
    assert "its 1 nodes have 1.0Gi of memory, and the platform asks for 2.0Gi" in said


def test_what_objects_ask_for_is_counted():
    found = demands(PLANNED)["atlas"]
    assert (found.cpu, found.pods, found.volumes) == (Decimal(1), 2, 2)
    assert found.memory == 2 * 1024**3
    assert found.limit == 4 * 1024**3
    assert found.storage == 40 * 1024**3
    assert [amount(text) for text in ("250m", "1k", "1Ki", "2", "x")] == [
        Decimal("0.25"), 1000, 1024, 2, 0,
    ]  # fmt: skip
