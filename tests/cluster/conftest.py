"""One cluster for the tests of a file: that of KUBECONFIG, else a control plane of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.clusters import Cluster
from tests.cluster.control_plane import control_plane
from tests.cluster.stacks import mirror

NODES = 4
VOLUMES = 60


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A folder that is gone after the file's tests, whatever they have left in it."""
    with tempfile.TemporaryDirectory(prefix="atlas-cluster-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(room: Path) -> Iterator[Cluster]:
    """A cluster whose administrator the tests are."""
    named = os.environ.get("KUBECONFIG")
    if named:
        found = Cluster(Path(named), is_ours=False)
        if reason := found.unusable():
            pytest.fail(f"KUBECONFIG: {reason}", pytrace=False)
        yield found
        return
    with control_plane(room / "control-plane", nodes=NODES, volumes=VOLUMES) as plane:
        yield Cluster(plane.kubeconfig, is_ours=True)


@pytest.fixture(scope="module")
def manifests(room: Path) -> Path:
    """The official manifests; without them the test is skipped."""
    return mirror(room / "manifests")
