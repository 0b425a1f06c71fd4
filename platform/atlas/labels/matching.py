"""Which label belongs to which prediction: by key, and by time exactly or the nearest one.

Everything is numbers here: keys are codes that predictions and labels share, times are
microseconds. A million of each take about a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import ndarray
    from pandas import DataFrame, Series

    Numbers = ndarray[Any, Any]

NONE = -1
"""The position of no label."""
DIRECTIONS = ("nearest", "forward", "backward")
"""Where a label's time may be: on either side, at or after, at or before the prediction's."""
_MICROSECONDS = 1_000_000


def key_codes(tables: Sequence[DataFrame], key: Sequence[str]) -> list[Numbers]:
    """Return a number for each row's key, the same for equal keys in all tables.

    Args:
        tables: each has the key's columns, without missing values.
        key: the columns.

    Raises:
        AtlasError: a column holds numbers in one table and text in another.
    """
    import numpy
    from pandas import concat, factorize

    total = numpy.zeros(sum(map(len, tables)), dtype=numpy.int64)
    for name in key:
        columns = [_plain(table[name]) for table in tables]
        _check_alike(name, columns)
        codes, values = factorize(concat(columns, ignore_index=True))
        total, _ = factorize(total * max(1, len(values)) + codes)
    ends = numpy.cumsum([len(table) for table in tables])
    return list(numpy.split(total.astype(numpy.int64), ends[:-1]))


def _plain(column: Series) -> Series:
    """Return a column as factorize takes it quickly: categories as what they stand for."""
    if str(column.dtype) == "category":
        return column.astype(column.cat.categories.dtype)
    return column


_KINDS = {
    **dict.fromkeys(
        ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "complex"), "number"
    ),
    **dict.fromkeys(("datetime", "datetime64", "date", "timedelta", "time"), "time"),
    **{"string": "text", "empty": "nothing"},
}


def kind_of(column: Series) -> str:
    """Return what a column holds: ``number``, ``time``, ``text``, ``nothing``, or pandas' word."""
    column = _plain(column)
    if column.dtype.kind in "biufc":
        return "number"
    if column.dtype.kind in "mM":
        return "time"
    from pandas.api.types import infer_dtype

    inferred: str = infer_dtype(column, skipna=True)
    return _KINDS.get(inferred, inferred)


def _check_alike(name: str, columns: Sequence[Series]) -> None:
    kinds = {kind: column.dtype for column in columns if (kind := kind_of(column)) != "nothing"}
    if len(kinds) > 1:
        found = " and ".join(f"{kind} ({dtype})" for kind, dtype in kinds.items())
        raise AtlasError(f"key '{name}': found {found}; expected the same type in both tables")


@dataclass(frozen=True)
class Side:
    """Predictions or labels, as numbers.

    Attributes:
        codes: of the keys.
        times: microseconds; None where keys alone decide.
    """

    codes: Numbers
    times: Numbers | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, chosen: Numbers) -> Side:
        """Return some of the rows, by a mask or by positions."""
        return Side(self.codes[chosen], None if self.times is None else self.times[chosen])


def match(predictions: Side, labels: Side, tolerance: float, direction: str) -> Numbers:
    """Return the position of each prediction's label, or `NONE`.

    Args:
        predictions: any number may have the same key and time.
        labels: each key, or each key and time, once.
        tolerance: seconds that their times may be apart; endless where it is infinite.
        direction: one of `DIRECTIONS`. Of two that are equally near, the earlier one is taken.
    """
    import numpy

    if not len(labels) or not len(predictions):
        return numpy.full(len(predictions), NONE, dtype=numpy.int64)
    if labels.times is None or predictions.times is None:
        return _by_key(predictions.codes, labels.codes)
    order, place = _ordered(predictions, labels)
    before = _neighbour(predictions, labels, order, place.before)
    after = _neighbour(predictions, labels, order, place.after)
    gaps = [_gaps(predictions.times, labels.times, place) for place in (before, after)]
    allowed = [direction in ("nearest", side) for side in ("backward", "forward")]
    return _nearer((before, after), gaps, allowed, tolerance * _MICROSECONDS)


def _by_key(wanted: Numbers, there: Numbers) -> Numbers:
    """Return where each code stands among others, or `NONE`."""
    import numpy

    table = numpy.full(max(int(wanted.max()), int(there.max())) + 1, NONE, dtype=numpy.int64)
    table[there] = numpy.arange(len(there))
    found: Numbers = table[wanted]
    return found


@dataclass(frozen=True)
class _Neighbours:
    """Of each prediction, the places of its neighbours among labels in order."""

    before: Numbers
    after: Numbers


def _ordered(predictions: Side, labels: Side) -> tuple[Numbers, _Neighbours]:
    """Return the labels' positions ordered by key and time, and each prediction's place there.

    Key and rank of the time make one whole number, so that one search finds both.
    """
    import numpy

    times = numpy.unique(numpy.concatenate([predictions.times, labels.times]))
    wanted = _combined(predictions.codes, predictions.times, times)
    there = _combined(labels.codes, labels.times, times)
    order = numpy.argsort(there, kind="stable")
    ordered = there[order]
    before = numpy.searchsorted(ordered, wanted, side="right") - 1
    after = numpy.searchsorted(ordered, wanted, side="left")
    return order, _Neighbours(before, after)


def _combined(codes: Numbers, own: Any, times: Numbers) -> Numbers:
    import numpy

    combined: Numbers = codes * len(times) + numpy.searchsorted(times, own)
    return combined


def _neighbour(predictions: Side, labels: Side, order: Numbers, place: Numbers) -> Numbers:
    """Return the label at each place, where it is of the prediction's key."""
    import numpy

    inside = (place >= 0) & (place < len(order))
    label = order[numpy.where(inside, place, 0)]
    same = inside & (labels.codes[label] == predictions.codes)
    found: Numbers = numpy.where(same, label, NONE)
    return found


def _gaps(wanted: Numbers, there: Numbers, place: Numbers) -> Numbers:
    """Return how far each prediction's label is in time; infinite where there is none."""
    import numpy

    gap = numpy.abs(there[place] - wanted).astype(float)
    gaps: Numbers = numpy.where(place != NONE, gap, numpy.inf)
    return gaps


def _nearer(
    places: tuple[Numbers, Numbers], gaps: Sequence[Numbers], allowed: Sequence[bool], limit: float
) -> Numbers:
    """Return the nearer of two labels, as far as the direction and the limit allow them."""
    import numpy

    before, after = (
        numpy.where((gap <= limit) & is_allowed, gap, numpy.inf)
        for gap, is_allowed in zip(gaps, allowed, strict=True)
    )
    nearest = numpy.where(before <= after, *places)
    found: Numbers = numpy.where(numpy.isfinite(numpy.minimum(before, after)), nearest, NONE)
    return found


def last_of_each(side: Side, *, first: bool = False) -> Numbers:
    """Return a mask of the last row of each key and time; or of the first."""
    from pandas import DataFrame

    columns = {"code": side.codes, **({} if side.times is None else {"time": side.times})}
    keep = "first" if first else "last"
    mask: Numbers = ~DataFrame(columns).duplicated(keep=keep).to_numpy()
    return mask
