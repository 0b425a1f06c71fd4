"""What a machine refuses a run: descriptors, space, a folder to write to. Told in a line."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest

from atlas.errors import PlatformError, StoreError
from atlas.store import open_store
from atlas.tracking.mlflow import MlflowTracker
from tests.projects import ATLAS, environment, project

__all__ = ["project"]

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to mount a file system")
SOURCE = """
class Number(NamedTuple):
    number: int

class One(Template):
    def run(self) -> Number:
        return Number(1)
"""


@pytest.fixture
def mounted(tmp_path):
    """Mount small file systems, which are taken away at the end."""
    there = []

    def mount(folder, options):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, check=False).returncode:
            pytest.skip("this machine mounts no file system")
        there.append(folder)
        return folder

    yield mount
    for folder in there:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def one(project):
    project.pipeline("p", SOURCE, {"one": {"class": "steps:One"}})


@pytest.mark.skipif("COVERAGE_PROCESS_CONFIG" in os.environ, reason="coverage opens files, too")
@pytest.mark.parametrize("descriptors", [10, 12, 14, 16, 20, 24, 32])
def test_few_descriptors(project, descriptors):
    one(project)
    command = [*ATLAS, "run", "p", "--isolate", "process", "--jobs", "4"]
    limited = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
    done = subprocess.run(
        limited, cwd=project.root, env=environment(), capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert done.returncode == (0 if "too many open files" not in said else 1), said


@ROOT
@pytest.mark.parametrize("words", [["run", "p"], ["run", "p", "--isolate", "process"], ["up"]])
def test_a_state_folder_that_is_read_only(project, mounted, words):
    one(project)
    mounted(project.state, "ro")
    done = project.atlas(*words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "read-only file system" in done.stderr
    assert str(project.state) in done.stderr


@ROOT
def test_a_disk_that_is_full_under_an_array(tmp_path, mounted):
    folder = mounted(tmp_path / "small", "size=1m")
    store = open_store((folder / "store").as_uri())
    with pytest.raises(StoreError, match=r"can't write: no space left on device \(free some space"):
        store.put("p", "training-1", "one", "array", np.zeros(1_000_000))
    assert list(store.location.entries("p")) == []


def test_a_run_that_was_sent_at_last_doesnt_wait(project, monkeypatch):
    one(project)
    monkeypatch.setenv("ATLAS_MLFLOW_URL", "http://127.0.0.1:9")
    answers = iter([PlatformError("mlflow: no answer"), "id-1"])

    def send(*_, **__):
        answer = next(answers)
        if isinstance(answer, PlatformError):
            raise answer
        return answer

    monkeypatch.setattr(MlflowTracker, "send", send)
    done = project.run("p")
    assert done.ok
    assert done.first.finished.tracked == "id-1"
    assert done.first.finished.warnings == ()
    kept = project.store.run_outcome("p", done.id)
    assert kept["status"] == "done"
    assert kept["tracked"] == "id-1"
    assert "warnings" not in kept
    assert list((project.state / "outbox").glob("*.json")) == []


def test_a_run_that_wasnt_sent_waits_and_says_so(project, monkeypatch):
    one(project)
    monkeypatch.setenv("ATLAS_MLFLOW_URL", "http://127.0.0.1:9")
    done = project.run("p")
    (warning,) = done.first.finished.warnings
    assert warning.endswith("the run waits in the outbox, `atlas runs --sync` sends it")
    assert len(list((project.state / "outbox").glob("*.json"))) == 1
