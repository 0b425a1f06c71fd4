"""What a `pulumi up` takes that finds the whole platform on a cluster as it is declared.

It needs what `make test-cluster` gets, and the official manifests; without them there are no rows.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from atlas_toolchain import cluster_tests, plugin
from tests.bench.table import Row, at_most
from tests.cluster.conftest import NODES, VOLUMES
from tests.cluster.control_plane import control_plane
from tests.cluster.stacks import PlatformStack, mirror

SECONDS = 60


def run() -> list[Row]:
    programs = all(cluster_tests.find(name) for name in cluster_tests.CONTROL_PLANE)
    if not programs or not plugin.finding().ok:
        return []
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        room = Path(folder)
        try:
            manifests = mirror(room / "manifests")
        except pytest.skip.Exception:
            return []
        with control_plane(room / "control-plane", nodes=NODES, volumes=VOLUMES) as plane:
            settings = {"manifests": str(manifests), "teams": ["team-a"]}
            return _rows(PlatformStack(room / "stack", plane.kubeconfig, settings))


def _rows(stack: PlatformStack) -> list[Row]:
    """Bring a platform up twice; return what the second time took."""
    stack.up()
    count = len(stack.objects())
    start = time.perf_counter()
    stack.pulumi("up", "--yes", "--skip-preview")
    took = time.perf_counter() - start
    assert set(stack.changes()) == {"same"}
    return [at_most(f"second pulumi up of the platform, {count} objects", took, SECONDS, "s")]
