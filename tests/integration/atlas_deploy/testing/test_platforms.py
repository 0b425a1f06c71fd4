"""The fixture `atlas_platform`, as the tests of somebody's project use it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.waiting import wait_until
from atlas_provider.ephemeral import PREFIX, EphemeralFolder

pytestmark = pytest.mark.stack
_PATIENCE = 120.0
TESTS = """
import json, os, pathlib, urllib.request
import pytest

PLACE = pathlib.Path({place!r})

def tell(name, platform):
    state = str(platform.state)
    (PLACE / name).write_text(json.dumps([state, os.getpid(), sorted(platform.outputs["services"])]))

def test_{name}(atlas_platform):
    tell({name!r}, atlas_platform)
    request = urllib.request.Request(
        atlas_platform.url("pushgateway") + "/metrics", headers=atlas_platform.headers("pushgateway")
    )
    assert urllib.request.urlopen(request).status == 200
    {last}
"""
UNUSED = """
import sys

def test_costs_nothing():
    heavy = ("atlas_deploy.platforms", "atlas_provider", "pulumi", "psutil", "supervisor")
    assert [name for name in sys.modules if name.startswith(heavy)] == []
    own = [name for name in sys.modules if name.startswith("atlas_deploy")]
    assert sorted(own) == ["atlas_deploy", "atlas_deploy.testing", "atlas_deploy.testing.platforms"]
"""


@pytest.fixture
def place(tmp_path) -> Iterator[Path]:
    """A project's folder; no platform may be left of its tests."""
    (tmp_path / "tmp").mkdir()
    yield tmp_path
    wait_until(lambda: not list((tmp_path / "tmp").glob(f"{PREFIX}*")), 30, 0.1)
    left = [EphemeralFolder(path) for path in (tmp_path / "tmp").glob(f"{PREFIX}*")]
    for folder in left:
        folder.take_down()
    assert left == []


def write(place: Path, name: str, last: str) -> None:
    (place / f"test_{name}.py").write_text(TESTS.format(place=str(place), name=name, last=last))


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *words]


def environment(place: Path) -> dict[str, str]:
    dropped = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "COV_CORE_SOURCE")
    own = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**own, "TMPDIR": str(place / "tmp")}


def start(place: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words),
        cwd=place,
        env=environment(place),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def folder_of(place: Path, name: str) -> EphemeralFolder:
    assert wait_until((place / name).exists, _PATIENCE, 0.1)
    return EphemeralFolder(Path(json.loads((place / name).read_text())[0]).parent)


def test_it_costs_nothing_where_no_test_asks_for_it(place):
    (place / "test_unused.py").write_text(UNUSED)
    done = subprocess.run(
        command(), cwd=place, env=environment(place), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert [path for path in (place / "tmp").iterdir() if path.name.startswith("atlas")] == []


@pytest.fixture
def pushgateway() -> None:
    if not any(map(shutil.which, ("prometheus-pushgateway", "pushgateway"))):
        pytest.skip("no Pushgateway here; `make setup` gets it where Debian's packages may be")


@pytest.mark.usefixtures("pushgateway")
def test_workers_share_one_and_a_failed_test_has_its_logs_and_may_keep_it(place):
    write(place, "one", "")
    log = (
        "with open(atlas_platform.logs / 'pushgateway.log', 'a') as log: log.write('a line of it')"
    )
    write(place, "two", f"{log}\n    assert False, 'on purpose'")
    words = ("-n", "2", "--dist", "loadfile", "--atlas-services", "pushgateway")
    with start(place, *words, "--keep-on-failure", "--atlas-ttl", "1h") as run:
        said, _ = run.communicate()
    assert run.returncode == 1, said
    assert "1 failed, 1 passed" in said
    assert re.search(r"-+ platform: pushgateway\.log -+\s*\S*\s*a line of it", said), said
    folder = folder_of(place, "two")
    one, two = (json.loads((place / name).read_text()) for name in ("one", "two"))
    assert (one[0], one[2]) == (two[0], two[2])
    assert "mlflow" not in one[2]
    assert f"export ATLAS_STATE={folder.state}" in said
    assert folder.is_kept
    assert not folder.is_owned()
    assert folder.supervisor() is not None, "it was kept"
    atlas = [sys.executable, "-m", "atlas_cli", "down"]
    subprocess.run(atlas, env={**os.environ, "ATLAS_STATE": str(folder.state)}, check=True)
    assert not folder.root.exists()


@pytest.mark.usefixtures("pushgateway")
def test_it_ends_though_the_test_run_is_killed(place):
    write(place, "long", "import time; time.sleep(3600)")
    with start(place, "-n", "1", "--atlas-services", "pushgateway") as run:
        folder = folder_of(place, "long")
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    assert wait_until(lambda: not folder.root.exists() and not folder.processes(), _PATIENCE, 0.1)
