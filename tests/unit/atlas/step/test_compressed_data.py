"""CSV files that are compressed are tables; what has no tables is reported before a run."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from atlas.data_formats import format_of
from atlas.plan import PlanData
from atlas.step.opening import open_data


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zip", "csv.bz2", "csv.xz"])
def test_a_compressed_table_is_read_and_written(tmp_path: Path, ending: str) -> None:
    rows = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    rows.to_csv(tmp_path / f"given.{ending}", index=False)
    for name in ("given", "made"):
        handle = open_data(PlanData(uri=f"file://{tmp_path}/{name}.{ending}"), "d", "s", "", "")
        if name == "made":
            handle.write(rows)
        assert handle.format == "csv"
        pandas.testing.assert_frame_equal(handle.read(), rows)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/rows.csv.gz", "csv"),
        ("s3://b/rows.json.gz", "json"),
        ("s3://b/rows.parquet.gz", "bytes"),
        ("s3://b/rows.zip", "bytes"),
        ("s3://b/csv.zip/rows", "bytes"),
        ("s3://b/rows/", "parquet"),
        ("store:rows.parquet", "parquet"),
        ("rows", "bytes"),
    ],
)
def test_the_ending_says_the_format(uri: str, expected: str) -> None:
    assert format_of(uri) == expected
