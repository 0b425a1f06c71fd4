"""The control plane of tests: real, strict, and gone with whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError

import pytest

from atlas import processes
from tests.cluster.control_plane import PROGRAMS, control_plane

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
OWNER = """
import sys, time
from pathlib import Path
from tests.cluster.control_plane import control_plane
with control_plane(Path(sys.argv[1]), nodes=1):
    print("up", flush=True)
    time.sleep(3600)
"""


def servers(folder: Path) -> list[processes.ProcessIdentity]:
    """Return the processes that have a folder among their arguments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        own = processes.find(int(entry.parent.name))
        if own is not None and str(folder).encode() in words and own.pid != os.getpid():
            found.append(own)
    return found


def gone(found: list[processes.ProcessIdentity]) -> bool:
    end = time.monotonic() + 120
    while any(one.is_alive for one in found) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(one.is_alive for one in found)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_it_is_there_with_nodes_and_gone_after(tmp_path: Path) -> None:
    with control_plane(tmp_path / "plane", nodes=2, volumes=1) as plane:
        running = servers(tmp_path / "plane")
        assert len(running) == len(PROGRAMS) + 1
        pod = {"name": "step", "labels": {"app": "step"}}
        container = {"name": "step", "image": "example.invalid/step:1"}
        spec = {"containers": [container], "restartPolicy": "Never"}
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": spec}
        path = "/api/v1/namespaces/default/pods"
        with pytest.raises(HTTPError) as refused:
            plane.ask(f"{path}?fieldValidation=Strict", {**made, "spec": {**spec, "image": "x"}})
        assert 'unknown field \\"spec.image\\"' in refused.value.read().decode()
        plane.ask(path, made)
        end = time.monotonic() + 120
        while plane.ask(f"{path}/step")["status"]["phase"] != "Succeeded":
            assert time.monotonic() < end, plane.ask(f"{path}/step")
            time.sleep(0.05)
    assert gone(running)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv, which ties processes")
def test_a_killed_owner_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        try:
            assert owner.stdout is not None
            if owner.stdout.readline() != "up\n":
                pytest.skip("no programs of a control plane: `make test-cluster` gets them")
            running = [one for one in servers(folder) if one.pid != owner.pid]
            assert len(running) == len(PROGRAMS) + 1
        finally:
            owner.send_signal(signal.SIGKILL)
    assert gone(running)
