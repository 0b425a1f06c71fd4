"""The runs that the rows of a table say that they are of, in the column that predictions have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("run_id", "run")
"""Names of the column that are looked at."""
MOST = 20
"""Runs that are taken of one table."""


def runs_in(path: Path, columns: tuple[str, ...] = COLUMNS) -> list[str]:
    """Return the ids of the runs that a table's rows name; none of what isn't a table.

    Args:
        path: a Parquet, Arrow or CSV file.
        columns: names of the column, the likelier first.
    """
    readers = {".parquet": _of_parquet, ".csv": _of_csv}
    read = readers.get(path.suffix.lower())
    try:
        return read(path, columns)[:MOST] if read and path.is_file() else []
    except (OSError, ValueError, KeyError):
        return []


def _of_parquet(path: Path, columns: tuple[str, ...]) -> list[str]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        name = next((name for name in columns if name in file.schema_arrow.names), "")
        values = file.read([name]).column(name).unique().to_pylist() if name else []
    return [value for value in values if isinstance(value, str)]


def _of_csv(path: Path, columns: tuple[str, ...]) -> list[str]:
    import csv

    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        name = next((name for name in columns if name in (rows.fieldnames or ())), "")
        return list(dict.fromkeys(row[name] or "" for row in rows)) if name else []
