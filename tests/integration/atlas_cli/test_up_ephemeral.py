"""`atlas up --ephemeral`, on a platform of one small service: the promises are the same with all."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.processes import find
from atlas.waiting import wait_until
from atlas_provider.ephemeral import PREFIX, EphemeralFolder

pytestmark = pytest.mark.stack
_PATIENCE = 120.0
TELL = """
import json, os, pathlib, sys, time
place = pathlib.Path(sys.argv[1])
outputs = pathlib.Path(os.environ["ATLAS_STATE"], "platform", os.environ["ATLAS_STACK"], "outputs.json")
told = {"pid": os.getpid(), "state": os.environ["ATLAS_STATE"], "services": json.loads(outputs.read_text())["services"]}
place.with_suffix(".new").write_text(json.dumps(told))
place.with_suffix(".new").rename(place)
time.sleep(float(sys.argv[2]))
sys.exit(7)
"""


@pytest.fixture(scope="module")
def service() -> str:
    """The smallest service that is here."""
    for name, programs in {"pushgateway": ("prometheus-pushgateway", "pushgateway")}.items():
        if any(map(shutil.which, programs)):
            return name
    pytest.skip("no Pushgateway here; `make setup` gets it where Debian's packages may be")


@pytest.fixture
def place(tmp_path) -> Iterator[Path]:
    """A folder for temporary files, in which nothing may be left."""
    (tmp_path / "tmp").mkdir()
    yield tmp_path
    assert wait_until(lambda: not list((tmp_path / "tmp").glob(f"{PREFIX}*")), _PATIENCE, 0.1)


def command(service: str, *words: str) -> list[str]:
    atlas = (sys.executable, "-m", "atlas_cli", "up", "--ephemeral", "--services", service)
    return [*atlas, "--", *words]


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(place / "tmp"), "ATLAS_BACKEND": "s3://elsewhere"}


def start(service: str, place: Path, name: str, seconds: str) -> subprocess.Popen[str]:
    words = command(service, sys.executable, "-c", TELL, str(place / name), seconds)
    return subprocess.Popen(words, env=environment(place), stderr=subprocess.PIPE, text=True)


def told(place: Path, name: str) -> dict[str, object]:
    assert wait_until((place / name).exists, _PATIENCE, 0.1)
    return dict(json.loads((place / name).read_text()))


def test_several_at_once_give_their_commands_what_they_need_and_pass_the_exit_code_on(
    place, service
):
    with start(service, place, "one", "0") as one, start(service, place, "two", "0") as two:
        (_, said), _ = one.communicate(), two.communicate()
    assert (one.returncode, two.returncode) == (7, 7), said
    first, second = told(place, "one"), told(place, "two")
    assert first["state"] != second["state"]
    assert first["services"].keys() >= {service, "store", "secrets"}
    assert "mlflow" not in first["services"]
    assert first["services"][service]["url"] != second["services"][service]["url"]
    assert list((place / "tmp").iterdir()) == []


def test_it_ends_though_the_command_or_atlas_is_killed(place, service):
    with start(service, place, "one", "3600") as running:
        os.kill(told(place, "one")["pid"], signal.SIGKILL)
        running.communicate()
    assert running.returncode == 137
    assert list((place / "tmp").iterdir()) == []
    with start(service, place, "two", "3600") as running:
        found = told(place, "two")
        folder = EphemeralFolder(Path(found["state"]).parent)
        running.kill()
        running.communicate()
    assert wait_until(lambda: not folder.root.exists() and not folder.processes(), _PATIENCE, 0.1)
    assert find(found["pid"]) is None


def test_what_it_can_not_do_is_said(place):
    unknown = subprocess.run(
        command("nothing", "true"), env=environment(place), capture_output=True, text=True
    )
    assert unknown.returncode == 1
    assert (
        "ephemeral platform: found the service 'nothing'; expected some of airflow, alertmanager, mlflow"
        in unknown.stderr
    )
    alone = subprocess.run(command("mlflow"), capture_output=True, text=True)
    assert alone.returncode == 2
    assert "--ephemeral needs a COMMAND" in alone.stderr


def test_an_unknown_service_is_refused_before_anything_is_made(place):
    done = subprocess.run(
        command("mlfow", "true"), env=environment(place), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: ephemeral platform: found the service 'mlfow'; expected some of airflow, alertmanager, "
        "mlflow, prometheus, pushgateway, registry (did you mean 'mlflow'?)"
    ]
    assert list((place / "tmp").iterdir()) == []
