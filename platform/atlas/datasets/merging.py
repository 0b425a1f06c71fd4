"""Rows that are merged by key: new ones take the place of old ones with the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.datasets.writing import check_table
from atlas.errors import StoreError, clean

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def merged(old: Any, new: Any, key: Sequence[str]) -> Any:
    """Return the old rows without those whose key is new, then the new ones.

    Raises:
        StoreError: the columns differ.
    """
    import pandas

    check_keys(new, key)
    if {*old.columns} != {*new.columns}:
        there = clean(", ".join(map(str, old.columns)), 200)
        given = clean(", ".join(map(str, new.columns)), 200)
        raise StoreError(f"merge: found the columns {given}, expected those there are: {there}")
    names = list(key)
    known = pandas.MultiIndex.from_frame(old[names]).isin(pandas.MultiIndex.from_frame(new[names]))
    return pandas.concat([old[~known], new[list(old.columns)]], ignore_index=True)
