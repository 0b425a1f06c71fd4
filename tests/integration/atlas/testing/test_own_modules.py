"""Tests beside a pipeline import its modules by plain names, and no other pipeline's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import pytest
from steps import NAME
from helpers import deep
import package.inner

def test_it():
    import steps
    assert steps.NAME == NAME == "{name}"
    assert steps.__name__ == "atlas.step.code.{name}.steps"
    assert steps.__spec__.name == steps.__name__
    assert deep() == "{name}"
    assert package.inner.WHERE == "{name}"

def test_a_patch_reaches_the_module(monkeypatch):
    monkeypatch.setattr("helpers.NAME", "patched")
    assert deep() == "patched"
"""


def pipeline(folder: Path, name: str, config: str = "config.json") -> None:
    (folder / "tests").mkdir(parents=True)
    (folder / "package").mkdir()
    (folder / config).parent.mkdir(exist_ok=True)
    document = {"version": 1, "name": name, "recipes": {"training": "t.json"}}
    (folder / config).write_text(json.dumps(document))
    (folder / "steps.py").write_text("from helpers import NAME\n")
    (folder / "helpers.py").write_text(f"NAME = '{name}'\ndef deep(): return NAME\n")
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "inner.py").write_text("from helpers import NAME as WHERE\n")
    (folder / "tests" / "test_steps.py").write_text(TEST.format(name=name))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    command += arguments
    environment = {key: value for key, value in os.environ.items() if key != "ATLAS_CODE"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_two_pipelines_in_one_process(tmp_path: Path, mode: str) -> None:
    pipeline(tmp_path / "first", "first")
    pipeline(tmp_path / "teams" / "second", "second", "configs/second.json")
    for folder in ("first", "teams/second"):
        tests = tmp_path / folder / "tests"
        (tests / "test_steps.py").rename(tests / f"test_{Path(folder).name}.py")
    done = run(tmp_path, f"--import-mode={mode}")
    assert "4 passed" in done.stdout, done.stdout


def test_another_module_of_that_name_comes_back(tmp_path: Path) -> None:
    pipeline(tmp_path / "first", "first")
    (tmp_path / "helpers.py").write_text("NAME = 'outer'\n")
    (tmp_path / "test_outer.py").write_text(
        "import helpers\ndef test_it():\n    import helpers as again\n"
        "    assert helpers is again and helpers.NAME == 'outer'\n"
    )
    done = run(tmp_path, "test_outer.py", "first", "test_outer.py::test_it")
    assert "passed" in done.stdout, done.stdout
    assert "failed" not in done.stdout, done.stdout


def test_tests_outside_of_a_pipeline_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n")
    assert "1 passed" in run(tmp_path).stdout


def test_an_import_that_fails_is_told_as_ever(tmp_path: Path) -> None:
    pipeline(tmp_path / "first", "first")
    (tmp_path / "first" / "helpers.py").write_text("raise ValueError('broken')\n")
    done = run(tmp_path)
    assert done.returncode == 2
    assert "ValueError: broken" in done.stdout
