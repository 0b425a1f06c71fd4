"""What a file that others read too would lose of a value: refused, with the way out."""

from __future__ import annotations

import json
from typing import Any

from atlas.errors import StoreError, clean
from atlas.formats import ancestry, article, type_name


def as_json(value: Any) -> Any:
    """Return what JSON has of a value: of a table, the list of its rows; anything else as it is."""
    names = ancestry(value)
    if "pandas.DataFrame" in names:
        check_labels(value)
        check_index(value)
        return [_present(row) for row in value.to_dict(orient="records")]
    if "pandas.Series" in names:
        return [None if _is_missing(element) else element for element in value.tolist()]
    return value


def dumped(value: Any) -> str:
    """Return plain data as JSON in one line.

    Raises:
        TypeError: JSON has no place for a value.
        ValueError: a number isn't finite.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=as_plain)


def _present(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which what is missing is null, for JSON has no NaN."""
    return {key: None if _is_missing(cell) else cell for key, cell in row.items()}


def _is_missing(value: Any) -> bool:
    import pandas

    return value is None or (not hasattr(value, "__len__") and bool(pandas.isna(value)))


def as_plain(value: Any) -> Any:
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


def check_table(value: Any) -> None:
    """Refuse what isn't a table."""
    if "pandas.DataFrame" not in ancestry(value) and not hasattr(value, "to_parquet"):
        raise StoreError(f"found {article(type_name(value))}; expected a DataFrame")


def check_labels(frame: Any) -> None:
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


def check_index(frame: Any) -> None:
    """Refuse an index that says something, where the file has rows alone."""
    index = frame.index
    named = [name for name in index.names if name is not None]
    if named or index.nlevels > 1 or index.dtype.kind not in "iu":
        shown = clean(", ".join(map(str, named)), 80) or f"of {index.dtype}"
        raise StoreError(
            f"the index ({shown}) would be lost; frame.reset_index() makes it a column"
        )
