"""What predictions say of themselves: columns that the Config names, and manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from tests.scoring import INFERENCE, Project

COLUMNS = {"version": "model_version", "run": "run_id", "start": "since", "end": "until"}
INTERVAL = {"interval_start": "2026-01-01T06:00", "interval_end": "2026-01-02T06:00"}


def scored_by(cls: str) -> dict[str, Any]:
    """Return the Recipe with another class that scores, and nothing that writes."""
    steps = {name: INFERENCE["steps"][name] for name in ("load", "scale", "score")}
    return {**INFERENCE, "steps": {**steps, "score": {**steps["score"], "class": f"steps:{cls}"}}}


def test_predictions_have_version_run_and_interval_in_the_columns_that_the_config_names(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path, predictions=COLUMNS)
    version = project.train(2.0)
    (run,) = project.run(**INTERVAL, run="one").runs
    scores = project.artifact(run.run, "score")
    assert list(scores.columns) == ["house", "price", *COLUMNS.values()]
    assert set(scores["model_version"]) == {version}
    assert set(scores["run_id"]) == {"inference-one"}
    assert set(scores["since"]) == {pd.Timestamp("2026-01-01T06:00", tz="UTC")}
    assert set(scores["until"]) == {pd.Timestamp("2026-01-02T06:00", tz="UTC")}
    (part,) = (tmp_path / ".atlas/store").rglob("part.parquet")
    assert list(pd.read_parquet(part).columns) == list(scores.columns)


def test_without_an_interval_its_columns_are_there_and_missing_in_every_row(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path, predictions=COLUMNS)
    project.train(2.0)
    (run,) = project.run().runs
    scores = project.artifact(run.run, "score")
    assert scores["since"].isna().all()
    assert str(scores["since"].dtype) == "datetime64[us, UTC]"


def test_a_config_without_them_adds_no_column(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.train(2.0)
    (run,) = project.run().runs
    assert list(project.artifact(run.run, "score").columns) == ["house", "price"]
    assert project.plan().step("score").predicts is None


def test_another_run_and_another_version_are_never_served_by_the_cache(tmp_path: Path) -> None:
    project = Project(tmp_path, predictions={"run": "run_id"})
    project.train(2.0)
    (first,) = project.run(run="one").runs
    (second,) = project.run(run="two").runs
    assert set(project.artifact(first.run, "score")["run_id"]) == {"inference-one"}
    assert set(project.artifact(second.run, "score")["run_id"]) == {"inference-two"}
    scaled = next(o for unit, o in second.outcomes.items() if unit.step == "scale")
    assert scaled.cached, "what says nothing of the run is still taken"


def test_manifests_of_inference_say_run_interval_and_model(tmp_path: Path) -> None:
    project = Project(tmp_path)
    version = project.train(2.0)
    (first,) = project.run(**INTERVAL, run="one").runs
    (second,) = project.run(**INTERVAL, run="two").runs
    for run in (first, second):
        manifest = project.manifest(run.run, "scale", "rows")
        assert run.run.model is not None
        assert manifest["run"] == run.run.id
        assert manifest["interval"]["start"] == "2026-01-01T06:00:00+00:00"
        assert manifest["model"] == {
            "name": "prices",
            "version": version,
            "digest": run.run.model.digest,
        }
    assert all(outcome.cached for unit, outcome in second.outcomes.items() if unit.step != "save")


def test_a_column_that_is_there_already_is_an_error_and_nothing_is_overwritten(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path, predictions={"version": "price"})
    project.train(2.0)
    result = project.run()
    (run,) = result.runs
    failed = next(outcome for outcome in run.outcomes.values() if not outcome.ok)
    assert failed.error == (
        "output 'scores' has a column 'price' already, and the Config's predictions.version adds "
        "one of that name; rename one of the two"
    )
    assert not list((tmp_path / ".atlas/store").rglob("part.parquet"))


def test_a_predictor_that_returns_no_table_is_an_error(tmp_path: Path) -> None:
    project = Project(tmp_path, predictions={"run": "run_id"})
    steps = (tmp_path / "steps.py").read_text()
    steps += """

class Scores(NamedTuple):
    scores: list


class List(Score):
    def run(self, model: dict[str, float], rows: pd.DataFrame) -> Scores:
        return Scores(list(self.predict(model, rows)["price"]))
"""
    project.write("inference.json", scored_by("List"))
    (tmp_path / "steps.py").write_text(steps)
    project.train(2.0)
    (run,) = project.run().runs
    failed = next(outcome for outcome in run.outcomes.values() if not outcome.ok)
    assert failed.error == (
        "'scores' is a list; expected a table, for the columns that the Config's predictions name"
    )


def test_every_key_of_a_foreach_has_the_columns(tmp_path: Path) -> None:
    project = Project(tmp_path, predictions={"version": "model_version"})
    steps = (tmp_path / "steps.py").read_text()
    steps += """

class Keys(NamedTuple):
    keys: list[int]


class List(Template):
    def run(self) -> Keys:
        return Keys([1, 2, 3])


class ScoreKey(Score):
    def run(self, model: dict[str, float], rows: pd.DataFrame, key: int) -> Rows:
        return Rows(self.predict(model, rows).assign(key=key))


class Gather(Template):
    def run(self, parts: list[pd.DataFrame]) -> Rows:
        return Rows(pd.concat(parts))
"""
    (tmp_path / "steps.py").write_text(steps)
    recipe = {
        "version": 1,
        "name": "prices-inference",
        "flow": "inference",
        "steps": {
            "load": {"class": "steps:Load"},
            "list": {"class": "steps:List"},
            "scale": {
                "class": "steps:Scale",
                "inputs": {"rows": "load.rows", "fitted": "model.scaler"},
            },
            "score": {
                "class": "steps:ScoreKey",
                "foreach": {"key": "list.keys"},
                "inputs": {"model": "model.weight", "rows": "scale.rows"},
            },
            "gather": {"class": "steps:Gather", "inputs": {"parts": "score.rows"}},
            "save": {
                "class": "steps:Save",
                "inputs": {"rows": "gather.rows", "target": "data.scores"},
            },
        },
    }
    project.write("inference.json", recipe)
    version = project.train(2.0)
    (run,) = project.run().runs
    gathered = project.artifact(run.run, "gather", "rows")
    assert len(gathered) == 120
    assert set(gathered["model_version"]) == {version}
