"""Tables of Delta and Iceberg, written by their own libraries, and Kedro's dataset classes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from atlas.errors import StepError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::UserWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
ROWS = pd.DataFrame({"id": [1, 2, 3], "region": ["emea", "apac", "ü"], "price": [1.5, 2.5, 3.5]})


def handle(uri: str, **declared: Any) -> DataHandle:
    data = PlanData(uri=uri, **{"type": "table", **declared})
    return open_data(data, "rows", "load", "", "")


@pytest.fixture
def delta(tmp_path: Path) -> str:
    from deltalake import write_deltalake

    folder = tmp_path / "delta"
    write_deltalake(str(folder), pa.Table.from_pandas(ROWS.head(2)), partition_by=["region"])
    write_deltalake(str(folder), pa.Table.from_pandas(ROWS.tail(1)), mode="append")
    return f"{folder.as_uri()}/"


@pytest.fixture
def iceberg(tmp_path: Path) -> Any:
    from pyiceberg.catalog.sql import SqlCatalog

    (tmp_path / "lake").mkdir()
    catalog = SqlCatalog(
        "t", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=(tmp_path / "lake").as_uri()
    )
    catalog.create_namespace("ops")
    table = catalog.create_table("ops.sales", schema=pa.Table.from_pandas(ROWS).schema)
    table.append(pa.Table.from_pandas(ROWS.head(2)))
    table.append(pa.Table.from_pandas(ROWS.tail(1)))
    yield table
    catalog.engine.dispose()


def test_a_delta_table_is_read(delta: str) -> None:
    back = handle(delta, format="delta").read().sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(back[list(ROWS)], ROWS, check_dtype=False)
    assert sorted(handle(delta, format="delta", options={"version": 0}).read()["id"]) == [1, 2]
    chosen = {
        "columns": ["id"],
        "filters": [
            {"column": "region", "is": "in", "value": ["emea", "ü"]},
            {"column": "price", "is": ">", "value": 2},
        ],
    }
    assert handle(delta, format="delta", options=chosen).read().to_dict("list") == {"id": [3]}


def test_an_iceberg_table_is_read(iceberg: Any) -> None:
    folder = f"{iceberg.location()}/"
    back = handle(folder, format="iceberg").read().sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(back, ROWS, check_dtype=False)
    first = iceberg.history()[0].snapshot_id
    old = handle(folder, format="iceberg", options={"snapshot": first}).read()
    assert sorted(old["id"]) == [1, 2]
    file = handle(iceberg.metadata_location, format="iceberg").read()
    assert len(file) == 3
    chosen = {
        "columns": ["id"],
        "filters": [
            {"column": "region", "is": "not in", "value": ["apac"]},
            {"column": "id", "is": "<=", "value": 2},
        ],
    }
    assert handle(folder, format="iceberg", options=chosen).read().to_dict("list") == {"id": [1]}


@pytest.mark.parametrize("format", ["delta", "iceberg"])
def test_what_a_lake_hasn_t_is_told(
    request: pytest.FixtureRequest, tmp_path: Path, format: str
) -> None:
    made = request.getfixturevalue(format)
    uri = made if format == "delta" else f"{made.location()}/"
    with pytest.raises(
        StepError, match=f"step load: data.rows: {format}: no column 'x'; it has id"
    ):
        handle(uri, format=format, options={"columns": ["x"]}).read()
    gone = {"version": 99} if format == "delta" else {"snapshot": 99}
    with pytest.raises(StepError, match=f"step load: data.rows: .*can't be read as {format}"):
        handle(uri, format=format, options=gone).read()
    empty = f"{(tmp_path / 'none').as_uri()}/"
    with pytest.raises(StepError, match=r"data.rows: nothing at"):
        handle(empty, format=format).read()
    with pytest.raises(StepError, match=f"can't be written: {format} is only read"):
        handle(uri, format=format).write(ROWS)
    other = {"filters": [{"column": "id", "is": ">", "value": "a"}]}
    with pytest.raises(StepError, match=f"can't be read as {format}"):
        handle(uri, format=format, options=other).read()


def test_a_table_names_no_class_to_be_imported(iceberg: Any, tmp_path: Path) -> None:
    """PyIceberg imports what a table's properties name; whoever writes tables would run code."""
    newest = Path(iceberg.metadata_location.removeprefix("file://"))
    content = json.loads(newest.read_text())
    content["properties"] = {"py-io-impl": "evil.Code"}
    newest.write_text(json.dumps(content))
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    with pytest.raises(StepError, match=r"property 'py-io-impl' names a class to be imported"):
        handle(f"{iceberg.location()}/", format="iceberg").read()


def test_kedro_s_classes_read_and_write(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.csv")
    arguments = {
        "filepath": path,
        "load_args": {"sep": ";"},
        "save_args": {"sep": ";", "index": False},
    }
    one = handle("kedro:pandas.CSVDataset", options=arguments)
    with pytest.raises(StepError, match=r"step load: data.rows: kedro:pandas.CSVDataset: .*rows"):
        one.read()
    one.write(ROWS)
    assert Path(path).read_text().startswith("id;region;price")
    pd.testing.assert_frame_equal(one.read(), ROWS, check_dtype=False)
    text = handle("kedro:text.TextDataset", options={"filepath": path}, type="file")
    assert text.read().startswith("id;region")
    with pytest.raises(StepError, match=r"found a str.*and its type is 'table'"):
        handle("kedro:text.TextDataset", options={"filepath": path}).read()
    assert one.uri == "kedro:pandas.CSVDataset/rows"


@pytest.mark.parametrize(
    "uri",
    [
        "kedro:pickle.PickleDataset", "kedro:partitions.PartitionedDataset", "kedro:os.System",
        "kedro:pandas.HDFDataset", "kedro:pandas.csv_dataset", "kedro:..os.path",
    ],
    ids=range(6),
)  # fmt: skip
def test_no_other_class_is_loaded(uri: str) -> None:
    with pytest.raises(StepError, match="expected one of Kedro's"):
        handle(uri, options={"filepath": "x"}).read()


def test_what_kedro_refuses_is_told_without_credentials(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE sales (id INTEGER)")
        connection.execute("INSERT INTO sales VALUES (7)")
    connection.close()
    one = handle("kedro:pandas.SQLTableDataset", options={"table_name": "sales"})
    one.options = {"con": f"sqlite:///{tmp_path}/shop.db"}
    assert one.read()["id"].tolist() == [7]
    one.options = {"con": "postgresql+psycopg://me:hunter2word@127.0.0.1:1/shop"}
    with pytest.raises(StepError, match=r"kedro:pandas.SQLTableDataset: ") as caught:
        one.read()
    assert "hunter2word" not in str(caught.value)
    with pytest.raises(StepError, match="nonsense"):
        handle("kedro:pandas.CSVDataset", options={"nonsense": 1}).read()
