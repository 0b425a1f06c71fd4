"""What steps count besides their metrics: only what the Config names, and never at a step's cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas
import pyarrow
import pytest

from atlas.step.statistics import observed_columns, observed_read
from tests import monitored
from tests.projects import Project, project

__all__ = ["project"]


def statistics(project: Project, name: str, **config: Any) -> tuple[Any, Any]:
    """Return the outcomes of the steps that load and that score."""
    monitored.write(project, **config)
    ran = monitored.run(project)
    inference = next(run for run in ran.result.runs if run.plan.flow == "inference")
    return inference.outcomes["load", None], inference.outcomes[name, None]


def test_only_columns_that_the_config_names_are_looked_at(project: Project) -> None:
    load, score = statistics(project, "score")
    assert load.statistics["outputs"] == {"rows": {"rows": 3}}
    assert [*load.statistics["features"]] == ["size", "region"]
    assert load.statistics["features"]["region"]["categories"] == {"north": 2, "south": 1}
    assert [*score.statistics["predictions"]] == ["score", "region"]
    assert "s3cret" not in str(load.to_json()) + str(score.to_json())


@pytest.mark.parametrize(
    ("spec", "note"),
    [
        (
            {"features": {"from": "load.rows", "columns": ["siez", "size", "x"]}},
            "statistics.features: the table has no column 'siez' (and 1 others)",
        ),
        (
            {"predictions": {"from": "train.model", "columns": ["score"]}},
            "statistics.predictions: output 'model' isn't a table",
        ),
    ],
)
def test_what_cannot_be_counted_is_a_note_of_a_step_that_is_done(
    project: Project, spec: dict[str, Any], note: str
) -> None:
    monitored.write(project, statistics=spec)
    ran = monitored.run(project)
    notes = [note for run in ran.result.runs for one in run.outcomes.values() for note in one.notes]
    assert note in notes


def test_a_result_from_the_cache_brings_its_statistics_and_other_columns_are_counted_again(
    project: Project,
) -> None:
    config = {"statistics": {"predictions": {"from": "score.scores", "columns": ["score"]}}}
    _, first = statistics(project, "score", **config)
    _, second = statistics(project, "score", **config)
    assert (first.cached, second.cached) == (False, True)
    assert second.statistics == first.statistics
    wider = {"statistics": {"predictions": {"from": "score.scores", "columns": ["score", "size"]}}}
    _, third = statistics(project, "score", **wider)
    assert not third.cached
    assert [*third.statistics["predictions"]] == ["score", "size"]
    _, none = statistics(project, "score", statistics={"features": {"from": "load.rows"}})
    assert "predictions" not in none.statistics


NEWEST = datetime(2026, 1, 3, tzinfo=UTC).timestamp()
TIMES = {
    "texts": ["2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z", None],
    "days": ["2026-01-03", "2026-01-02"],
    "naive": pandas.to_datetime(["2026-01-03", "2026-01-02"]),
    "zoned": pandas.to_datetime(["2026-01-03T02:00+02:00", "2026-01-02T00:00+02:00"]),
    "dates": [datetime(2026, 1, 3).date(), None],
}


@pytest.mark.parametrize("name", TIMES)
def test_the_newest_row_of_any_kind_of_times(name: str) -> None:
    table = pandas.DataFrame({"t": pandas.Series(TIMES[name])})
    facts = observed_read(table, "t")
    assert facts["newest"] == NEWEST
    assert facts["age"] == pytest.approx(datetime.now(UTC).timestamp() - NEWEST, abs=5)
    assert facts["rows"] == len(table)


@pytest.mark.parametrize(
    "values", [[], [None], ["yesterday"], [1, 2], [1.5], [["x"]], ["2026-01-01", 5], [True]]
)
def test_what_is_no_time_has_no_newest_row(values: list[Any]) -> None:
    table = pandas.DataFrame({"t": pandas.Series(values, dtype=object)})
    assert "newest" not in observed_read(table, "t")
    assert observed_read(table, "missing") == {"rows": len(values)}


def test_other_libraries_and_what_is_no_table() -> None:
    table = pyarrow.table({"t": ["2026-01-03"]})
    assert observed_read(table, "t")["newest"] == NEWEST
    assert observed_read(b"bytes", "t") == {}


def test_columns_are_recorded_with_their_types() -> None:
    texts, mixed = pandas.Series(["a", None], dtype=object), pandas.Series([1, "a"], dtype=object)
    table = pandas.DataFrame({"n": [1, 2], "x": [0.5, 1.5], "t": texts, "m": mixed})
    types = {one["name"]: one["type"] for one in observed_columns(table)["columns"]}
    assert types == {"n": "int64", "x": "float64", "t": "str", "m": "object"}
    (column,) = observed_columns(pyarrow.table({"t": ["a"]}))["columns"]
    assert column == {"name": "t", "type": "string"}
    assert observed_columns(b"bytes") == {}
