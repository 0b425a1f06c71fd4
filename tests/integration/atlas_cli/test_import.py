"""`atlas import` as a process: what it writes runs, and what it tells."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.projects import ATLAS
from tests.unit.atlas_import.kedro_project import kedro_project
from tests.unit.atlas_import.test_elyra import node, pipeline


def atlas(*arguments: str, folder: Path, code: int = 0) -> str:
    environment = {name: one for name, one in os.environ.items() if not name.startswith("ATLAS_")}
    done = subprocess.run(
        [*ATLAS, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.long
def test_an_imported_project_of_kedro_runs(tmp_path: Path) -> None:
    kedro_project(tmp_path / "old")
    told = atlas("import", "kedro", "old", "--to", "new", "--name", "shop", folder=tmp_path)
    assert "wrote new/shop/steps.py" in told
    assert "Not taken over, or not as it was:" in told
    assert "src/shop/pipelines/train/pipeline.py:15: nodes that a loop makes" in told
    told = atlas("run", "shop", folder=tmp_path / "new", code=1)
    assert set(re.findall(r"^  (\w+) +done", told, re.MULTILINE)) == {
        "clean_sales",
        "split",
        "fit",
        "score",
    }
    assert "NotImplementedError: the function of node 'show' is no name" in told
    again = atlas("import", "kedro", "old", "--to", "new", "--name", "shop", folder=tmp_path)
    assert again.startswith("all of it is there already: nothing was written")


@pytest.mark.long
def test_imported_scripts_of_elyra_run_with_their_files(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "load.py").write_text("import os\nopen('data/a.txt', 'w').write(os.environ['WORD'])\n")
    (old / "last.py").write_text(
        "print('read', open('data/a.txt').read(), open('names.txt').read())\n"
    )
    (old / "names.txt").write_text("mine")
    pipeline(
        old,
        node("load", "load.py", outputs=["data/a.txt"], env_vars=["WORD=hello"]),
        node("last", "last.py", "load", dependencies=["names.txt"]),
    )
    told = json.loads(
        atlas("import", "elyra", "old/weather.pipeline", "--to", "new", "--json", folder=tmp_path)
    )
    assert told["steps"] == ["load", "last"]
    assert told["problems"] == []
    assert "read hello mine" in atlas("run", folder=tmp_path / "new")


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    assert "no node" in atlas("import", "kedro", "nowhere", folder=tmp_path, code=1)
    assert "goes with a DAG's file" in atlas(
        "import", "kedro", ".", "--dag", "x", folder=tmp_path, code=1
    )
    assert list(tmp_path.iterdir()) == []
