"""A cluster of one's own, named by KUBECONFIG: the same tests, in namespaces of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from tests.cluster.clusters import Cluster
from tests.cluster.conftest import NODES, VOLUMES
from tests.cluster.control_plane import ControlPlane, control_plane, kubeconfig
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
BYSTANDERS = {
    "/api/v1/namespaces": {"metadata": {"name": "somebodys"}},
    "/api/v1/namespaces/somebodys/configmaps": {"metadata": {"name": "kept"}},
    "/api/v1/namespaces/somebodys/services": {
        "metadata": {"name": "registry"},
        "spec": {"ports": [{"port": 5000}]},
    },
}
"""What somebody has there, by where it is made."""


@pytest.fixture(scope="module")
def plane(room: Path) -> Iterator[ControlPlane]:
    with control_plane(room / "somebodys", nodes=NODES, volumes=VOLUMES) as found:
        for path, manifest in BYSTANDERS.items():
            found.ask(path, manifest)
        yield found


def outcome(file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run tests of clusters with a kubeconfig in KUBECONFIG, in a process of their own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "cluster", *words],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": str(file)},
        capture_output=True,
        text=True,
        timeout=1500,
    )


@pytest.mark.long
def test_it_is_used_and_left_as_it_was(plane: ControlPlane) -> None:
    passes_and_leaves_nothing(plane, "tests/cluster/test_half_failed.py")


@pytest.mark.long
def test_the_whole_platform_goes_there(plane: ControlPlane, manifests: Path) -> None:
    assert manifests.is_dir()
    passes_and_leaves_nothing(plane, "tests/cluster/test_platform.py")


def passes_and_leaves_nothing(plane: ControlPlane, file: str) -> None:
    """Hold a file's tests to passing on a cluster, and to leaving it as it was."""
    cluster = Cluster(plane.kubeconfig, is_ours=True)
    before = cluster.locations(())
    done = outcome(plane.kubeconfig, file)
    said = done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0, said
    assert re.search(r"\b[1-9]\d* passed", done.stdout), said
    assert not cluster.locations(()) ^ before


def test_one_that_does_not_answer_is_told(tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    file = kubeconfig(tmp_path / "nobody", url, "token", Path(certifi.where()))
    done = outcome(file, "tests/cluster/test_half_failed.py")
    assert done.returncode == 1
    assert f"KUBECONFIG: {file}: {url}: " in done.stdout
    assert "expected one file that opens a cluster that may be thrown away" in done.stdout
    assert "passed" not in done.stdout


@pytest.mark.parametrize("text", [None, "no: [yaml", "{}"], ids=["missing", "broken", "empty"])
def test_a_file_that_is_no_kubeconfig_is_told(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text, "utf-8")
    done = outcome(file, "tests/cluster/test_half_failed.py")
    assert done.returncode == 1
    assert f"KUBECONFIG: {file}: can't be read: " in done.stdout
