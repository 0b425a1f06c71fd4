"""CSV files as tables: read by pyarrow, with the options of a data set, and written.

Columns become numbers, booleans or texts by themselves; dates where the options name them. What a
wrong option makes of a file (one column, texts that are numbers) is an error that says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.datasets.compression import opened
from atlas.datasets.csv_mistakes import check_decimal, check_separator, explained
from atlas.datasets.csv_options import ISO, CsvOptions, settings_of, source_of
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_EXACT = 2.0**53
"""From here on, not every whole number is a float's."""


def read_csv(path: Path, options: Mapping[str, Any]) -> Any:
    """Return a CSV file as a DataFrame.

    Args:
        path: the file; its ending says how it is compressed.
        options: ``separator``, ``decimal``, ``encoding``, ``dates`` and ``types``.

    Raises:
        StoreError: it can't be read so; the message says where and which option would do.
    """
    own = CsvOptions(path, options)
    table = _table(path, own)
    check_separator(table, own)
    check_decimal(table, own)
    return _frame(table, path, own)


def texts_of(path: Path, options: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return columns of a CSV file as the texts that they are, none of which means missing.

    Args:
        path: the file.
        options: as of `read_csv`.
        names: the columns.
    """
    import pyarrow
    from pyarrow import csv

    if not names:
        return {}
    own = CsvOptions(path, options)
    settings = settings_of(own, frozenset())
    kinds = dict.fromkeys(names, pyarrow.string())
    settings["convert_options"] = csv.ConvertOptions(
        column_types=kinds, include_columns=list(names), strings_can_be_null=False
    )
    with source_of(path, own) as source:
        table = csv.read_csv(source, **settings)
    return {name: table.column(name).to_pandas() for name in names}


def _table(path: Path, own: CsvOptions, texts: frozenset[str] = frozenset()) -> Any:
    """Return the file as an Arrow table; columns of times that nobody asked for stay texts."""
    from pyarrow import ArrowInvalid, csv, types

    texts = texts or _temporal_at_start(path, own)
    try:
        with source_of(path, own) as source:
            table = csv.read_csv(source, **settings_of(own, texts))
    except (ArrowInvalid, UnicodeError, LookupError) as error:
        raise StoreError(explained(path, own, error)) from None
    if any(types.is_binary(field.type) for field in table.schema):
        raise StoreError(explained(path, own, UnicodeError()))
    late = {
        field.name
        for field in table.schema
        if types.is_temporal(field.type) and field.name not in {*own.dates, *texts}
    }
    return _table(path, own, texts | late) if late else table


def _temporal_at_start(path: Path, own: CsvOptions) -> frozenset[str]:
    """Return the columns that pyarrow would take for times, of those that are to stay texts."""
    from pyarrow import ArrowInvalid, csv, types

    try:
        with (
            source_of(path, own) as source,
            csv.open_csv(source, **settings_of(own, frozenset())) as reader,
        ):
            schema = reader.schema
    except (ArrowInvalid, UnicodeError, LookupError, StopIteration):
        return frozenset()  # Reading it whole says what is wrong.
    return frozenset(
        field.name
        for field in schema
        if types.is_temporal(field.type) and field.name not in own.dates
    )


def _frame(table: Any, path: Path, own: CsvOptions) -> Any:
    """Return the DataFrame of an Arrow table, with dates as they were asked for."""
    from pyarrow import types

    unknown = sorted({*own.dates, *own.types} - set(table.column_names))
    if unknown:
        field = "dates" if unknown[0] in own.dates else "types"
        found = ", ".join(table.column_names[:20])
        text = f"csv.{field} names the column '{unknown[0]}'; found {found}"
        raise StoreError(clean(text, 400))
    names = table.column_names
    if len(set(names)) < len(names) or _may_be_inexact(table, own):
        return _by_pandas(path, own)
    empty = [field.name for field in table.schema if types.is_null(field.type)]
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    for name in empty:
        frame[name] = frame[name].astype(float)
    for name, form in own.dates.items():
        frame[name] = _dates(frame[name], name, form)
    return frame


def _may_be_inexact(table: Any, own: CsvOptions) -> bool:
    """Tell whether a column of floats may have been whole numbers that no int64 holds."""
    from pyarrow import compute, types

    for field in table.schema:
        if types.is_floating(field.type) and field.name not in own.types:
            bounds = compute.min_max(table.column(field.name))
            low, high = bounds["min"].as_py(), bounds["max"].as_py()
            if low is not None and max(abs(low), abs(high)) >= _EXACT:
                return True
    return False


def _by_pandas(path: Path, own: CsvOptions) -> Any:
    """Read a file that pyarrow would lose something of: large whole numbers, names that repeat."""
    import pandas

    kinds = {"string": "str", "integer": "int64", "number": "float64", "boolean": "bool"}
    texts = dict.fromkeys(own.dates, "str")
    kinds_of = {name: kinds.get(kind, kind) for name, kind in own.types.items()}
    with opened(path, most=own.most) as file:
        frame = pandas.read_csv(
            file,
            sep=own.separator,
            decimal=own.decimal,
            encoding=own.encoding,
            dtype={**texts, **kinds_of},
            low_memory=False,
        )
    for name, form in own.dates.items():
        frame[name] = _dates(frame[name], name, form)
    return frame


def _dates(column: Any, name: str, form: str) -> Any:
    """Return a column of texts as times.

    Raises:
        StoreError: one isn't as the options say.
    """
    import pandas

    pattern = "ISO8601" if form == ISO else form
    try:
        return pandas.to_datetime(column, format=pattern)
    except ValueError:
        parsed = pandas.to_datetime(column, format=pattern, errors="coerce")
        wrong = (parsed.isna() & column.notna()).to_numpy().nonzero()[0]
        row = int(wrong[0]) if len(wrong) else 0
        shown = clean(repr(column.iloc[row]), 60)
        expected = "an ISO 8601 date or time" if form == ISO else f"the form '{form}'"
        text = f"column '{name}', row {row + 1}: found {shown}, expected {expected}"
        raise StoreError(f"{text}; set csv.dates") from None


def write_csv(frame: Any, path: Path, options: Mapping[str, Any]) -> None:
    """Write a DataFrame as CSV, with the options that it will be read with."""
    own = CsvOptions(path, options)
    frame = frame.copy(deep=False)
    for name, form in own.dates.items():
        if form != ISO and name in frame.columns and frame[name].dtype.kind == "M":
            frame[name] = frame[name].dt.strftime(form)
    with opened(path, "wb") as file:
        frame.to_csv(
            file, index=False, sep=own.separator, decimal=own.decimal, encoding=own.encoding
        )
