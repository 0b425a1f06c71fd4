"""A node that ends and is started again, and one whose API server is away for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from atlas_provider.cluster.api import ClusterApi
from atlas_provider.cluster.node import NAME, process_node
from atlas_provider.cluster.pods import NodeFolders, path_of
from tests.cluster.control_plane import control_plane
from tests.kubeflow.runs.test_process_node import is_there, made, over, pod
from tests.kubeflow.server import require

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class ApiThatMayBeAway(ClusterApi):
    """A real API server that isn't reached while an event is set."""

    away: threading.Event = field(default_factory=threading.Event)

    def ask(self, path: str, *words: Any, **named: Any) -> Any:
        """Send a request, unless the server is away."""
        if self.away.is_set():
            raise URLError("connection refused")
        return super().ask(path, *words, **named)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterApi]:
    require()
    with control_plane(tmp_path_factory.mktemp("plane")) as one:
        yield one


def eventually(check: Callable[[], Any]) -> Any:
    """Wait until something is so; return it."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(check())


def unscheduled(plane: ClusterApi, body: dict[str, Any]) -> str:
    """Return why the scheduler finds no node for a pod; empty as long as it hasn't said."""
    conditions = plane.ask(path_of(body))["status"].get("conditions", ())
    found = (one["message"] for one in conditions if one.get("reason") == "Unschedulable")
    return next(found, "")


def test_a_node_that_ends_says_so_and_runs_what_waits_when_it_is_back(
    plane: ClusterApi, tmp_path: Path
) -> None:
    folders = NodeFolders(tmp_path / "pods", tmp_path / "logs")
    with process_node(plane, folders):
        cut_off = made(plane, pod("cut-off", "sleep 600"))
        over(plane, cut_off, "Running")
    assert over(plane, cut_off)["phase"] == "Failed"
    (ready,) = plane.ask(f"/api/v1/nodes/{NAME}")["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "NodeStopped")

    waits = made(plane, pod("waits", "true"))
    assert "untolerated taint" in eventually(lambda: unscheduled(plane, waits))
    assert plane.ask(path_of(waits))["status"]["phase"] == "Pending"
    with process_node(plane, folders):
        assert over(plane, waits)["phase"] == "Succeeded"


def test_the_end_of_a_pod_is_reported_once_the_api_server_is_back(
    plane: ClusterApi, tmp_path: Path
) -> None:
    seen = ApiThatMayBeAway(plane.url, plane.token, plane.authority)
    folders = NodeFolders(tmp_path / "pods", tmp_path / "logs", [tmp_path])
    go, gone = tmp_path / "go", tmp_path / "gone"
    script = f"until test -e {go}; do sleep 0.1; done; touch {gone}"
    with process_node(seen, folders) as node:
        body = made(plane, pod("ends-alone", script))
        over(plane, body, "Running")
        seen.away.set()
        go.touch()
        eventually(lambda: gone.exists() and not any((tmp_path / "pods").iterdir()))
        assert plane.ask(path_of(body))["status"]["phase"] == "Running"
        seen.away.clear()
        assert over(plane, body)["phase"] == "Succeeded"
        eventually(lambda: not node.open)


def test_a_pod_that_is_deleted_while_it_ends_goes(plane: ClusterApi, tmp_path: Path) -> None:
    folders = NodeFolders(tmp_path / "pods", tmp_path / "logs")
    script = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
    with process_node(plane, folders):
        body = made(plane, pod("goes", script, terminationGracePeriodSeconds=60))
        over(plane, body, "Running")
        plane.ask(path_of(body), method="DELETE")
        eventually(lambda: not is_there(plane, body))
