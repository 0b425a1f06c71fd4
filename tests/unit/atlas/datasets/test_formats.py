"""Every format: what is written comes back, and what isn't in the format is reported."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.data_formats import FORMATS, format_of, said_by
from atlas.datasets.compression import opened
from atlas.datasets.files import read_file, write_file
from atlas.errors import StepError, StoreError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data

ROWS = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, None, 1e-9], "s": ["a", "ä", None]})
TABLES = [
    f"rows.{ending}{more}"
    for one in FORMATS.values()
    if one.is_table
    for ending in one.endings
    for more in ("", ".gz", ".zip", ".zst")
    if not more or one.is_compressed
]


def handle(path: Path, type: str = "table", **declared: Any) -> DataHandle:
    return open_data(PlanData(type=type, uri=f"file://{path}", **declared), "rows", "load", "", "")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_comes_back(tmp_path: Path, name: str) -> None:
    one = handle(tmp_path / name)
    one.write(ROWS)
    back = one.read()
    assert back["n"].tolist() == [1, 2, 3]
    assert back["x"].fillna(-1).tolist() == [0.5, -1, 1e-9]
    assert back["s"].fillna("-").tolist() == ["a", "ä", "-"]
    (tmp_path / name).write_bytes(b"\xff\xfe nonsense \xff")
    with pytest.raises(StepError, match=rf"step load: data\.rows: .*{name} can't be read as"):
        one.read()


def test_texts_bytes_and_images(tmp_path: Path) -> None:
    from PIL import Image

    one = handle(tmp_path / "note.txt.gz", "file", options={"encoding": "cp1252"})
    one.write("größer")
    assert one.read() == "größer"
    with pytest.raises(StepError, match="found a bytes; expected a str"):
        one.write(b"x")
    one = handle(tmp_path / "a.bin", "file")
    one.write(b"\x00\x01")
    assert one.read() == b"\x00\x01"
    one = handle(tmp_path / "a.png", "file")
    one.write(Image.new("RGB", (2, 3), (255, 0, 0)))
    assert one.read().getpixel((1, 2)) == (255, 0, 0)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(StepError, match="isn't an image that Pillow knows"):
        one.read()
    one = handle(tmp_path / "note.txt", "file")
    (tmp_path / "note.txt").write_bytes("größer".encode("cp1252"))
    with pytest.raises(StepError, match=r"it may be in cp1252: set text\.encoding to 'cp1252'"):
        one.read()


def test_columns_and_filters_of_parquet(tmp_path: Path) -> None:
    handle(tmp_path / "rows.parquet").write(ROWS)
    filters = (
        {"column": "n", "is": ">=", "value": 2},
        {"column": "s", "is": "in", "value": ("ä",)},
    )
    options: dict[str, Any] = {"columns": ("s",), "filters": filters}
    assert handle(tmp_path / "rows.parquet", options=options).read().to_dict("list") == {"s": ["ä"]}
    for wrong, words in (
        ({"columns": ("q",)}, r"parquet.columns: no column 'q'; it has n, x, s"),
        ({"filters": ({"column": "q", "is": "=", "value": 1},)}, r"parquet.filters: no column 'q'"),
        ({"filters": ({"column": "n", "is": "=", "value": "x"},)}, r"parquet.filters: "),
    ):
        with pytest.raises(StepError, match=words):
            handle(tmp_path / "rows.parquet", options=wrong).read()


def test_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    handle(tmp_path / "rows.xlsx", options={"sheet": "2024"}).write(ROWS)
    assert len(handle(tmp_path / "rows.xlsx", options={"sheet": "2024"}).read()) == 3
    with pytest.raises(StepError, match="there is no sheet '2023'; it has 2024"):
        handle(tmp_path / "rows.xlsx", options={"sheet": "2023"}).read()


def test_json_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"a": [1, 2], "b": [3, 4]}')
    assert handle(path).read().to_dict("list") == {"a": [1, 2], "b": [3, 4]}
    path.write_text('{"a": 1}')
    assert handle(path, "").read() == {"a": 1}
    with pytest.raises(StepError, match="found an object, expected a table"):
        handle(path).read()
    path.write_text('{"a": 1}\n{"a": 2}\n')
    with pytest.raises(StepError, match="its first line is: set format to 'jsonl'"):
        handle(path).read()
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"a": 1}\n\n{"a": 2\n')
    with pytest.raises(StepError, match="line 3: isn't JSON"):
        handle(lines).read()


def test_an_archive_of_several_files(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "rows.csv.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(StepError, match="found 2 files in the archive, expected one"):
        handle(tmp_path / "rows.csv.zip").read()


def test_an_archive_of_macos(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "rows.csv.zip", "w") as archive:
        archive.writestr("rows.csv", "a\n1\n")
        archive.writestr("__MACOSX/._rows.csv", "x")
    assert handle(tmp_path / "rows.csv.zip").read()["a"].tolist() == [1]


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("a.xlsx", "openpyxl", "excel"), ("a.png", "PIL", "pillow")]
)
def test_what_isn_t_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    real = builtins.__import__

    def without(wanted: str, *rest: Any) -> Any:
        if wanted.partition(".")[0] == module:
            raise ModuleNotFoundError(f"No module named '{module}'", name=module)
        return real(wanted, *rest)

    (tmp_path / name).write_bytes(b"x")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StepError, match=rf"needs '{module}': pip install 'atlas-ml\[{extra}\]'"):
        handle(tmp_path / name, "").read()


@pytest.mark.parametrize(
    ("uri", "format", "said"),
    [
        ("store:a.jsonl.gz", "jsonl", "jsonl"), ("s3://b/a.feather", "arrow", "arrow"),
        ("a.parquet.gz", "bytes", ""), ("sql:warehouse", "parquet", ""), ("a/.csv", "bytes", ""),
        ("memory://a/b.TXT", "bytes", ""), ("https://h/x.xlsx", "excel", "excel"),
    ],
)  # fmt: skip
def test_a_name_says_the_format(uri: str, format: str, said: str) -> None:
    assert (format_of(uri), said_by(uri)) == (format, said)


def test_checks_run_on_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    handle(path).write(pd.DataFrame({"id": [1, 1, 2], "x": ["a", "bb", None], "p": [0.1, -1, 5.0]}))
    good: dict[str, Any] = {
        "rows": {"minimum": 3, "maximum": 3}, "unique": [["id", "x"]],
        "columns": {"x": {"type": "text", "missing": 0.5, "maximum": 2}, "q": {"optional": True}},
    }  # fmt: skip
    assert len(handle(path, checks=good).read()) == 3
    bad: dict[str, Any] = {
        "rows": {"minimum": 4},
        "columns": {
            "p": {"minimum": 0, "maximum": 1}, "q": {}, "x": {"type": "number", "missing": 0.1},
            "id": {"values": [1]},
        },
        "unique": [["id"]],
    }  # fmt: skip
    with pytest.raises(StepError) as caught:
        handle(path, checks=bad).read()
    said = str(caught.value)
    for words in (
        "step load: data.rows: checks.rows: found 3, expected at least 4",
        "checks.columns.p.minimum: found -1, expected at least 0",
        "checks.columns.p.maximum: found 5, expected at most 1",
        "checks.columns.q: there is no such column; it has id, x, p",
        "checks.columns.x.type: 2 of 3 rows aren't of the type number",
        "checks.columns.x.missing: found 1 of 3 rows (33.33%), expected at most 10.00%",
        "checks.columns.id.values: 1 rows have others, such as 2",
        "checks.unique: 1 rows repeat another's id; expected each once",
    ):
        assert words in said
    one = handle(path, checks={**bad, "on_breach": "warn"})
    assert len(one.read()) == 3
    assert len(one.warnings) == 8
    assert one.warnings[0] == "data.rows: checks.rows: found 3, expected at least 4"


@pytest.mark.parametrize("ending", ["gz", "zip", "bz2", "xz", "zst"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.json", "rows.txt"])
def test_what_unpacks_to_more_than_it_may_is_refused(
    tmp_path: Path, name: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas.datasets.compression._MOST", 10_000)
    monkeypatch.setattr("atlas.datasets.compression._TIMES", 2)
    path, format = tmp_path / f"{name}.{ending}", format_of(name)
    content = b"x\n" + b"1\n" * 20_000 if format == "csv" else b"1" + b" " * 20_000
    with opened(path, "wb") as file:
        file.write(content)
    with pytest.raises(StoreError, match=r"unpack to more than 10,000.*set max_unpacked_bytes"):
        read_file(path, format, {})
    assert read_file(path, format, {"max_unpacked_bytes": 50_000}) is not None


def test_a_workbook_that_unpacks_to_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.xlsx"
    write_file(pd.DataFrame({"x": range(10)}), path, "excel", {})
    assert len(read_file(path, "excel", {})) == 10
    with pytest.raises(StoreError, match="unpack to more than 100, the most that is read"):
        read_file(path, "excel", {"max_unpacked_bytes": 100})
    path.write_bytes(b"PK nothing")
    with pytest.raises(StoreError, match="isn't a workbook of Excel's"):
        read_file(path, "excel", {})
