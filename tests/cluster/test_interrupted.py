"""An `up` of the whole platform that is killed at several points converges, and goes without a trace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clusters import Cluster, Location
from tests.cluster.stacks import PlatformStack

pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(3600)]
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
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


def test_a_state_that_is_lost_is_put_back_by_the_pages_commands(
    cluster: Cluster, stack: PlatformStack, room: Path
) -> None:
    page, file = PAGE.read_text("utf-8"), room / "stack.json"
    export, restore = re.findall(r"^\$ pulumi (stack (?:ex|im)port .*)$", page, re.MULTILINE)
    _run(stack, export, file)
    other = PlatformStack(room / "other", cluster.kubeconfig, stack.settings)
    assert not other.resources()
    _run(other, restore, file)
    assert set(other.up()) == {"same"}


def _run(stack: PlatformStack, command: str, file: Path) -> None:
    """Run a command of the page on a stack, with a file in place of the page's."""
    words = [str(file) if word == "stack.json" else word for word in command.split()]
    stack.pulumi(*words, "--stack", stack.name, config=False)


def test_destroy_leaves_nothing(
    cluster: Cluster, stack: PlatformStack, before: set[Location]
) -> None:
    stack.destroy()
    assert not stack.objects()
    assert not cluster.locations(NAMESPACES) - before
