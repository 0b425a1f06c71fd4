"""`atlas init` as typed: what it prints, what it exits with, and that the next command works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "atlas_cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_init_says_what_it_wrote_and_what_to_type_next(tmp_path: Path) -> None:
    done = run(tmp_path, "init", "houses")
    assert done.returncode == 0, done.stderr
    assert "wrote houses/houses/steps.py" in done.stdout
    assert "\n  atlas validate houses/houses\n" in done.stdout
    checked = run(tmp_path, "validate", "houses/houses")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "houses (training 3 steps, inference 3 steps): fine\n"


def test_init_as_json(tmp_path: Path) -> None:
    told = json.loads(run(tmp_path, "init", "--name", "houses", "--json").stdout)
    assert told["pipeline"] == "houses"
    assert told["folder"] == str(tmp_path / "houses")
    assert str(tmp_path / "houses" / "steps.py") in told["written"]
    assert json.loads(run(tmp_path, "init", "--schemas", "--json").stdout) == {"written": []}


def test_init_again_says_that_all_is_there(tmp_path: Path) -> None:
    run(tmp_path, "init", "--name", "houses")
    done = run(tmp_path, "init", "--name", "houses")
    assert done.returncode == 0
    assert done.stdout.startswith("all of it is there already: nothing was written\n")


def test_what_is_in_the_way_is_one_line_and_exit_1(tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    (tmp_path / "houses" / "steps.py").write_text("mine")
    done = run(tmp_path, "init", "--name", "houses")
    assert done.returncode == 1
    assert done.stderr == (
        "error: houses/steps.py is there already, so nothing was written; "
        "choose another folder or --name, or move it away\n"
    )


def test_schemas_only(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.atlas]\n")
    done = run(tmp_path, "init", "--schemas")
    assert done.stdout.splitlines()[0] == "wrote .atlas/schemas/recipe.v1.json"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".atlas", "pyproject.toml"]
    assert run(tmp_path, "init", "--schemas").stdout == "the schemas are up to date\n"
