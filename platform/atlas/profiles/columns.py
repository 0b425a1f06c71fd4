"""One column of a table, of pandas, numpy or pyarrow, in the form that profiles count."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy import ndarray

    Array = ndarray[Any, Any]

NUMBER, BOOLEAN, TIME, CATEGORY, TEXT = "number", "boolean", "time", "category", "text"
KINDS = (NUMBER, BOOLEAN, TIME, CATEGORY, TEXT)
"""What a column holds. A text is counted by its length in characters, a time in seconds."""
COUNTED = frozenset((BOOLEAN, CATEGORY))
"""Kinds that are counted by value; the others are counted between cut points."""
MANY = 100
"""Strings with more different values than this, in more than half of the rows, are texts."""


@dataclass(frozen=True, slots=True)
class Column:
    """The present values of a column.

    Attributes:
        kind: what it holds.
        rows: rows of the table.
        missing: rows without a value: None, NaN, NaT, NA.
        foreign: rows whose value isn't of the kind that was asked for.
        values: the other rows, as floats in ascending order; empty where values are counted.
        counts: value → rows, where values are counted.
    """

    kind: str
    rows: int
    missing: int
    foreign: int
    values: Array
    counts: Mapping[str, int] = field(default_factory=dict)


def read(column: Any, kind: str | None = None) -> Column:
    """Return a column in the form that is counted.

    Args:
        column: a pandas Series, a numpy array of one dimension, a pyarrow Array or ChunkedArray, or
            a list.
        kind: what it has to hold; what can't be read so is `Column.foreign`. None: what it seems to
            hold.
    """
    fast = _floats(column)
    if fast is not None:
        return _of_numbers(fast, len(fast), 0, kind or NUMBER)
    return _of_arrow(_arrow(column), kind)


def moments(column: Any) -> Array | None:
    """Return the times of a column in seconds since 1970, NaN where there is none.

    Args:
        column: as `read` takes it; texts are times in ISO 8601, and those without a zone are UTC's.

    Returns:
        None for a column that holds no times.
    """
    import numpy
    import pyarrow as pa
    import pyarrow.compute as pc

    array = _arrow(column)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if _is_string(array.type):
        array = _parsed(array)
    if array is None or not (pa.types.is_timestamp(array.type) or pa.types.is_date(array.type)):
        return None
    whole = pc.cast(array.cast(pa.timestamp("us"), safe=False), pa.int64())
    seconds = pc.divide(pc.cast(whole, pa.float64(), safe=False), 1e6)
    return pc.fill_null(seconds, numpy.nan).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _parsed(array: Any) -> Any:
    """Return texts as times; None where one isn't in ISO 8601."""
    import pyarrow as pa

    for unit in ("us", "ns"):
        for zone in (None, "UTC"):
            with suppress(pa.ArrowInvalid):
                return array.cast(pa.timestamp(unit, tz=zone))
    return None


def _floats(column: Any) -> Array | None:
    """Return the values of a column whose own type is a number of numpy."""
    import numpy

    dtype = getattr(column, "dtype", None)
    if (
        not isinstance(dtype, numpy.dtype)
        or dtype.kind not in "fiu"
        or not hasattr(column, "__array__")
    ):
        return None
    return numpy.asarray(column).astype(numpy.float64)


def _of_numbers(values: Array, rows: int, foreign: int, kind: str) -> Column:
    """Return a column of numbers, NaN where there is none."""
    import numpy

    present = numpy.sort(values)  # NaN sorts to the end
    missing = int(numpy.isnan(present[-1:]).any() and numpy.isnan(present).sum())
    present = present[: len(present) - missing]
    lost = rows - len(values)
    if kind in COUNTED:
        return _of_labels(
            Counter(_label(value) for value in present.tolist()), rows, missing + lost
        )
    if kind == TEXT:
        return Column(kind, rows, missing + lost, foreign + len(present), present[:0])
    return Column(kind, rows, missing + lost - foreign, foreign, present)


def _of_labels(counts: Mapping[str, int], rows: int, missing: int, kind: str = CATEGORY) -> Column:
    import numpy

    return Column(kind, rows, missing, 0, numpy.empty(0), dict(counts))


def _label(value: Any) -> str:
    """Return the name of a category; a number never has the name of a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{type(value).__name__} {value!r}"


def _arrow(column: Any) -> Any:
    """Return a column as pyarrow's array; values of mixed types as their names."""
    import pyarrow as pa

    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        column = column.dt.tz_convert(None)
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        array = pa.array([None if _is_missing(value) else _label(value) for value in column])
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _is_missing(value: Any) -> bool:
    """Tell whether an object stands for no value; NaN and its like differ from themselves."""
    try:
        return value is None or bool(value != value)  # noqa: PLR0124
    except (TypeError, ValueError):
        return True


def _of_arrow(array: Any, kind: str | None) -> Column:
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        return _of_labels({}, len(array), len(array), kind or CATEGORY)
    if _is_string(array.type):
        return _of_strings(array, kind)
    if pa.types.is_boolean(array.type):
        return _of_booleans(array, kind)
    numbers = _as_numbers(array)
    if numbers is None:
        return _of_strings(pa.array([_name(value) for value in array]), kind)
    values, own = numbers
    if kind in (NUMBER, TIME) and kind != own:
        return _foreign(array, kind)
    return _of_numbers(values, len(array), 0, kind or own)


def _name(scalar: Any) -> str | None:
    value = scalar.as_py()
    return None if value is None else _label(value)


def _is_string(dtype: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_string(dtype)
        or pa.types.is_large_string(dtype)
        or pa.types.is_string_view(dtype)
    )


def _as_numbers(array: Any) -> tuple[Array, str] | None:
    """Return the present values as floats, and their kind; None if they aren't numbers."""
    import numpy
    import pyarrow as pa
    import pyarrow.compute as pc

    dtype, present = array.type, array.drop_null()
    if pa.types.is_timestamp(dtype) or pa.types.is_date(dtype):
        seconds = pc.cast(present.cast(pa.timestamp("us"), safe=False), pa.int64())
        return seconds.to_numpy(zero_copy_only=False) / 1e6, TIME
    if pa.types.is_decimal(dtype):
        present = present.cast(pa.float64())
    elif not (pa.types.is_integer(dtype) or pa.types.is_floating(dtype)):
        return None
    return present.to_numpy(zero_copy_only=False).astype(numpy.float64), NUMBER


def _of_booleans(array: Any, kind: str | None) -> Column:
    present = array.drop_null()
    yes = present.true_count
    counts = {"false": len(present) - yes, "true": yes}
    if kind in (None, *COUNTED):
        known = {label: count for label, count in counts.items() if count}
        return _of_labels(known, len(array), array.null_count, kind or BOOLEAN)
    return _foreign(array, str(kind))


def _foreign(array: Any, kind: str) -> Column:
    """Return a column of which no value is of the kind that was asked for."""
    import numpy

    return Column(kind, len(array), array.null_count, len(array) - array.null_count, numpy.empty(0))


def _of_strings(array: Any, kind: str | None) -> Column:
    if kind in (NUMBER, TIME):
        return _foreign(array, str(kind))
    counts = {} if kind == TEXT else _counts(array)
    present = len(array) - array.null_count
    if kind == TEXT or (kind is None and len(counts) > MANY and 2 * len(counts) > present):
        return _of_lengths(array)
    if kind == BOOLEAN and set(counts) - {"true", "false"}:
        return _foreign(array, BOOLEAN)
    return _of_labels(counts, len(array), array.null_count, kind or CATEGORY)


def _counts(array: Any) -> dict[str, int]:
    import pyarrow.compute as pc

    pairs = pc.value_counts(array.drop_null())
    return dict(zip(pairs.field(0).to_pylist(), pairs.field(1).to_pylist(), strict=True))


def _of_lengths(array: Any) -> Column:
    import numpy
    import pyarrow.compute as pc

    lengths = pc.utf8_length(array.drop_null()).to_numpy(zero_copy_only=False)
    return Column(TEXT, len(array), array.null_count, 0, numpy.sort(lengths.astype(numpy.float64)))
