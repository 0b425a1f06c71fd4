"""pandas' tables as Arrow's, and back as they were: labels, index, types, and what is in cells.

Arrow, and Parquet more so, has no place for much that pandas has: labels that aren't strings, a
category that isn't a string, a period, a `None` beside a `nan`, dicts with different keys. A table
is written as one that Arrow does keep, under the same names where these are plain, and the facts in
the manifest say what has been put in the place of what. A table that needs none of it is written as
it is.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.formats.columns import encoded, raw
from atlas.formats.decoding import decoded
from atlas.formats.packing import packed
from atlas.formats.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.formats.trust import Trust

VERSION = 2
"""Of the facts; tables that were written before have none, and are read as Arrow reads them."""


@dataclass
class Written:
    """A table as Arrow keeps it.

    Attributes:
        frame: what is written.
        facts: what makes the original of it.
        extras: what is written into the file's own metadata.
    """

    frame: Any
    facts: dict[str, Any]
    extras: dict[str, bytes] = field(default_factory=dict)


def as_written(frame: Any, trust: Trust) -> Written:
    """Return a DataFrame as Arrow keeps it.

    Raises:
        StoreError: something in it can't be kept; it names the column and the way out.
    """
    import pandas

    names = _names(frame)
    facts: dict[str, Any] = {"frame": VERSION, "rows": len(frame)}
    made: dict[str, Any] = {}
    extras: dict[str, bytes] = {}
    changed = False
    for column in _columns(frame, names):
        result = encoded(column.values, column.name, column.shown, trust)
        made |= result.arrays
        extras |= result.extras
        if result.how is not None:
            facts.setdefault("columns", {})[column.name] = result.how
        changed = (
            changed or result.how is not None or result.arrays[column.name] is not column.values
        )
    facts |= _labels(frame.columns, names, trust)
    facts["index"] = _index_facts(frame.index, names, trust)
    if frame.attrs:
        facts["attrs"] = packed(frame.attrs, trust, "its attrs")
    if not frame.flags.allows_duplicate_labels:
        facts["unique_labels"] = True
    shadow = frame
    if changed or "labels" in facts or not _is_counted(frame.index) or frame.attrs:
        shadow = pandas.DataFrame(made, copy=False, index=pandas.RangeIndex(len(frame)))
    return Written(shadow, facts, extras)


def restored(table: Any, facts: Mapping[str, Any], trust: Trust) -> Any:
    """Return the DataFrame that was written.

    Args:
        table: pyarrow's; of no rows, for its structure alone.
        facts: those of the manifest.
        trust: what cells may be made of.
    """
    import pandas

    flat = table.to_pandas()
    rows = facts["rows"] if table.num_rows or not table.num_columns else 0
    how, index = facts.get("columns", {}), facts["index"]
    levels = index.get("levels", ())
    given = facts.get("names")
    own = [name for name in (given if given is not None else flat.columns) if name not in levels]
    own = [name for name in own if not name.startswith(PART)]
    if how or levels or "labels" in facts or len(own) != len(flat.columns) or not own:
        arrays = (decoded(flat, table, name, how.get(name), trust) for name in own)
        data = {i: pandas.Series(a, dtype=a.dtype, copy=False) for i, a in enumerate(arrays)}
        flat_index = pandas.RangeIndex(len(flat) if table.num_columns else rows)
        frame = pandas.DataFrame(data, copy=False, index=flat_index)
        frame.columns = _restored_labels(own, facts, trust)
    else:
        frame = flat
    frame.index = _restored_index(flat, table, facts, rows, trust)
    frame.attrs = unpacked(facts.get("attrs", {}), trust)
    if facts.get("unique_labels"):
        frame = frame.set_flags(allows_duplicate_labels=False)
    return frame


PART = "__atlas_"
"""Start of the name of a column that holds a part of another's cells."""


@dataclass(frozen=True)
class _Column:
    """A column or a level of the index: its name in the file, what messages call it, and values."""

    name: str
    shown: str
    values: Any


def _columns(frame: Any, names: list[str]) -> Iterator[_Column]:
    for i, name in enumerate(names):
        label = clean(repr(frame.columns[i]), 80)
        yield _Column(name, f"column {label}", raw(frame.iloc[:, i]))
    for name, shown, values in _levels(frame.index, names):
        yield _Column(name, shown, values)


def _names(frame: Any) -> list[str]:
    """Return a name in the file for each column: its label where that is a string of its own."""
    labels = list(frame.columns)
    plain = len(set(labels)) == len(labels) and all(
        type(label) is str and not label.startswith("__") for label in labels
    )
    return labels if plain else [f"{i}" for i in range(len(labels))]


def _levels(index: Any, names: list[str]) -> Iterator[tuple[str, str, Any]]:
    """Give the levels of an index that are written as columns."""
    import pandas

    if isinstance(index, pandas.RangeIndex):
        return
    for i in range(index.nlevels):
        values = index.get_level_values(i)
        name, taken = values.name, names
        fits = type(name) is str and name not in taken and not name.startswith("__")
        fits = fits and list(index.names).count(name) == 1
        yield (name if fits else f"__index_level_{i}__"), f"level {i} of the index", raw(values)


def _is_counted(index: Any) -> bool:
    """Tell whether an index only counts the rows."""
    import pandas

    counts = isinstance(index, pandas.RangeIndex)
    return counts and (index.start, index.step, index.name) == (0, 1, None)


def _labels(columns: Any, names: list[str], trust: Trust) -> dict[str, Any]:
    """Return what is needed to make the columns' labels of their names in the file."""
    import pandas

    simple = pandas.Index(names) if names else pandas.RangeIndex(0)
    if type(columns) is type(simple) and columns.identical(simple):
        return {}
    shown = "the label of a column"
    facts: dict[str, Any] = {"names": names, "labels": _label_facts(columns, shown, trust)}
    return facts


def _label_facts(columns: Any, shown: str, trust: Trust) -> dict[str, Any]:
    import pandas

    if isinstance(columns, pandas.RangeIndex):
        return {"range": [columns.start, columns.stop, columns.step],
                "name": packed(columns.name, trust, shown)}  # fmt: skip
    levels = [columns.get_level_values(i) for i in range(columns.nlevels)]
    return {
        "multi": isinstance(columns, pandas.MultiIndex),
        "levels": [
            {"values": [packed(label, trust, shown) for label in level],
             "dtype": _dtype_facts(level.dtype, shown, trust),
             "name": packed(level.name, trust, shown)}
            for level in levels
        ],
        "freq": freq_of(columns),
    }  # fmt: skip


def _dtype_facts(dtype: Any, shown: str, trust: Trust) -> Any:
    """Return a type of labels as plain data.

    Raises:
        StoreError: it can't be kept.
    """
    import pandas

    if isinstance(dtype, pandas.CategoricalDtype):
        values = [packed(category, trust, shown) for category in dtype.categories]
        of = _dtype_facts(dtype.categories.dtype, shown, trust)
        return {"categories": values, "of": of, "ordered": bool(dtype.ordered)}
    text = str(dtype)
    try:
        same = pandas.api.types.pandas_dtype(text) == dtype
    except (TypeError, ValueError):
        same = False
    if not same:
        hint = 'give the columns plain names, or keep the output as "pickle"'
        raise StoreError(f"{shown} is of the type {text}, which can't be kept; {hint}")
    return text


def _restored_dtype(raw: Any, trust: Trust) -> Any:
    import pandas

    if isinstance(raw, str):
        return raw
    categories = pandas.Index(unpacked(raw["categories"], trust), dtype=raw["of"])
    return pandas.CategoricalDtype(categories, raw["ordered"])


def _restored_labels(names: list[str], facts: Mapping[str, Any], trust: Trust) -> Any:
    import pandas

    raw = facts.get("labels")
    if raw is None:
        return pandas.Index(names) if names else pandas.RangeIndex(0)
    if "range" in raw:
        return pandas.RangeIndex(*raw["range"], name=unpacked(raw["name"], trust))
    levels = [
        pandas.Index(
            unpacked(level["values"], trust),
            dtype=_restored_dtype(level["dtype"], trust),
            name=unpacked(level["name"], trust),
            tupleize_cols=False,
        )
        for level in raw["levels"]
    ]
    index = pandas.MultiIndex.from_arrays(levels) if raw["multi"] else levels[0]
    return _with_freq(index, raw["freq"])


def _index_facts(index: Any, names: list[str], trust: Trust) -> dict[str, Any]:
    import pandas

    own = [packed(name, trust, "the index's name") for name in index.names]
    if isinstance(index, pandas.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "names": own}
    levels = [name for name, _, _ in _levels(index, names)]
    multi = isinstance(index, pandas.MultiIndex)
    return {"levels": levels, "names": own, "multi": multi, "freq": freq_of(index)}


def _restored_index(
    flat: Any, table: Any, facts: Mapping[str, Any], rows: int, trust: Trust
) -> Any:
    import pandas

    how, own = facts.get("columns", {}), facts["index"]
    names = [unpacked(name, trust) for name in own["names"]]
    if "range" in own:
        start, stop, step = own["range"]
        return pandas.RangeIndex(start, stop if rows else start, step, name=names[0])
    arrays = [decoded(flat, table, name, how.get(name), trust) for name in own["levels"]]
    levels = [
        pandas.Index(array, dtype=array.dtype, name=name, tupleize_cols=False)
        for array, name in zip(arrays, names, strict=True)
    ]
    index = pandas.MultiIndex.from_arrays(levels) if own["multi"] else levels[0]
    return _with_freq(index, own["freq"])


def freq_of(index: Any) -> str | None:
    """Return how far apart the moments of an index are, where it says so."""
    freq = getattr(index, "freq", None)
    regular = type(index).__name__ in ("DatetimeIndex", "TimedeltaIndex")
    return freq.freqstr if freq is not None and regular else None


def _with_freq(index: Any, freq: str | None) -> Any:
    if freq is not None:
        index.freq = freq
    return index
