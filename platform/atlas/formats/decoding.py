"""One column of a table, from what Arrow keeps of it (`atlas.formats.columns`) to what it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.formats.columns import raw
from atlas.formats.unpacking import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.formats.trust import Trust


def decoded(flat: Any, table: Any, name: str, how: Mapping[str, Any] | None, trust: Trust) -> Any:
    """Return a column's values as pandas' array.

    Args:
        flat: the table as pandas reads it.
        table: pyarrow's.
        name: the column's in the file.
        how: what `encoded` says of it; None for the values themselves.
        trust: what cells may be made of.
    """
    values = raw(flat[name])
    return values if how is None else _DECODERS[how["kind"]](values, flat, table, how, trust)


def _period(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import numpy
    import pandas

    kind = pandas.api.types.pandas_dtype(how["dtype"])
    return pandas.arrays.PeriodArray(numpy.asarray(values, dtype="i8"), dtype=kind)


def _interval(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import pandas

    right = raw(flat[how["part"]])
    return pandas.arrays.IntervalArray.from_arrays(values, right, closed=how["closed"])


def _complex(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import numpy

    numbers = numpy.empty(len(values), dtype=how["dtype"])
    numbers.real, numbers.imag = values, raw(flat[how["part"]])
    return numbers


def _cast(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import pandas

    return raw(pandas.Series(values, dtype=values.dtype, copy=False).astype(how["dtype"]))


def _arrow(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import pandas

    return pandas.arrays.ArrowExtensionArray(table.column(flat.columns.get_loc(how["name"])))


def _categorical(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import base64

    import pandas
    import pyarrow

    from atlas.formats.frames import restored

    if "range" in how:
        counted = pandas.CategoricalDtype(pandas.RangeIndex(*how["range"]), how["ordered"])
        return pandas.Categorical.from_codes(values, dtype=counted)
    content = base64.b64decode(table.schema.metadata[how["extra"].encode()])
    of = pyarrow.ipc.open_stream(content).read_all()
    of_cells = raw(restored(of, how["of"], trust)["category"])
    categories = pandas.Index(of_cells, dtype=of_cells.dtype, tupleize_cols=False)
    if how.get("freq"):
        categories.freq = how["freq"]
    kind = pandas.CategoricalDtype(categories, how["ordered"])
    if how.get("native"):
        return pandas.Categorical(values, dtype=kind)
    return pandas.Categorical.from_codes(values, dtype=kind)


def _objects(values: Any, flat: Any, table: Any, how: Mapping[str, Any], trust: Trust) -> Any:
    import numpy

    objects = numpy.empty(len(values), dtype=object)
    read = _READ[how["of"]]
    for i, cell in enumerate(values):
        objects[i] = read(cell, trust)
    return objects


_READ: dict[str, Callable[[Any, Trust], Any]] = {
    "scalars": lambda cell, trust: cell if isinstance(cell, str | bytes | bool) else _scalar(cell),
    "arrays": lambda cell, trust: cell,
    "lists": lambda cell, trust: cell.tolist(),
    "json": lambda cell, trust: unpacked(json.loads(cell), trust),
}


def _scalar(cell: Any) -> Any:
    """Return a value that numpy has of a bool; a missing one is None."""
    return bool(cell) if type(cell).__name__ in ("bool", "bool_") else None


_DECODERS: dict[str, Callable[..., Any]] = {
    "period": _period,
    "interval": _interval,
    "complex": _complex,
    "cast": _cast,
    "arrow": _arrow,
    "category": _categorical,
    "cells": _objects,
}
