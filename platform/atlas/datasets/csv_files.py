"""CSV files as tables: read by pyarrow, with the options of a data set, and written.

Columns become numbers, booleans or texts by themselves; dates where the options name them. What a
wrong option makes of a file (one column, texts that are numbers) is an error that says which.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.data_formats import compression_of, is_tabbed
from atlas.datasets.compression import opened
from atlas.datasets.encoding import marked, undecodable
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SEPARATORS = (";", "\t", "|", ",")
_LOOKED_AT = 1000
"""How many values of a column are looked at to tell numbers from texts."""
_EXACT = 2.0**53
"""From here on, not every whole number is a float's."""
_MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What stands for a missing value, as pandas has it."""
_BLOCK = 4 * 2**20
_ISO = "ISO"


def read_csv(path: Path, options: Mapping[str, Any]) -> Any:
    """Return a CSV file as a DataFrame.

    Args:
        path: the file; its ending says how it is compressed.
        options: ``separator``, ``decimal``, ``encoding``, ``dates`` and ``types``.

    Raises:
        StoreError: it can't be read so; the message says where and which option would do.
    """
    own = _Options(path, options)
    table = _table(path, own)
    _check_separator(table, own)
    _check_decimal(table, own)
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
    settings = _settings(_Options(path, options), frozenset())
    kinds = dict.fromkeys(names, pyarrow.string())
    settings["convert_options"] = csv.ConvertOptions(
        column_types=kinds, include_columns=list(names), strings_can_be_null=False
    )
    with _source(path) as source:
        table = csv.read_csv(source, **settings)
    return {name: table.column(name).to_pandas() for name in names}


class _Options:
    """The options of one file, with their defaults."""

    def __init__(self, path: Path, raw: Mapping[str, Any]) -> None:
        self.is_tabbed = is_tabbed(path.name)
        self.separator: str = raw.get("separator", "\t" if self.is_tabbed else ",")
        self.decimal: str = raw.get("decimal", ".")
        self.encoding: str = raw.get("encoding", "utf-8")
        dates = raw.get("dates", ())
        self.dates: dict[str, str] = (
            dict(dates) if hasattr(dates, "items") else dict.fromkeys(dates, _ISO)
        )
        self.types: dict[str, str] = dict(raw.get("types", {}))


def _table(path: Path, own: _Options, texts: frozenset[str] = frozenset()) -> Any:
    """Return the file as an Arrow table; columns of times that nobody asked for stay texts."""
    from pyarrow import ArrowInvalid, csv, types

    texts = texts or _temporal_at_start(path, own)
    try:
        with _source(path) as source:
            table = csv.read_csv(source, **_settings(own, texts))
    except (ArrowInvalid, UnicodeError, LookupError) as error:
        raise StoreError(_explained(path, own, error)) from None
    if any(types.is_binary(field.type) for field in table.schema):
        raise StoreError(_explained(path, own, UnicodeError()))
    late = {
        field.name
        for field in table.schema
        if types.is_temporal(field.type) and field.name not in {*own.dates, *texts}
    }
    return _table(path, own, texts | late) if late else table


def _source(path: Path) -> Any:
    """Return what pyarrow reads: the file itself, which it maps, or its content."""
    from contextlib import nullcontext

    return opened(path) if compression_of(path.name) else nullcontext(str(path))


def _temporal_at_start(path: Path, own: _Options) -> frozenset[str]:
    """Return the columns that pyarrow would take for times, of those that are to stay texts."""
    from pyarrow import ArrowInvalid, csv, types

    try:
        with _source(path) as source, csv.open_csv(source, **_settings(own, frozenset())) as reader:
            schema = reader.schema
    except (ArrowInvalid, UnicodeError, LookupError, StopIteration):
        return frozenset()  # Reading it whole says what is wrong.
    return frozenset(
        field.name
        for field in schema
        if types.is_temporal(field.type) and field.name not in own.dates
    )


def _settings(own: _Options, texts: frozenset[str]) -> dict[str, Any]:
    """Return pyarrow's options."""
    import pyarrow
    from pyarrow import csv

    kinds: dict[str, Any] = {
        "string": pyarrow.string(),
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "category": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    }
    columns = {name: pyarrow.string() for name in {*texts, *own.dates}}
    columns |= {name: kinds[kind] for name, kind in own.types.items()}
    encoding = "utf8" if own.encoding.lower() in ("utf-8", "utf8", "utf-8-sig") else own.encoding
    return {
        "read_options": csv.ReadOptions(encoding=encoding, block_size=_BLOCK),
        "parse_options": csv.ParseOptions(delimiter=own.separator, newlines_in_values=True),
        "convert_options": csv.ConvertOptions(
            column_types=columns,
            decimal_point=own.decimal,
            null_values=list(_MISSING),
            strings_can_be_null=True,
        ),
    }


def _frame(table: Any, path: Path, own: _Options) -> Any:
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


def _may_be_inexact(table: Any, own: _Options) -> bool:
    """Tell whether a column of floats may have been whole numbers that no int64 holds."""
    from pyarrow import compute, types

    for field in table.schema:
        if types.is_floating(field.type) and field.name not in own.types:
            bounds = compute.min_max(table.column(field.name))
            low, high = bounds["min"].as_py(), bounds["max"].as_py()
            if low is not None and max(abs(low), abs(high)) >= _EXACT:
                return True
    return False


def _by_pandas(path: Path, own: _Options) -> Any:
    """Read a file that pyarrow would lose something of: large whole numbers, names that repeat."""
    import pandas

    kinds = {"string": "str", "integer": "int64", "number": "float64", "boolean": "bool"}
    texts = dict.fromkeys(own.dates, "str")
    kinds_of = {name: kinds.get(kind, kind) for name, kind in own.types.items()}
    with opened(path) as file:
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

    pattern = "ISO8601" if form == _ISO else form
    try:
        return pandas.to_datetime(column, format=pattern)
    except ValueError:
        parsed = pandas.to_datetime(column, format=pattern, errors="coerce")
        wrong = (parsed.isna() & column.notna()).to_numpy().nonzero()[0]
        row = int(wrong[0]) if len(wrong) else 0
        shown = clean(repr(column.iloc[row]), 60)
        expected = "an ISO 8601 date or time" if form == _ISO else f"the form '{form}'"
        text = f"column '{name}', row {row + 1}: found {shown}, expected {expected}"
        raise StoreError(f"{text}; set csv.dates") from None


def _check_separator(table: Any, own: _Options) -> None:
    """Refuse a file that has become one column because its separator is another one.

    Raises:
        StoreError: it has.
    """
    if table.num_columns != 1:
        return
    name = table.column_names[0]
    cells = [str(cell) for cell in table.column(0).slice(0, 20).to_pylist() if cell is not None]
    for other in _SEPARATORS:
        count = name.count(other)
        if other != own.separator and count and all(cell.count(other) == count for cell in cells):
            shown = clean(repr(name), 80)
            text = f"line 1: found one column, {shown}, with the separator {own.separator!r}"
            raise StoreError(f"{text}; set csv.separator to {other!r}")


_NUMBER = re.compile(r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?")
"""What looks like a number, with whatever marks."""
_PLAIN = {mark: re.compile(rf"[+-]?\d+(?:[{mark}]\d*)?(?:[eE][+-]?\d+)?") for mark in ".,"}
"""Decimal mark → numbers with it, and with no mark of thousands."""
_GROUPED = re.compile(
    r"[+-]?\d{1,3}(?:([.,])\d{3}(?:\1\d{3})*(?!\1)[.,]\d+|([.,])\d{3}(?:\2\d{3})+)"
)
"""A number that has marks of thousands for certain: 1.234,5 or 1,234,567."""


def _check_decimal(table: Any, own: _Options) -> None:
    """Refuse a column of texts that look like numbers, of which some have another decimal mark.

    Raises:
        StoreError: there is one, and the options don't call it texts.
    """
    from pyarrow import types

    other = "," if own.decimal == "." else "."
    for field in table.schema:
        if not types.is_string(field.type) or field.name in {*own.types, *own.dates}:
            continue
        cells = table.column(field.name).slice(0, _LOOKED_AT).drop_null().to_pylist()
        odd = [cell for cell in cells if not _PLAIN[own.decimal].fullmatch(cell)]
        if not odd or not all(map(_NUMBER.fullmatch, cells)):
            continue
        grouped = [cell for cell in cells if _GROUPED.fullmatch(cell)]
        others = [cell for cell in odd if _PLAIN[other].fullmatch(cell)]
        if len(grouped) + len(others) < len(odd):
            continue  # Dates and versions: 31.01.2024, 1.2.3.
        name = clean(repr(field.name), 80)
        texts = f"csv.types to {{{name}: 'string'}}"
        row = table.column(field.name).slice(0, _LOOKED_AT).to_pylist().index((grouped or odd)[0])
        found = f"column {name}, row {row + 1}: found {clean(repr((grouped or odd)[0]), 40)}"
        if grouped:
            text = f"{found}, which has marks of thousands; write it without them, or set {texts}"
            raise StoreError(text)
        way = f"set csv.decimal to {other!r}, or {texts}"
        raise StoreError(f"{found}, and the decimal mark is {own.decimal!r}; {way}")


_PLACE = re.compile(r"Row #(\d+): ")
_COLUMN = re.compile(r"In CSV column #(\d+): ")


def _explained(path: Path, own: _Options, error: Exception) -> str:
    """Return what is wrong with a file that pyarrow refuses, and what to do."""
    if isinstance(error, LookupError):
        return f"there is no encoding '{own.encoding}'; set csv.encoding to another"
    with opened(path) as file:
        content = file.read()
    if not content.strip():
        return "the file is empty; expected a line with the columns' names"
    try:
        content.decode(own.encoding)
    except UnicodeError as wrong:
        return undecodable(content, own.encoding, "csv.encoding", wrong)
    mark = marked(content[:4])
    if mark.startswith(("utf-16", "utf-32")) and not own.encoding.lower().startswith(mark):
        return f"the file is in {mark}; set csv.encoding to '{mark}'"
    text = _with_row(path, own) or str(error).partition("\n")[0]
    row, column = _PLACE.search(text), _COLUMN.search(text)
    where = f"line {row[1]}: " if row else ""
    reason = _COLUMN.sub("", _PLACE.sub("", text)).removeprefix("CSV parse error: ")
    head = content[: content.find(b"\n") + 1 or None].decode(own.encoding).strip("\r\n")
    if column:
        name = _name_of(head, own, int(column[1]))
        return f"{where}column '{name}': {reason}; set csv.types or csv.decimal"
    others = [mark for mark in _SEPARATORS if mark != own.separator and mark in head]
    hint = f" or set csv.separator to {others[0]!r}" if others else ""
    return f"{where}{reason}; mend the line{hint}"


def _with_row(path: Path, own: _Options) -> str:
    """Return what pyarrow says when it reads a file in one thread, which counts its rows."""
    from pyarrow import ArrowInvalid, csv

    settings = _settings(own, frozenset())
    settings["read_options"].use_threads = False
    try:
        with _source(path) as source:
            csv.read_csv(source, **settings)
    except ArrowInvalid as error:
        return str(error).partition("\n")[0]
    return ""


def _name_of(head: str, own: _Options, number: int) -> str:
    import csv

    names = next(csv.reader([head], delimiter=own.separator), [])
    return names[number] if number < len(names) else str(number)


def write_csv(frame: Any, path: Path, options: Mapping[str, Any]) -> None:
    """Write a DataFrame as CSV, with the options that it will be read with."""
    own = _Options(path, options)
    frame = frame.copy(deep=False)
    for name, form in own.dates.items():
        if form != _ISO and name in frame.columns and frame[name].dtype.kind == "M":
            frame[name] = frame[name].dt.strftime(form)
    with opened(path, "wb") as file:
        frame.to_csv(
            file, index=False, sep=own.separator, decimal=own.decimal, encoding=own.encoding
        )
