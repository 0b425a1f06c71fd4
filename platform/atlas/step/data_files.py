"""Files of data sets, which others read and write too: Parquet, CSV, JSON and bytes.

They hold values alone. What such a file would lose of a table is refused, with the way out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.formats import ancestry, article, type_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _read_parquet(path: Path) -> Any:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return file.read().to_pandas()


def _write_parquet(value: Any, path: Path) -> None:
    _check_table(value)
    _check_labels(value)
    value.to_parquet(path)
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        back = file.schema_arrow.empty_table().to_pandas()
    for label, given, restored in zip(value.columns, value.dtypes, back.dtypes, strict=True):
        if _is_category(given) and not _is_category(restored):
            shown = clean(repr(label), 80)
            raise StoreError(
                f"column {shown} is a category of {given.categories.dtype}, which Parquet gives "
                f"back as {restored}; astype({str(given.categories.dtype)!r}) it, or make its "
                "categories strings"
            )


def _is_category(kind: Any) -> bool:
    return type(kind).__name__ == "CategoricalDtype"


def _read_csv(path: Path) -> Any:
    import pandas

    return pandas.read_csv(path)


def _write_csv(value: Any, path: Path) -> None:
    _check_table(value)
    _check_labels(value)
    _check_index(value)
    value.to_csv(path, index=False)


def _write_json(value: Any, path: Path) -> None:
    """Write a table as a list of its rows, and anything else as it is."""
    names = ancestry(value)
    if "pandas.DataFrame" in names:
        _check_labels(value)
        _check_index(value)
        value = [_present(row) for row in value.to_dict(orient="records")]
    elif "pandas.Series" in names:
        value = [None if _is_missing(element) else element for element in value.tolist()]
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_plain)
    path.write_text(text, "utf-8")


def _present(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which what is missing is null, for JSON has no NaN."""
    return {key: None if _is_missing(cell) else cell for key, cell in row.items()}


def _is_missing(value: Any) -> bool:
    import pandas

    return value is None or (not hasattr(value, "__len__") and bool(pandas.isna(value)))


def _as_plain(value: Any) -> Any:
    """Return a value that JSON doesn't know as text or a number: dates and times in ISO 8601.

    Raises:
        TypeError: there is no usual way.
    """
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(
        f"found {article(type_name(value))}; expected plain data, a table, a date or a time"
    )


def _write_bytes(value: Any, path: Path) -> None:
    path.write_bytes(value)


def _check_table(value: Any) -> None:
    if "pandas.DataFrame" not in ancestry(value) and not hasattr(value, "to_parquet"):
        raise StoreError(f"found {article(type_name(value))}; expected a DataFrame")


def _check_labels(frame: Any) -> None:
    """Refuse labels of columns that a file has no place for."""
    labels = list(getattr(frame, "columns", ()))
    wrong = next((label for label in labels if not isinstance(label, str)), None)
    if wrong is not None:
        raise StoreError(
            f"the column label {clean(repr(wrong), 80)} is {article(type_name(wrong))}, expected a "
            "string; frame.columns = frame.columns.map(str) makes it one"
        )
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise StoreError(f"two columns are called {clean(repr(twice), 80)}; rename one")


def _check_index(frame: Any) -> None:
    """Refuse an index that says something, where the file has rows alone."""
    index = frame.index
    named = [name for name in index.names if name is not None]
    if named or index.nlevels > 1 or index.dtype.kind not in "iu":
        shown = clean(", ".join(map(str, named)), 80) or f"of {index.dtype}"
        raise StoreError(
            f"the index ({shown}) would be lost; frame.reset_index() makes it a column"
        )


READERS: dict[str, Callable[[Path], Any]] = {
    "parquet": _read_parquet,
    "csv": _read_csv,
    "json": lambda path: json.loads(path.read_text("utf-8")),
    "bytes": lambda path: path.read_bytes(),
}
WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "json": _write_json,
    "bytes": _write_bytes,
}
