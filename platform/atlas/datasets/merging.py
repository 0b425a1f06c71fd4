"""Rows that are merged by key: new ones take the place of old ones with the same key.

Keys are compared as what they are: a text with a text, a whole number with a whole number. CSV and
JSON have no types of their own, so what is there is taken as the new rows have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.data_formats import TABLE
from atlas.datasets.csv_files import texts_of
from atlas.datasets.files import read_file
from atlas.datasets.writing import check_table
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CSV_TYPES = {"text": "string", "time": "string", "date": "string", "integer": "integer"}
"""Kind of a column of new rows → the CSV type to read the old ones with."""


def check_keys(frame: Any, key: Sequence[str]) -> None:
    """Refuse rows that can't be merged.

    Raises:
        StoreError: a column of the key is missing, or has no value somewhere, or two rows have the
            same key.
    """
    check_table(frame)
    gone = [name for name in key if name not in frame.columns]
    if gone:
        found = clean(", ".join(map(str, frame.columns)), 200)
        raise StoreError(f"merge: there is no column '{gone[0]}'; found {found}")
    keys = frame[list(key)]
    named = ", ".join(key)
    if bool(keys.isna().any(axis=None)):
        raise StoreError(f"merge: a row has no value in {named}; drop it, or give it one")
    twice = int(keys.duplicated().sum())
    if twice:
        raise StoreError(f"merge: {twice:,} rows repeat another's {named}; drop_duplicates first")


def read_old(
    path: Path, format: str, options: Mapping[str, Any], new: Any, key: Sequence[str]
) -> Any:
    """Return the rows that are there, with texts and keys as the new rows have them.

    Args:
        path: the file.
        format: its format.
        options: those of the format.
        new: the rows that are to be merged into it.
        key: the columns of the key.

    Raises:
        StoreError: the new rows can't be merged, or the file can't be read.
    """
    check_keys(new, key)
    if format != "csv":
        return read_file(path, format, options, TABLE)
    kinds = {str(name): kind_of(new[name]) for name in new.columns}
    declared = {*options.get("types", ()), *options.get("dates", ())}
    there = read_file(path, format, options, TABLE).columns
    wanted = {
        name: _CSV_TYPES[kind]
        for name, kind in kinds.items()
        if name in there and name not in declared and (kind == "text" or name in key)
        if kind in _CSV_TYPES
    }
    own = {**options, "types": {**options.get("types", {}), **wanted}}
    old = read_file(path, format, own, TABLE)
    texts = [name for name, kind in kinds.items() if kind == "text" and name in wanted]
    for name, column in texts_of(path, own, texts).items():
        old[name] = column if name in key else column.where(column != "", None)
    return old


def merged(old: Any, new: Any, key: Sequence[str]) -> Any:
    """Return the old rows without those whose key is new, then the new ones.

    Raises:
        StoreError: the columns differ, or the kinds of the key's.
    """
    import pandas

    check_keys(new, key)
    if {*old.columns} != {*new.columns}:
        there = clean(", ".join(map(str, old.columns)), 200)
        given = clean(", ".join(map(str, new.columns)), 200)
        raise StoreError(f"merge: found the columns {given}, expected those there are: {there}")
    new = new[list(old.columns)]
    if not len(old) or not len(new):
        return new.reset_index(drop=True) if len(new) else old
    old = old.assign(**{name: _alike(old[name], new[name], name) for name in key})
    one, other = ([_exact(frame[name]) for name in key] for frame in (old, new))
    known = pandas.MultiIndex.from_arrays(one).isin(pandas.MultiIndex.from_arrays(other))
    return pandas.concat([old[~known], new], ignore_index=True)


def kind_of(column: Any) -> str:
    """Return what a column has: text, integer, boolean, time, date, or the kind of its floats."""
    from pandas.api import types

    column = _plain(column)
    found = str(types.infer_dtype(column, skipna=True))
    if found == "floating":
        return str(column.dtype).lower()
    if found in ("datetime64", "datetime"):
        zone = getattr(column.dtype, "tz", None) or getattr(column.dropna().iloc[0], "tzinfo", None)
        return "time with a zone" if zone else "time"
    return {"string": "text"}.get(found, found)


def _alike(old: Any, new: Any, name: str) -> Any:
    """Return an old column of the key as the new one is; texts may be times that a file had.

    Raises:
        StoreError: it is of another kind.
    """
    wanted = kind_of(new)
    if wanted in ("time", "time with a zone", "date") and kind_of(old) == "text":
        old = _times(old, wanted)
    if (found := kind_of(old)) != wanted:
        expected = f"found {wanted}, expected {found}, as it is there"
        raise StoreError(
            f"merge: the key's column '{clean(str(name), 80)}': {expected}; convert it, or write "
            "the data set again"
        )
    return old


def _times(texts: Any, wanted: str) -> Any:
    """Return ISO 8601 texts as times or dates; as they are, where they are none."""
    import pandas

    try:
        times = pandas.to_datetime(texts, format="ISO8601", utc=wanted == "time with a zone")
    except ValueError:
        return texts
    return times.dt.date if wanted == "date" else times


def _plain(column: Any) -> Any:
    """Return a column of categories as what they are of."""
    categories = getattr(column.dtype, "categories", None)
    return column if categories is None else column.astype(categories.dtype)


def _exact(column: Any) -> Any:
    """Return a column whose values are compared as they are, whatever holds them."""
    return _plain(column).astype(object)
