"""What wrong options make of a CSV file, told with the option that would do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.datasets.compression import opened
from atlas.datasets.csv_options import settings_of, source_of
from atlas.datasets.encoding import marked, undecodable
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.datasets.csv_options import CsvOptions

_SEPARATORS = (";", "\t", "|", ",")
_LOOKED_AT = 1000
"""How many values of a column are looked at to tell numbers from texts."""


def check_separator(table: Any, own: CsvOptions) -> None:
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


def check_decimal(table: Any, own: CsvOptions) -> None:
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


def explained(path: Path, own: CsvOptions, error: Exception) -> str:
    """Return what is wrong with a file that pyarrow refuses, and what to do."""
    if isinstance(error, LookupError):
        return f"there is no encoding '{own.encoding}'; set csv.encoding to another"
    with opened(path, most=own.most) as file:
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


def _with_row(path: Path, own: CsvOptions) -> str:
    """Return what pyarrow says when it reads a file in one thread, which counts its rows."""
    from pyarrow import ArrowInvalid, csv

    settings = settings_of(own, frozenset())
    settings["read_options"].use_threads = False
    try:
        with source_of(path, own) as source:
            csv.read_csv(source, **settings)
    except ArrowInvalid as error:
        return str(error).partition("\n")[0]
    return ""


def _name_of(head: str, own: CsvOptions, number: int) -> str:
    import csv

    names = next(csv.reader([head], delimiter=own.separator), [])
    return names[number] if number < len(names) else str(number)
