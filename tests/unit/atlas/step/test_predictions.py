"""Columns that predictions get, and what their manifests say."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from atlas.formats.stamping import MOMENT, TEXT, column_names, with_columns
from atlas.store import Manifest

ADDED = {
    "version": (TEXT, "3"),
    "since": (MOMENT, "2026-01-01T06:00:00+00:00"),
    "until": (MOMENT, ""),
}


def test_where_an_artifact_comes_from_is_no_part_of_its_digest() -> None:
    facts = {"format": "json", "type": "int", "sha256": "0" * 64, "size": 1, "data": "p/r/s/o/data"}
    plain = Manifest.from_json(facts)
    of_run = Manifest.from_json({**facts, "run": "one", "model": {"version": "3"}})
    assert of_run.digest == plain.digest
    assert of_run.to_json() == {**facts, "run": "one", "model": {"version": "3"}}
    with pytest.raises(ValueError, match="run: found '3', expected text"):
        Manifest.from_json({**facts, "run": 3})


@pytest.mark.parametrize("index", [None, ["a", "b"]])
def test_columns_of_pandas_keep_index_and_attributes(index: list[str] | None) -> None:
    table = pd.DataFrame({"x": [1, 2]}, index=index)
    table.attrs["unit"] = "m"
    stamped = with_columns(table, ADDED)
    assert column_names(table) == ["x"]
    assert list(stamped.index) == list(table.index)
    assert stamped.attrs == {"unit": "m"}
    assert list(stamped["version"]) == ["3", "3"]
    assert [str(dtype) for dtype in stamped.dtypes[2:]] == ["datetime64[us, UTC]"] * 2


@pytest.mark.parametrize("rows", [[1, 2], []])
def test_columns_of_pyarrow(rows: list[int]) -> None:
    table = pa.table({"x": pa.array(rows, pa.int64())})
    stamped = with_columns(table, ADDED)
    assert column_names(stamped) == ["x", "version", "since", "until"]
    assert stamped.schema.field("since").type == pa.timestamp("us", tz="UTC")
    assert stamped["version"].to_pylist() == ["3"] * len(rows)
    assert stamped["until"].null_count == len(rows)
