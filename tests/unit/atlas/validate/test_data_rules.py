"""Data sets that can't be read or written as documents say are Problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.validate import check

STEPS = """
from typing import NamedTuple
from atlas import Data, Sink, Template
from pandas import DataFrame

class Rows(NamedTuple):
    rows: DataFrame

class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())

class Save(Sink):
    pass
"""


def found(
    root: Path,
    where: Any,
    *,
    target: str = "local",
    matrix: Any = None,
    written: Any = None,
    **declared: Any,
) -> list[str]:
    steps: dict[str, Any] = {"load": {"class": "steps:Load", "inputs": {"source": "data.rows"}}}
    data: dict[str, Any] = {"rows": {"type": "table", **declared}}
    places: dict[str, Any] = {"rows": where}
    if written:
        inputs = {"rows": "load.rows", "target": "data.out"}
        steps["save"] = {"class": "steps:Save", "inputs": inputs}
        data["out"], places["out"] = {"type": "table"}, written
    recipe = {"version": 1, "name": "r", "flow": "inference", "steps": steps}
    config = {"version": 1, "name": "p", "recipes": {"inference": "r.json"}, "data": data}
    config |= {"matrix": matrix} if matrix else {}
    environment = {
        "version": 1, "data": places, "targets": {"inference": target},
        "secrets": {"db": {"variable": "DB"}},
    }  # fmt: skip
    (root / "environments").mkdir()
    for name, content in (("r", recipe), ("config", config), ("environments/local", environment)):
        (root / f"{name}.json").write_text(json.dumps(content))
    (root / "pyproject.toml").write_text("[tool.atlas]\n")
    (root / "steps.py").write_text(STEPS)
    return [f"{one.code} {one.path}" for one in check(root).problems if one.severity == "error"]


RIGHT: list[Any] = [
    {"uri": "store:a.csv", "csv": {"separator": ";", "decimal": ",", "encoding": "cp1252"}},
    {"uri": "store:a", "format": "csv", "csv": {"dates": ["d"], "types": {"x": "string"}}},
    {"uri": "store:a/", "format": "jsonl"}, {"uri": "store:a.tsv.gz", "csv": {"decimal": ","}},
    {"uri": "gs://b/a.parquet", "parquet": {"columns": ["x"]}},
    {"uri": "az://c/a.jsonl.gz"}, {"uri": "https://h/a.xlsx", "excel": {"sheet": "x"}},
    {"uri": "memory://a.arrow"}, {"uri": "sql:db", "table": "ops.sales"},
    {"uri": "sql:db", "query": "WITH t AS (SELECT 1) SELECT * FROM t WHERE x < :interval_end"},
    {"uri": "sql:db", "query": "SELECT a::int, ':b' FROM t -- :c"},
    {"uri": "store:a/", "format": "delta", "delta": {"version": 1, "columns": ["x"]}},
    {"uri": "s3://b/a/metadata/1.metadata.json", "format": "iceberg", "iceberg": {"snapshot": 7}},
    {"uri": "kedro:pandas.CSVDataset", "kedro": {"filepath": "x.csv", "load_args": {"sep": ";"}}},
    {"uri": "store:a.csv.gz", "max_unpacked_bytes": 5},
]  # fmt: skip


@pytest.mark.parametrize("where", RIGHT, ids=range(len(RIGHT)))
def test_what_is_right(tmp_path: Path, where: Any) -> None:
    assert found(tmp_path, where) == []


WRONG: list[tuple[Any, str]] = [
    ({"uri": "store:a.csv", "format": "json"}, "E007 data.rows.format"),
    ({"uri": "store:a.parquet.gz", "format": "parquet"}, "E007 data.rows.uri"),
    ({"uri": "store:a.parquet", "csv": {"separator": ";"}}, "E007 data.rows.csv"),
    ({"uri": "store:a.csv", "csv": {"decimal": ","}}, "E007 data.rows.csv"),
    ({"uri": "store:a.csv", "csv": {"encoding": "utf-9"}}, "E007 data.rows.csv.encoding"),
    ({"uri": "store:a.csv", "csv": {"encoding": "base64"}}, "E007 data.rows.csv.encoding"),
    (
        {"uri": "store:a.csv", "csv": {"dates": ["d"], "types": {"d": "string"}}},
        "E007 data.rows.csv.types.d",
    ),
    ({"uri": "store:a.csv", "table": "t"}, "E008 data.rows.table"),
    ({"uri": "sql:db"}, "E008 data.rows"),
    ({"uri": "sql:db", "table": "t", "query": "SELECT 1"}, "E008 data.rows"),
    ({"uri": "sql:db", "table": "t", "format": "csv"}, "E008 data.rows.format"),
    ({"uri": "sql:db", "table": "t", "version": "content"}, "E008 data.rows.version"),
    ({"uri": "sql:db", "query": "DELETE FROM t"}, "E008 data.rows.query"),
    ({"uri": "sql:db", "query": "SELECT * FROM t WHERE x > {interval}"}, "E008 data.rows.query"),
    ({"uri": "sql:db", "query": "SELECT * FROM t WHERE x > :start"}, "E008 data.rows.query"),
    ({"uri": "sql:db", "query": "SELECT * FROM t WHERE x > :axis_region"}, "E008 data.rows.query"),
    ({"uri": "sql:nodb", "table": "t"}, "E003 data.rows.uri"),
    ({"uri": "https://h/a/"}, "E009 data.rows.uri"),
    ({"uri": "store:a.png"}, "E006 data.rows.uri"),
    ({"uri": "store:a.txt"}, "E006 data.rows.uri"),
    ({"uri": "https://me:word@h/a.csv"}, "S004 data.rows.uri"),
    ({"uri": "https://h/a.csv?token=1"}, "S004 data.rows.uri"),
    ({"uri": "ftp://h/a.csv"}, "S004 data.rows.uri"),
    ({"uri": "zip://a.csv::s3://b/a.zip"}, "S004 data.rows.uri"),
    ({"uri": "store:a.csv", "csv": {"quote": "'"}}, "S001 data.rows.csv.quote"),
    ({"uri": "sql:db", "query": "SELECT 1 INTO OUTFILE '/x'"}, "E008 data.rows.query"),
    ({"uri": "sql:db", "query": "SELECT 1 /*!50000 + 1 */"}, "E008 data.rows.query"),
    ({"uri": "store:a", "format": "delta"}, "E007 data.rows.uri"),
    ({"uri": "https://h/a/", "format": "delta"}, "E009 data.rows.uri"),
    ({"uri": "store:a/", "format": "iceberg", "version": "content"}, "E007 data.rows.version"),
    ({"uri": "store:a/", "format": "delta", "iceberg": {"snapshot": 1}}, "E007 data.rows.iceberg"),
    ({"uri": "store:a.parquet", "max_unpacked_bytes": 5}, "E007 data.rows.max_unpacked_bytes"),
    ({"uri": "kedro:pickle.PickleDataset"}, "E010 data.rows.uri"),
    ({"uri": "kedro:pandas.CSVDataset", "csv": {"separator": ";"}}, "E010 data.rows.csv"),
    ({"uri": "kedro:pandas.CSVDataset", "version": "content"}, "E010 data.rows.version"),
    ({"uri": "store:a.csv", "kedro": {"filepath": "x"}}, "E010 data.rows.kedro"),
    ({"uri": "kedro:os.path"}, "S004 data.rows.uri"),
]


@pytest.mark.parametrize(("where", "expected"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_with_a_place(tmp_path: Path, where: Any, expected: str) -> None:
    assert found(tmp_path, where) == [expected]


DECLARED: list[tuple[str, dict[str, Any], str]] = [
    ("store:a.csv", {"partition": ["{interval}"]}, "C046 data.rows.partition"),
    ("store:a/", {"partition": ["{axis:zone}"]}, "C046 data.rows.partition[0]"),
    ("store:a.csv", {"write": "append"}, "C046 data.rows.write"),
    (
        "store:a/",
        {"write": "replace interval", "partition": ["{axis:region}"]},
        "C046 data.rows.partition",
    ),
    ("sql:db", {"write": "replace interval"}, "C046 data.rows"),
    (
        "store:a.csv",
        {"checks": {"rows": {"minimum": 2, "maximum": 1}}},
        "C047 data.rows.checks.rows",
    ),
    ("store:a.txt", {"checks": {"rows": {"minimum": 2}}, "type": "file"}, "C047 data.rows.checks"),
    ("store:a/", {"partition": ["{region}"]}, "S004 data.rows.partition[0]"),
    ("kedro:json.JSONDataset", {"write": "append"}, "C046 data.rows.write"),
]


@pytest.mark.parametrize(("uri", "declared", "expected"), DECLARED, ids=range(len(DECLARED)))
def test_what_is_wrong_with_a_data_set(
    tmp_path: Path, uri: str, declared: dict[str, Any], expected: str
) -> None:
    where = {"uri": uri, **({"table": "t"} if uri == "sql:db" else {})}
    assert found(tmp_path, where, matrix={"region": ["emea"]}, **declared) == [expected]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"uri": "https://h/out.csv"}, ["E009 steps.save.inputs.target"]),
        ({"uri": "sql:db", "query": "SELECT 1"}, ["E009 steps.save.inputs.target"]),
        ({"uri": "store:o/", "format": "delta"}, ["E009 steps.save.inputs.target"]),
        (
            {"uri": "store:o.parquet", "parquet": {"columns": ["x"]}},
            ["E009 steps.save.inputs.target"],
        ),
        ({"uri": "sql:db", "table": "out"}, []),
    ],
)
def test_what_can_only_be_read_is_not_written(
    tmp_path: Path, written: Any, expected: list[str]
) -> None:
    assert found(tmp_path, {"uri": "store:a.csv"}, written=written) == expected


def test_memory_is_of_one_process(tmp_path: Path) -> None:
    assert found(tmp_path, {"uri": "memory://a.csv"}, target="airflow") == ["E009 data.rows.uri"]
