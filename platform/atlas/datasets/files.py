"""One file of a data set, in any format: read and written, or an error that says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.data_formats import FORMATS, LIMIT, TABLE
from atlas.datasets.compression import most_unpacked, opened, too_large
from atlas.datasets.csv_files import read_csv, write_csv
from atlas.datasets.encoding import decoded
from atlas.datasets.parquet_files import read_parquet, write_parquet
from atlas.datasets.writing import as_json, check_index, check_labels, check_table, dumped
from atlas.errors import StoreError, clean
from atlas.formats import ancestry, article, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Options = Mapping[str, Any]


def read_file(path: Path, format: str, options: Options, type: str = "") -> Any:
    """Return what is in a file.

    Args:
        path: the file; its ending says how it is compressed.
        format: one of `atlas.data_formats.FORMATS`.
        options: those of the format.
        type: ``table``, where JSON is to become a DataFrame; else what the format gives.

    Raises:
        StoreError: it isn't in that format, or what reads it isn't installed.
    """
    try:
        value = _READERS[format](path, options)
    except ImportError as error:
        raise StoreError(_missing(format, error)) from error
    return _as_table(value) if type == TABLE else value


def write_file(value: Any, path: Path, format: str, options: Options) -> None:
    """Write a value to a file.

    Raises:
        StoreError: the file would lose something of it, or what writes it isn't installed.
        TypeError: the format has no place for it.
        ValueError: likewise.
    """
    try:
        _WRITERS[format](value, path, options)
    except ImportError as error:
        raise StoreError(_missing(format, error)) from error


def _missing(format: str, error: ImportError) -> str:
    return f"needs '{error.name}': pip install 'atlas-ml[{FORMATS[format].extra}]'"


def _as_table(value: Any) -> Any:
    """Return the DataFrame of rows that JSON had as a list of objects, or of columns.

    Raises:
        StoreError: it has neither.
    """
    if not isinstance(value, list | dict):
        return value
    import pandas

    is_rows = isinstance(value, list) and all(isinstance(row, dict) for row in value)
    is_columns = isinstance(value, dict) and all(isinstance(one, list) for one in value.values())
    if not (is_rows or is_columns):
        found = "an object" if isinstance(value, dict) else "a list that has others than objects"
        text = f"found {found}, expected a table: a list of objects, or an object of lists"
        raise StoreError(text)
    try:
        return pandas.DataFrame(value)
    except ValueError as error:
        raise StoreError(f"found columns that aren't equally long: {error}") from None


def _content(path: Path, options: Options) -> bytes:
    with opened(path, most=options.get(LIMIT, 0)) as file:
        return file.read()


def _read_json(path: Path, options: Options) -> Any:
    text = decoded(_content(path, options), "utf-8", "format")
    try:
        return json.loads(text)
    except ValueError as error:
        raise StoreError(f"isn't JSON: {error}{_lines_hint(text)}") from None


def _lines_hint(text: str) -> str:
    """Return the hint that a file has an object a line, where its first line is whole JSON."""
    try:
        json.loads(text.partition("\n")[0])
    except ValueError:
        return ""
    return "; its first line is: set format to 'jsonl'"


def _write_json(value: Any, path: Path, options: Options) -> None:
    text = dumped(as_json(value))
    with opened(path, "wb") as file:
        file.write(text.encode())


def _read_lines(path: Path, options: Options) -> Any:
    text = decoded(_content(path, options), "utf-8", "format")
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise StoreError(f"line {number}: isn't JSON: {what}") from None
    return rows


def _write_lines(value: Any, path: Path, options: Options) -> None:
    rows = as_json(value)
    if not isinstance(rows, list | tuple):
        raise StoreError(f"found {article(type_name(value))}; expected a DataFrame or a list")
    lines = [dumped(row) for row in rows]
    with opened(path, "wb") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def _write_csv(value: Any, path: Path, options: Options) -> None:
    _check_rows(value)
    write_csv(value, path, options)


def _read_arrow(path: Path, options: Options) -> Any:
    from pyarrow import feather

    return feather.read_table(path, memory_map=True).to_pandas()


def _write_arrow(value: Any, path: Path, options: Options) -> None:
    _check_rows(value)
    import pyarrow
    from pyarrow import feather

    feather.write_feather(pyarrow.Table.from_pandas(value, preserve_index=False), path)


def _read_excel(path: Path, options: Options) -> Any:
    import openpyxl  # noqa: F401 - its absence is reported before pandas's
    import pandas

    _check_workbook(path, options.get(LIMIT, 0))
    with pandas.ExcelFile(path, engine="openpyxl") as book:
        sheet = options.get("sheet", book.sheet_names[0])
        if sheet not in book.sheet_names:
            known = ", ".join(map(str, book.sheet_names))
            raise StoreError(clean(f"there is no sheet '{sheet}'; it has {known}", 300))
        return pandas.read_excel(book, sheet_name=sheet)


def _check_workbook(path: Path, stated: int) -> None:
    """Refuse a workbook, which is a ZIP archive, that unpacks to more than it may.

    Raises:
        StoreError: it does, or isn't a workbook.
    """
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        raise StoreError("isn't a workbook of Excel's: expected .xlsx, which Excel saves") from None
    size = path.stat().st_size
    if unpacked > (most := most_unpacked(size, stated)):
        raise too_large(size, most)


def _write_excel(value: Any, path: Path, options: Options) -> None:
    import openpyxl  # noqa: F401 - its absence is reported before pandas's
    import pandas

    _check_rows(value)
    with pandas.ExcelWriter(path, engine="openpyxl") as book:
        value.to_excel(book, sheet_name=options.get("sheet", "Sheet1"), index=False)


def _read_text(path: Path, options: Options) -> str:
    return decoded(_content(path, options), options.get("encoding", "utf-8"), "text.encoding")


def _write_text(value: Any, path: Path, options: Options) -> None:
    if not isinstance(value, str):
        raise StoreError(f"found {article(type_name(value))}; expected a str")
    content = value.encode(options.get("encoding", "utf-8"))
    with opened(path, "wb") as file:
        file.write(content)


def _read_image(path: Path, options: Options) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            return image
    except UnidentifiedImageError:
        raise StoreError("isn't an image that Pillow knows") from None
    except Image.DecompressionBombError as error:
        raise StoreError(f"is too large: {error}") from None


def _write_image(value: Any, path: Path, options: Options) -> None:
    if "PIL.Image" not in ancestry(value):
        raise StoreError(f"found {article(type_name(value))}; expected an image of Pillow's")
    value.save(path)


def _write_bytes(value: Any, path: Path, options: Options) -> None:
    path.write_bytes(value)


def _check_rows(frame: Any) -> None:
    check_table(frame)
    check_labels(frame)
    check_index(frame)


_READERS: dict[str, Callable[[Path, Options], Any]] = {
    "parquet": read_parquet,
    "csv": read_csv,
    "json": _read_json,
    "jsonl": _read_lines,
    "arrow": _read_arrow,
    "excel": _read_excel,
    "text": _read_text,
    "image": _read_image,
    "bytes": lambda path, options: path.read_bytes(),
}
_WRITERS: dict[str, Callable[[Any, Path, Options], None]] = {
    "parquet": lambda value, path, options: write_parquet(value, path),
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_lines,
    "arrow": _write_arrow,
    "excel": _write_excel,
    "text": _write_text,
    "image": _write_image,
    "bytes": _write_bytes,
}
