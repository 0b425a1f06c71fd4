"""The tutorial, word by word: from an empty folder to a batch that Airflow has scored."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from tests.stack.conftest import Atlas

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(3600)]
DOCS = Path(__file__).parents[2] / "docs"


def reader(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import what runs a page, which importlib mode has no package for."""
    name, file = "tutorial_examples", Path(__file__).parents[1] / "docs" / "examples.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_it_goes_from_an_empty_folder_to_scores_by_airflow(tmp_path, monkeypatch):
    folder, state = tmp_path / "wines", tmp_path / "state"
    folder.mkdir()
    variables = {"HOME": os.environ["HOME"], "ATLAS_STATE": str(state), "BROWSER": "true"}
    atlas = Atlas(state)
    try:
        assert reader(monkeypatch).run(DOCS / "tutorial.md", folder, variables) > 10
        batches = sorted((folder / "scores").rglob("*.parquet"))
        assert batches, sorted((folder / "scores").rglob("*"))
        assert {len(pd.read_parquet(batch)) for batch in batches} == {178}
        said = atlas.run(
            "runs", "--env", "scoring", "--where", "target=airflow", "--json", cwd=folder
        )
        runs = json.loads(said.stdout)
        assert {run["status"] for run in runs} == {"done"}, runs
        # Version 1 is trained on the platform; 2 is what `atlas run` had made without one, which
        # MLflow is sent later.
        assert {run["model"] for run in runs} <= {"wine/1", "wine/2"}, runs
        # Of the schedule, of `atlas start`, and of the back-fill.
        assert len(runs) >= 3, runs
    finally:
        atlas.run("down", cwd=folder)
    assert not atlas.processes()
