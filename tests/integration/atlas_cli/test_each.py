"""`atlas list --each` as typed: the command runs for each folder, and its list is the next one's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.scaffold import start


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A project with two pipelines."""
    folder = tmp_path_factory.mktemp("each")
    for name in ("houses", "flats"):
        start(folder, name)
    return folder


def run(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "atlas_cli", *words], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_command_runs_for_each_and_its_json_is_kept(folder):
    (folder / "list.json").write_text(run(folder, "list", "--json").stdout)
    done = run(folder, "list", "--in", "list.json", "--each", "validate --env local", "--json")
    called = json.loads(done.stdout)
    assert [one["folder"] for one in called] == ["flats", "houses"]
    assert all(one["code"] == 0 and one["output"]["problems"] == [] for one in called)
    assert "atlas validate flats --env local --json\n" in done.stderr
    (folder / "next.json").write_text(done.stdout)
    again = run(folder, "list", "--in", "next.json", "--each", "validate")
    assert "flats (training 3 steps): fine" in again.stdout


def test_one_that_fails_doesnt_keep_the_next_from_it(folder):
    done = run(folder, "list", "houses", "--each", "validate --env none", "--json", code=1)
    (called,) = json.loads(done.stdout)
    assert called["code"] != 0
    assert "the command failed for 1 of the pipelines" in done.stderr


def test_an_empty_list_runs_nothing(folder):
    (folder / "none.json").write_text("[]")
    done = run(folder, "list", "--in", "none.json", "--each", "deploy --env prod", "--json")
    assert json.loads(done.stdout) == []


def test_a_file_goes_with_no_path_and_needs_a_command(folder):
    assert (
        "no PATH"
        in run(folder, "list", "houses", "--in", "none.json", "--each", "run", code=2).stderr
    )
    run(folder, "list", "--in", "none.json", code=2)
