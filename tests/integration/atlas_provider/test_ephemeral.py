"""An ephemeral platform ends with its owners, whoever of all of them is killed, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas import files, processes
from atlas.errors import PlatformError
from atlas.processes import ProcessIdentity
from atlas.waiting import wait_until
from atlas_provider import ephemeral
from atlas_provider.ephemeral import EphemeralFolder
from tests.integration.atlas_provider import ephemeral_owner
from tests.tether import tied

_PATIENCE = 120.0


class Owners:
    """Processes that own ephemeral platforms; what the test leaves of either is ended."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []
        self.folders: list[EphemeralFolder] = []

    def start(self, root: Path | str = "") -> EphemeralFolder | None:
        """Start an owner of a new platform, or of one that is there; None where that is gone."""
        words = [str(root)] if root else []
        process = subprocess.Popen(
            tied([sys.executable, ephemeral_owner.__file__, *words]),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        assert said, "the owner has failed"
        if said == "gone":
            return None
        self.folders.append(EphemeralFolder(Path(said)))
        return self.folders[-1]

    def kill(self, number: int) -> None:
        """Kill an owner, and wait until it is dead."""
        self.processes[number].kill()
        self.processes[number].wait()

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        for folder in self.folders:
            folder.take_down()


@pytest.fixture
def owners(tmp_path, monkeypatch) -> Iterator[Owners]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Owners()
    yield made
    made.end()
    assert list(tmp_path.glob(f"{ephemeral.PREFIX}*")) == []


def is_gone(folder: EphemeralFolder) -> bool:
    """Wait until nothing is there of a platform: no process, no file."""
    return wait_until(lambda: not folder.root.exists() and not folder.processes(), _PATIENCE, 0.05)


def test_it_ends_with_its_owner_that_was_killed(owners):
    folder = owners.start()
    assert len(folder.processes()) == 2, "supervisor and program"
    owners.kill(0)
    assert is_gone(folder)


def test_it_ends_when_its_time_is_over_though_its_owner_lives(owners):
    folder = owners.start()
    end_now(folder)
    assert is_gone(folder)
    assert owners.processes[0].poll() is None
    assert owners.start(root=folder.root) is None


def end_now(folder: EphemeralFolder) -> None:
    """Let a platform's time be over."""
    files.write(folder.root / "asked.json", json.dumps({"services": [], "ends": 1.0}))


def test_it_lives_until_its_last_owner_has_gone_and_several_are_there_at_once(owners):
    first, other = owners.start(), owners.start()
    assert first.root != other.root
    again = owners.start(root=first.root)
    assert again.root == first.root
    owners.kill(0)
    # The supervisor has seen the first one's end by the time that the other platform has gone.
    owners.kill(1)
    assert is_gone(other)
    assert len(first.processes()) == 2
    owners.kill(2)
    assert is_gone(first)


def test_without_its_supervisor_its_programs_end_and_what_is_left_has_an_owner(owners):
    folder = owners.start()
    kill_supervisor(folder)
    assert wait_until(lambda: not folder.processes(), _PATIENCE, 0.05)
    assert folder.root.exists()
    assert ephemeral.leftovers() == []


def kill_supervisor(folder: EphemeralFolder) -> None:
    supervisor = folder.supervisor()
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    assert wait_until(lambda: not supervisor.is_alive, _PATIENCE, 0.05)


def test_what_is_left_when_both_were_killed_is_collected(owners):
    folder = owners.start()
    kill_supervisor(folder)
    owners.kill(0)
    assert [left.root for left in ephemeral.leftovers()] == [folder.root]
    folder.take_down()
    assert is_gone(folder)


def test_one_whose_pids_have_others_now_is_collected_and_those_are_left_alone(owners):
    folder = EphemeralFolder.make([], 3600)
    owners.folders.append(folder)
    own = processes.own()
    earlier = ProcessIdentity(own.pid, own.started - 1, own.boot)
    for file in (folder.root / "owners").iterdir():
        file.rename(file.with_name(str(earlier)))
    (folder.root / "supervisor").write_text(str(earlier))
    assert folder.processes() == set()
    assert [left.root for left in ephemeral.leftovers()] == [folder.root]
    folder.take_down()
    assert own.is_alive
    assert not folder.root.exists()


def test_one_that_is_just_being_made_is_left_alone(tmp_path, owners):
    (tmp_path / f"{ephemeral.PREFIX}new").mkdir()
    assert ephemeral.leftovers() == []
    (tmp_path / f"{ephemeral.PREFIX}new").rmdir()


@pytest.mark.parametrize("path", [".", "/", "/tmp", f"{ephemeral.PREFIX}x"])
def test_no_other_folder_is_ever_taken_for_one(path):
    with pytest.raises(PlatformError, match="expected an ephemeral platform's folder"):
        EphemeralFolder(Path(path))


def test_one_that_is_kept_outlives_its_owner_until_its_time_is_over(owners):
    folder = owners.start()
    folder.keep()
    owners.kill(0)
    assert not folder.is_left()
    end_now(folder)
    assert is_gone(folder)
