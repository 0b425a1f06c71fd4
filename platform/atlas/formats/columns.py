"""One column of a table as Arrow keeps it: its type, and what is in its cells."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.formats.packing import packed

if TYPE_CHECKING:
    from atlas.formats.trust import Trust

_EXTRA = "atlas.categories."
_WAY_OUT = 'convert the column first, or keep the output as "pickle"'


def raw(series: Any) -> Any:
    """Return the values of a Series or an Index, not copied: numpy's array, or pandas' own."""
    return series.array if not isinstance(series.dtype, _numpy_dtype()) else series.to_numpy()


@dataclass
class StoredColumn:
    """A column as it is written.

    Attributes:
        arrays: name in the file → values; the column's own and perhaps one that goes with it.
        how: what makes the original of it; None for the values themselves.
        extras: what is written into the file's metadata.
    """

    arrays: dict[str, Any]
    how: dict[str, Any] | None = None
    extras: dict[str, bytes] = field(default_factory=dict)


def encoded(values: Any, name: str, shown: str, trust: Trust) -> StoredColumn:
    """Return a column as Arrow keeps it.

    Args:
        values: pandas' array.
        name: the column's in the file.
        shown: what messages call it.
        trust: whose Enums cells may be.

    Raises:
        StoreError: it can't be kept.
    """
    import pandas

    kind = values.dtype
    if isinstance(kind, pandas.CategoricalDtype):
        return _category(values, name, shown, trust)
    if isinstance(kind, pandas.PeriodDtype):
        how = {"kind": "period", "dtype": _named(kind, shown)}
        return StoredColumn({name: values.asi8}, how)
    if isinstance(kind, pandas.IntervalDtype):
        part = f"__atlas_{name}_right"
        how = {"kind": "interval", "part": part, "closed": kind.closed}
        return StoredColumn({name: raw(values.left), part: raw(values.right)}, how)
    if isinstance(kind, pandas.SparseDtype):
        return StoredColumn(
            {name: values.to_dense()}, {"kind": "cast", "dtype": _named(kind, shown)}
        )
    if isinstance(kind, _numpy_dtype()):
        return _numpy(values, name, shown, trust)
    if isinstance(kind, pandas.ArrowDtype):
        _named(kind, shown)
    return StoredColumn({name: values})


def _numpy_dtype() -> Any:
    import numpy

    return numpy.dtype


def _numpy(values: Any, name: str, shown: str, trust: Trust) -> StoredColumn:
    import numpy

    kind = values.dtype
    if kind.hasobject and kind.names is None:
        return _cells(numpy.asarray(values, dtype=object), name, shown, trust)
    if kind.kind == "c" and kind.itemsize <= 16:  # noqa: PLR2004 - bytes of two doubles
        part = f"__atlas_{name}_imag"
        plain = numpy.asarray(values)
        how = {"kind": "complex", "part": part, "dtype": kind.str}
        return StoredColumn({name: plain.real, part: plain.imag}, how)
    if (kind.kind in "fc" and kind.itemsize > 8) or kind.kind not in "biufmM":  # noqa: PLR2004
        raise StoreError(f"{shown} is of the type {kind}, which Arrow doesn't have; {_WAY_OUT}")
    if not kind.isnative:
        plain = numpy.asarray(values)
        return StoredColumn(
            {name: plain.astype(kind.newbyteorder("="))}, {"kind": "cast", "dtype": kind.str}
        )
    return StoredColumn({name: values})


def _category(values: Any, name: str, shown: str, trust: Trust) -> StoredColumn:
    """Keep the codes, and the categories as a table in the file's metadata."""
    import pandas
    import pyarrow

    from atlas.formats.frames import as_written

    kind = values.dtype
    counted = kind.categories
    if isinstance(counted, pandas.RangeIndex):
        own = [counted.start, counted.stop, counted.step]
        how = {"kind": "category", "range": own, "ordered": bool(kind.ordered)}
        return StoredColumn({name: values.codes}, how)
    written = as_written(pandas.DataFrame({"category": raw(kind.categories)}), trust)
    sink = pyarrow.BufferOutputStream()
    table = pyarrow.Table.from_pandas(written.frame, preserve_index=False)
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    import base64

    extra = f"{_EXTRA}{name}"
    how = {"kind": "category", "of": written.facts, "extra": extra, "ordered": bool(kind.ordered)}
    freq = _freq(kind.categories)
    how |= {"freq": freq} if freq else {}
    content = base64.b64encode(sink.getvalue().to_pybytes())
    if kind.categories.dtype == "str":
        return StoredColumn({name: values}, {**how, "native": True}, {extra: content})
    return StoredColumn({name: values.codes}, how, {extra: content})


def _freq(index: Any) -> str | None:
    freq = getattr(index, "freq", None)
    return getattr(freq, "freqstr", None)


def name_of(kind: Any) -> str | None:
    """Return the name of a type, by which pandas makes the same one; None without one."""
    from pandas.api.types import pandas_dtype

    for text in (str(kind), f"string[{getattr(kind, 'storage', '')}]"):
        try:
            if pandas_dtype(text) == kind:
                return text
        except (TypeError, ValueError, NotImplementedError):
            continue
    return None


def _named(kind: Any, shown: str) -> str:
    """Return the name of a type.

    Raises:
        StoreError: it has none.
    """
    text = name_of(kind)
    if text is None:
        raise StoreError(f"{shown} is of the type {kind}, which can't be kept; {_WAY_OUT}")
    return text


# Cells that are Python's objects -------------------------------------------------------------

_NATIVE = ({str}, {bytes}, {bool})
_LISTED = ({int}, {float}, {str}, {bool})
_BIGGEST = 2**63


def _cells(values: Any, name: str, shown: str, trust: Trust) -> StoredColumn:
    kinds = set(map(type, values))
    if kinds - {type(None)} in _NATIVE:
        return StoredColumn({name: values}, {"kind": "cells", "of": "scalars"})
    if _are_vectors(values, kinds):
        return StoredColumn({name: values}, {"kind": "cells", "of": "arrays"})
    if _are_lists(values, kinds):
        return StoredColumn({name: values}, {"kind": "cells", "of": "lists"})
    return StoredColumn({name: _as_text(values, shown, trust)}, {"kind": "cells", "of": "json"})


def _are_vectors(values: Any, kinds: set[type]) -> bool:
    """Tell whether all cells are arrays of one dimension and one type of numbers."""
    if len(kinds) != 1 or next(iter(kinds)).__name__ != "ndarray":
        return False
    shapes = {(value.dtype.str, value.ndim) for value in values}
    return len(shapes) == 1 and next(iter(shapes))[1] == 1 and values[0].dtype.kind in "iuf" and (
        values[0].dtype.isnative and values[0].dtype.itemsize in (1, 2, 4, 8)
    ) and values[0].dtype.str[1:] != "f2"  # fmt: skip


def _are_lists(values: Any, kinds: set[type]) -> bool:
    """Tell whether all cells are lists of one type of plain values."""
    if kinds != {list}:
        return False
    inner = {kind for cell in values for kind in set(map(type, cell))}
    if inner not in _LISTED:
        return False
    return inner != {int} or all(-_BIGGEST <= n < _BIGGEST for cell in values for n in cell)


def _as_text(values: Any, shown: str, trust: Trust) -> Any:
    import numpy

    texts = numpy.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        plain = packed(value, trust, f"row {i} of {shown}")
        try:
            texts[i] = json.dumps(plain, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        except (ValueError, RecursionError) as error:
            raise StoreError(f"row {i} of {shown}: {clean(str(error), 200)}; {_WAY_OUT}") from None
    return texts
