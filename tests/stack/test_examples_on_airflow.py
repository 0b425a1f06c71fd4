"""Inference of the examples on the platform's own Airflow: the rows that a run here scores.

The model is trained here and registered in MLflow. The deployed DAG is asked for a batch by
`atlas start`, and its schedule asks for one, too; nothing of either is taken from the cache.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.store import Store, open_store
from tests.stack import ways
from tests.stack.conftest import Platform
from tests.stack.deployed import RECIPES, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.long]
INTERVAL = ("--interval", "2026-01-01T05:00..2026-01-02T05:00")
EXAMPLES = [
    pytest.param(("spaceflights", "price", "shuttle-prices", 40), id="spaceflights"),
    pytest.param(("flights", "score", "delays", 776), id="flights"),
]


@dataclass(frozen=True)
class Example:
    """A copy of an example, on the session's platform.

    Attributes:
        platform: the session's platform.
        root: the project's folder.
        name: the pipeline's.
        step: the step that scores; its output is called `scores`.
        written: the data set that the rows are written to.
        rows: how many.
    """

    platform: Platform
    root: Path
    name: str
    step: str
    written: str
    rows: int

    def atlas(self, command: str, *options: str) -> str:
        """Run `atlas` on the example; return what it printed."""
        return self.platform.run(command, self.name, *options, cwd=self.root).stdout

    def run(self, command: str, *options: str) -> Any:
        """Run one of its flows; return the summary."""
        return json.loads(self.atlas(command, *options, "--json").splitlines()[-1])

    @property
    def store(self) -> Store:
        return open_store(self.platform.url("store"))

    @property
    def data(self) -> Path:
        return self.platform.state / "store" / "data"

    def outputs(self, run: str) -> dict[str, Any]:
        """Return the digests of what each step gave but those that know the run's own id."""
        plan = self.store.plan(self.store.run(self.name, run).plan)
        ran = ways.ran(self.store, plan, run)
        assert ran.status == "done"
        return {name: one.outputs for name, one in ran.steps.items() if name != self.step}

    def scores(self, run: str) -> pd.DataFrame:
        table: pd.DataFrame = self.store.get(self.name, run, self.step, "scores")
        assert len(table) == self.rows
        assert set(table["run_id"]) == {run}
        return table

    def in_data(self, run: str) -> pd.DataFrame:
        """Return the rows of a run in the data set that the sink writes."""
        files = sorted((self.data / self.written).rglob("*.parquet"))
        tables = [pd.read_parquet(file, partitioning=None) for file in files]
        (found,) = [table for table in tables if run in set(table["run_id"])]
        return found

    def scheduled(self) -> str:
        """Return the id of the run that Airflow's schedule asked for, once it is over."""
        for run in self.store.runs(self.name):
            is_over = self.store.run_outcome(self.name, run) is not None
            if is_over and self.store.run(self.name, run).trigger == "schedule":
                return run
        return ""


@pytest.fixture
def example(
    request: pytest.FixtureRequest,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Example]:
    name, step, written, rows = request.param
    monkeypatch.setenv("ATLAS_STATE", str(platform.state))
    for one in (name, "environments"):
        shutil.copytree(RECIPES / one, tmp_path / one)
    (tmp_path / "pyproject.toml").write_text(f'[tool.atlas]\nid = "{name}-on-airflow"\n')
    recipe = tmp_path / name / "inference.json"
    document = json.loads(recipe.read_text())
    document["defaults"]["cache"] = False
    recipe.write_text(json.dumps(document))
    made = Example(platform, tmp_path, name, step, written, rows)
    make = [sys.executable, str(tmp_path / name / "make_data.py"), str(made.data)]
    subprocess.run(make, check=True, capture_output=True)
    yield made
    made.atlas("destroy")


def without(table: pd.DataFrame, *columns: str) -> bytes:
    """Return a table as bytes, without what is another in each run."""
    file = BytesIO()
    table.drop(columns=list(columns)).to_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize("example", EXAMPLES, indirect=True)
def test_inference_on_airflow_scores_the_rows_that_a_run_here_scores(example: Example) -> None:
    assert example.run("run", "--flow", "training")["promoted"]
    example.atlas("deploy")
    there = example.run("start", *INTERVAL)["run"]
    assert example.store.run(example.name, there).target == "airflow"
    scored, written = example.scores(there), example.in_data(there)
    here = example.run("run", "--flow", "inference", *INTERVAL)["run"]
    assert example.outputs(there) == example.outputs(here)
    assert without(scored, "run_id") == without(example.scores(here), "run_id")
    assert without(written, "run_id") == without(example.in_data(here), "run_id")
    assert without(written) == without(scored)
    by_schedule = example.scores(wait_for(example.scheduled))
    own = [name for name in scored if name.startswith(("run_id", "interval"))]
    assert without(by_schedule, *own) == without(scored, *own)
