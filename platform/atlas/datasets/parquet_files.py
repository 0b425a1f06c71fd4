"""Parquet files as tables: the columns and rows that are asked for, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.datasets.writing import check_labels, check_table
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_parquet(path: Path, options: Mapping[str, Any]) -> Any:
    """Return a Parquet file as a DataFrame.

    Args:
        path: the file.
        options: ``columns``, a list; ``filters``, all of which a row has to meet.

    Raises:
        StoreError: it has no such column, or a filter can't be compared with it.
    """
    from pyarrow import ArrowInvalid, ArrowNotImplementedError, parquet

    try:
        with parquet.ParquetFile(path) as file:
            if not options:
                return file.read().to_pandas()
            names = file.schema_arrow.names
    except ArrowInvalid as error:
        raise StoreError(f"isn't a Parquet file: {str(error).partition(chr(10))[0]}") from None
    filters = [(one["column"], one["is"], one["value"]) for one in options.get("filters", ())]
    wanted = options.get("columns")
    _check_names(names, wanted or (), "columns")
    _check_names(names, [name for name, _, _ in filters], "filters")
    try:
        table = parquet.read_table(
            path,
            columns=list(wanted) if wanted else None,
            filters=[(name, word, _value(value)) for name, word, value in filters] or None,
            partitioning=None,
        )
    except (ArrowInvalid, ArrowNotImplementedError) as error:
        text = f"parquet.filters: {str(error).partition(chr(10))[0]}"
        raise StoreError(f"{text}; compare with a value of the column's type") from None
    return table.to_pandas()


def _value(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _check_names(names: list[str], wanted: Any, field: str) -> None:
    gone = [name for name in wanted if name not in names]
    if gone:
        found = ", ".join(names[:30])
        raise StoreError(clean(f"parquet.{field}: no column '{gone[0]}'; it has {found}", 400))


def write_parquet(value: Any, path: Path) -> None:
    """Write a DataFrame as Parquet; what would come back as something else is refused.

    Raises:
        StoreError: it isn't a DataFrame, or a category of it would be lost.
    """
    check_table(value)
    check_labels(value)
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
