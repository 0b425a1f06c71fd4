"""Every object of the platform's other sizes and modes, taken by a real API server as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atlas.waiting import Clock, wait_until
from tests.cluster.clusters import APPLY, Cluster, Refused
from tests.cluster.control_plane import control_plane
from tests.cluster_program import cache, declare

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(1800)]
OUTSIDE = ("istio.io", "cert-manager.io", "metacontroller.k8s.io")
"""What defines kinds of multi-user mode that the platform doesn't bring."""
FIRST = ("Namespace", "CustomResourceDefinition")
SMALL = [("airflow", "local-executor"), ("prometheus", "operator")]
SINGLE = [("kubeflow", "cluster-scoped-resources"), ("kubeflow", "platform-agnostic")]
PRODUCTION: dict[str, Any] = {
    "size": "production",
    "domain": "ml.example",
    "issuer": "letsencrypt",
    "executor": "KubernetesExecutor",
    "dags": "git+https://git.example/dags#main",
    "pullSecret": "hub",
    "storageClass": "fast",
    "teams": {"team-a": {"group": "oidc:ml-a", "gpus": 2}},
}
MULTI: dict[str, Any] = {"kubeflowMode": "multi-user", "teams": ["team-a"]}


@pytest.fixture(scope="module")
def cluster(room: Path) -> Iterator[Cluster]:
    """A control plane of the tests' own: the definitions of kinds stay in it."""
    with control_plane(room / "control-plane") as plane:
        yield Cluster(plane.kubeconfig, is_ours=True)


def planned(folder: Path, renderings: list[tuple[str, str]], **settings: Any) -> list[Any]:
    """Return the objects that the program declares, with their secrets opened."""
    cache(folder, *renderings)
    done = declare(folder, **settings)
    assert done.returncode == 0, done.stderr
    return [
        opened(one["inputs"])
        for one in json.loads(done.stdout)["resources"]
        if one["type"].startswith("kubernetes:")
    ]


def opened(value: Any) -> Any:
    if isinstance(value, dict):
        shown = value.get("secret!", value)
        if shown is not value:
            return opened(shown)
        return {key: opened(part) for key, part in value.items()}
    return [opened(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("renderings", "settings"),
    [
        pytest.param(
            [
                *SMALL[1:], *SINGLE, ("airflow", "kubernetes-executor"),
                ("cloudnative-pg", "operator"),
            ],
            PRODUCTION,
            id="production",
        ),
        pytest.param([*SMALL, ("kubeflow", "multi-user")], MULTI, id="multi-user"),
    ],
)  # fmt: skip
def test_every_object_is_taken_under_strict_validation(
    cluster: Cluster, tmp_path: Path, renderings: list[tuple[str, str]], settings: dict[str, Any]
) -> None:
    objects = planned(tmp_path, renderings, **settings)
    for one in objects:
        if one["kind"] in FIRST:
            apply(cluster, one)
    served = [one for one in objects if one["kind"] not in FIRST and not is_outside(one)]
    assert wait_until(lambda: are_known(cluster, served), 300, 0.2, Clock())
    refused = []
    for one in served:
        try:
            apply(cluster, one, dryRun="All")
        except Refused as error:
            refused.append(f"{one['kind']} {one['metadata']['name']}: {error}")
    assert not refused
    assert len(served) > 200


def is_outside(manifest: dict[str, Any]) -> bool:
    return manifest["apiVersion"].partition("/")[0].endswith(OUTSIDE)


def are_known(cluster: Cluster, objects: list[Any]) -> bool:
    """Tell whether the API server serves all kinds that were defined."""
    try:
        for one in objects:
            cluster.path(one)
    except (Refused, KeyError):
        return False
    return True


def apply(cluster: Cluster, manifest: dict[str, Any], **query: str) -> None:
    """Apply an object under strict validation."""
    asked = {"force": "true", "fieldManager": "strict", "fieldValidation": "Strict", **query}
    text = "&".join(f"{key}={value}" for key, value in asked.items())
    cluster.ask(f"{cluster.path(manifest)}?{text}", manifest, "PATCH", APPLY)
