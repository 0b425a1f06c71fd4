"""CSV files: their options, what columns become, and messages for what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas.datasets.files import read_file, write_file
from atlas.errors import StepError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data


def handle(path: Path, **declared: Any) -> DataHandle:
    return open_data(PlanData(uri=f"file://{path}", **declared), "rows", "load", "", "")


def read(folder: Path, content: str | bytes, name: str = "rows.csv", **options: Any) -> Any:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return handle(path, type="table", options=options).read()


def test_options_are_what_a_file_is_read_with(tmp_path: Path) -> None:
    text = "day;price;code;ok\n31.01.2024;1.234,5;007;true\n01.02.2024;;008;false\n"
    text = text.replace("1.234,5", "1234,5")
    options = {
        "separator": ";", "decimal": ",", "dates": {"day": "%d.%m.%Y"}, "types": {"code": "string"},
    }  # fmt: skip
    rows = read(tmp_path, text.encode("cp1252"), **options, encoding="cp1252")
    assert rows["day"].tolist() == [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-01")]
    assert rows["price"].fillna(-1).tolist() == [1234.5, -1]
    assert rows["code"].tolist() == ["007", "008"]
    assert rows["ok"].tolist() == [True, False]


@pytest.mark.parametrize(
    "ending", ["csv", "csv.gz", "csv.zip", "csv.bz2", "csv.xz", "csv.zst", "tsv"]
)
def test_what_is_written_with_options_comes_back(tmp_path: Path, ending: str) -> None:
    rows = pd.DataFrame(
        {"day": pd.to_datetime(["2024-01-31", "2024-02-01"]), "n": [1.5, 2.25], "s": ["ä;", None]}
    )
    options: dict[str, Any] = {"decimal": ",", "dates": {"day": "%d.%m.%Y"}}
    options |= {} if ending == "tsv" else {"separator": ";"}
    one = handle(tmp_path / f"rows.{ending}", type="table", options=options)
    one.write(rows)
    back = one.read()
    assert back["day"].tolist() == rows["day"].tolist()
    assert back["n"].tolist() == rows["n"].tolist()
    assert back["s"].tolist()[0] == "ä;"
    assert b"1,5" in (tmp_path / "rows.tsv").read_bytes() if ending == "tsv" else True


@pytest.mark.parametrize("ending", ["gz", "zip"])
def test_the_same_rows_are_the_same_bytes(tmp_path: Path, ending: str) -> None:
    rows = pd.DataFrame({"a": range(100)})
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_file(rows, tmp_path / name / f"rows.csv.{ending}", "csv", {})
    one, two = (tmp_path / name / f"rows.csv.{ending}" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


WRONG = [
    ("a;b\nx;y\nz;w\n", {}, "line 1: found one column, 'a;b', with the separator ','; set csv.separator to ';'"),
    ("a;b\n1,5;x\n", {}, "line 2: Expected 1 columns, got 2: 1,5;x; mend the line or set csv.separator to ';'"),
    ("a;b\n1,5;x\n", {"separator": ";"}, "column 'a', row 1: found '1,5', and the decimal mark is '.'; set csv.decimal to ','"),
    ("a;b\n1.5;x\n", {"separator": ";", "decimal": ","}, "set csv.decimal to '.'"),
    ("a,b\nx,y\n1,ü\n".encode("cp1252"), {}, "line 3, byte 10 (0xfc): isn't in the encoding utf-8; it may be in cp1252: set csv.encoding to 'cp1252'"),
    ("a,b\n1,ü\n".encode("utf-16"), {}, "it may be in utf-16: set csv.encoding to 'utf-16'"),
    ("a,b\n1,2\n", {"encoding": "nope"}, "there is no encoding 'nope'"),
    ("a,b\n1,2\n1,2,3\n", {}, "line 3: Expected 2 columns, got 3: 1,2,3; mend the line"),
    ("a,b\n1,2\nx,2\n", {"types": {"a": "integer"}}, "line 3: column 'a': CSV conversion error to int64: invalid value 'x'"),
    ("a,b\n1,2\n", {"types": {"c": "integer"}}, "csv.types names the column 'c'; found a, b"),
    ("d\n01.02.2024\n2024-02-01\n", {"dates": {"d": "%d.%m.%Y"}}, "column 'd', row 2: found '2024-02-01', expected the form '%d.%m.%Y'"),
    ("d\nsoon\n", {"dates": ["d"]}, "column 'd', row 1: found 'soon', expected an ISO 8601 date or time"),
    ("a;p\n1;10\n2;1,5\n", {"separator": ";"}, "column 'p', row 2: found '1,5', and the decimal mark is '.'; set csv.decimal to ','"),
    ("a;p\n1;7\n2;1.234,5\n", {"separator": ";", "decimal": ","}, "column 'p', row 2: found '1.234,5', which has marks of thousands; write it without them"),
    ("a;p\n1;1,234.5\n", {"separator": ";"}, "found '1,234.5', which has marks of thousands"),
    ("", {}, "the file is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "words"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_says_where_and_what_to_do(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(StepError) as caught:
        read(tmp_path, content, **options)
    said = str(caught.value)
    assert said.startswith("step load: data.rows: file://")
    assert words in said


def test_texts_that_look_like_numbers_may_be_meant(tmp_path: Path) -> None:
    rows = read(tmp_path, 'pair\n"1,5"\n"2,5"\n', types={"pair": "string"})
    assert rows["pair"].tolist() == ["1,5", "2,5"]


def test_texts_with_marks_that_no_number_has_stay_texts(tmp_path: Path) -> None:
    rows = read(tmp_path, "d;v\n31.01.2024;1.2.3\n01.02.2024;10\n", separator=";", decimal=",")
    assert rows.iloc[0].tolist() == ["31.01.2024", "1.2.3"]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "csv.zip", "csv.bz2"])
def test_large_numbers_are_read_of_compressed_files_too(tmp_path: Path, ending: str) -> None:
    from atlas.datasets.compression import opened

    with opened(tmp_path / f"n.{ending}", "wb") as file:
        file.write(b"id,x\n12345678901234567890123,1\n1,2\n")
    rows = handle(tmp_path / f"n.{ending}", type="table").read()
    assert [str(one) for one in rows["id"]] == ["12345678901234567890123", "1"]


def test_the_ending_alone_says_tabs(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\n", name="my.tsv.csv")["b"].tolist() == [2]
    assert read(tmp_path, "a\tb\n1\t2\n", name="my.csv.tsv")["b"].tolist() == [2]


def test_times_stay_texts_unless_they_are_asked_for(tmp_path: Path) -> None:
    text = "d,t\n2024-01-01,2024-01-01 10:00:00\n"
    rows = read(tmp_path, text)
    assert rows.iloc[0].tolist() == ["2024-01-01", "2024-01-01 10:00:00"]
    rows = read(tmp_path, text, dates=["d"])
    assert rows["d"][0] == pd.Timestamp("2024-01-01")


def test_a_time_after_many_missing_ones_stays_a_text(tmp_path: Path) -> None:
    rows = read(tmp_path, "d,n\n" + f",{'x' * 100}\n" * 45_000 + "2024-01-01,2\n")
    assert rows["d"].iloc[-1] == "2024-01-01"


def test_large_whole_numbers_and_names_that_repeat_lose_nothing(tmp_path: Path) -> None:
    rows = read(tmp_path, f"n,a,a\n{2**64 - 1},1,2\n3,1,2\n")
    assert rows["n"].tolist() == [2**64 - 1, 3]
    assert list(rows.columns) == ["n", "a", "a.1"]


def test_an_empty_column_and_lines_in_values(tmp_path: Path) -> None:
    rows = read(tmp_path, 'a,b\n"x\ny",\nz,\n')
    assert rows["a"].tolist() == ["x\ny", "z"]
    assert rows["b"].dtype == float


_CELL = st.one_of(
    st.integers(-(2**52), 2**52), st.floats(allow_nan=False, allow_infinity=False), st.booleans(),
    st.text("abcäß 'x\n;,\"", min_size=1, max_size=8).filter(lambda t: t.strip() == t and t),
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=6))
def test_a_file_is_what_pandas_reads(tmp_path: Path, cells: list[tuple[Any, Any]]) -> None:
    path = tmp_path / "rows.csv"
    pd.DataFrame(cells, columns=["a", "b"]).to_csv(path, index=False)
    expected = pd.read_csv(path)
    options = {"types": {n: "string" for n in "ab" if expected[n].dtype == object}}
    if options["types"]:
        return
    options["types"] = {n: "string" for n in "ab" if expected[n].dtype == "str"}
    found = read_file(path, "csv", options)
    for name in ("a", "b"):
        one, other = expected[name], found[name]
        assert [str(x) for x in one] == [str(x) for x in other] or np.allclose(one, other)
