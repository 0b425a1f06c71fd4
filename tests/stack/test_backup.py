"""A platform on one machine, backed up and restored by the commands of docs/operations.md."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.conftest import Atlas, Platform
from tests.stack.life import LifeProject

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(2400)]
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
CONFIG = "prices/configs/prices.json"


def commands() -> list[list[str]]:
    """Return the commands of the page's two blocks for one machine: backup, restore."""
    section = (
        PAGE.read_text("utf-8").split("## Back up and restore one machine")[1].split("\n## ")[0]
    )
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [[line[2:] for line in block.splitlines() if line.startswith("$ ")] for block in blocks]


def shell(command: str, project: LifeProject, state: Path) -> None:
    """Run a command of the page in the project's folder."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=project.root,
        env={**os.environ, "PATH": path, "ATLAS_STATE": str(state)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def scored(project: LifeProject) -> list[tuple[str, ...]]:
    """Score the offers; return each house with its price and the version that said so."""
    folder = project.folder / "data" / "scores"
    shutil.rmtree(folder, ignore_errors=True)
    project.atlas("run", CONFIG, "--flow", "inference")
    (file,) = [path for path in folder.rglob("*.csv") if path.stat().st_size]
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 20
    return sorted((row["house"], row["price"], row["model_version"]) for row in rows)


def test_a_machine_that_is_gone_comes_back_from_its_backup(tmp_path):
    state = tmp_path / "work" / ".atlas"
    atlas = Atlas(state)
    project = LifeProject(atlas, tmp_path, "backup")
    backup, restore = commands()
    assert (len(backup), len(restore)) == (3, 3)
    try:
        outputs = json.loads(atlas.run("up", "--json").stdout)
        project.platform = Platform(state, outputs)
        project.atlas("run", CONFIG, "--flow", "training")
        champion, before = project.json("champion", CONFIG), scored(project)
        runs = project.json("runs", "prices")
        for command in backup:
            shell(command, project, state)
        atlas.run("down")
        shutil.rmtree(state)
        for command in restore:
            shell(command, project, state)
        assert project.json("champion", CONFIG) == champion
        earlier = {one["run"] for one in runs}
        assert earlier <= {one["run"] for one in project.json("runs", "prices")}
        assert scored(project) == before
    finally:
        atlas.run("down")
    assert not atlas.processes()
