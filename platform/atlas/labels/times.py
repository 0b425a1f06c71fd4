"""Times of rows as instants in UTC, whatever they are written in.

A time without an offset is local time of a zone. Where clocks are set back, a local time comes
twice, and it is taken for the earlier or the later one; where they are set forward, some don't
exist, and such a time is read with the offset from before the change (PEP 495), so that two that
differ still differ. Both are counted: no row is dropped or doubled for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from atlas.dataclass import dataclass
from atlas.errors import AtlasError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import ndarray
    from pandas import Series

EARLIER, LATER, ERROR = "earlier", "later", "error"
"""What a local time stands for that comes twice."""
MISSING = -(2**63)
"""The instant of a row that has no time; pandas' NaT."""
_OFFSET = r":.*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)$"
_SHOWN = 80


@dataclass(frozen=True)
class Instants:
    """The times of rows.

    Attributes:
        values: microseconds since 1970 in UTC; `MISSING` where there is none.
        ambiguous: how many were local times that come twice.
        nonexistent: how many were local times that the clocks skip.
    """

    values: ndarray[Any, Any]
    ambiguous: int = 0
    nonexistent: int = 0

    @property
    def missing(self) -> int:
        """How many rows have no time."""
        return int((self.values == MISSING).sum())


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        AtlasError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        message = f"there is no time zone '{name}'; expected an IANA name such as Europe/Berlin"
        raise AtlasError(message) from None


def instants(column: Series, zone: str, ambiguous: str = EARLIER, where: str = "") -> Instants:
    """Return a column's times as instants.

    Args:
        column: datetimes, dates, or text in ISO 8601; with and without offsets, also mixed.
        zone: IANA name of the zone of those without an offset.
        ambiguous: what a local time stands for that comes twice: ``earlier``, ``later``, or
            ``error``, which refuses times that don't exist as well.
        where: what the column is, for messages.

    Raises:
        AtlasError: something isn't a time, the zone is unknown, or a local time is refused.
    """
    local = _Local(zone_of(zone), ambiguous, where)
    dtype = column.dtype
    if getattr(dtype, "tz", None) is not None:
        return Instants(_microseconds(column))
    if dtype.kind == "M":
        return local.instants(column)
    if dtype.kind in "biufcm":
        found = f"found {dtype}, expected times: datetimes, or text in ISO 8601"
        raise AtlasError(f"{where}: {found}")
    return _mixed(column, local, where)


def _mixed(column: Series, local: _Local, where: str) -> Instants:
    """Return the instants of texts or objects, those with and those without an offset apart."""
    import numpy
    from pandas import Series

    values = Series(column.to_numpy(dtype=object, na_value=None))
    result = numpy.full(len(values), MISSING, dtype=numpy.int64)
    given = values[values.notna()]
    is_text = numpy.fromiter((isinstance(v, str) for v in given), dtype=bool, count=len(given))
    ambiguous = nonexistent = 0
    for part, has_offset in ((given[is_text], _text_offsets), (given[~is_text], _object_offsets)):
        is_aware = has_offset(part)
        aware, naive = part[is_aware], part[~is_aware]
        result[aware.index] = _microseconds(_parsed(aware, where, utc=True))
        read = local.instants(_parsed(naive, where, utc=False))
        result[naive.index] = read.values
        ambiguous, nonexistent = ambiguous + read.ambiguous, nonexistent + read.nonexistent
    return Instants(result, ambiguous, nonexistent)


def _text_offsets(part: Series) -> ndarray[Any, Any]:
    if part.empty:
        return _object_offsets(part)
    texts = part.astype("str")
    found: ndarray[Any, Any] = texts.str.contains(_OFFSET).to_numpy(dtype=bool)
    return found


def _object_offsets(part: Series) -> ndarray[Any, Any]:
    import numpy

    offsets = (getattr(value, "tzinfo", None) is not None for value in part)
    return numpy.fromiter(offsets, dtype=bool, count=len(part))


def _parsed(part: Series, where: str, *, utc: bool) -> Series:
    """Return texts or objects as datetimes.

    Raises:
        AtlasError: one isn't a time.
    """
    import pandas

    if part.empty:
        return pandas.Series([], index=part.index, dtype="datetime64[us]")
    try:
        return pandas.to_datetime(part, utc=utc, format="ISO8601")
    except (ValueError, TypeError, OverflowError):
        wrong = next((value for value in part if not _is_time(value, pandas.to_datetime)), "")
        found = f"found {str(wrong)[:_SHOWN]!r}, expected a time in ISO 8601"
        raise AtlasError(f"{where}: {found}, such as 2026-01-31T06:00") from None


def _is_time(value: Any, parse: Callable[..., Any]) -> bool:
    try:
        parse(value, format="ISO8601")
    except (ValueError, TypeError, OverflowError):
        return False
    return True


def _microseconds(column: Series) -> ndarray[Any, Any]:
    """Return datetimes as microseconds since 1970 in UTC."""
    import numpy

    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    values: ndarray[Any, Any] = column.to_numpy(dtype="datetime64[us]").astype(numpy.int64)
    return values


@dataclass(frozen=True)
class _Local:
    """Reads local times of one zone."""

    zone: ZoneInfo
    ambiguous: str
    where: str

    def instants(self, column: Series) -> Instants:
        """Return the instants of datetimes without an offset."""
        import numpy

        if getattr(column.dtype, "tz", None) is not None:  # Its texts had offsets after all.
            return Instants(_microseconds(column))
        if column.empty or self.zone.key == "UTC":
            return Instants(_microseconds(column))
        first = numpy.ones(len(column), dtype=bool)
        given = column.notna().to_numpy()
        name = self.zone.key
        once = column.dt.tz_localize(name, ambiguous="NaT", nonexistent="shift_forward")
        there = column.dt.tz_localize(name, ambiguous=first, nonexistent="NaT")
        twice, skipped = once.isna().to_numpy() & given, there.isna().to_numpy() & given
        self._refuse(column, twice, "comes twice when the clocks are set back")
        self._refuse(column, skipped, "doesn't exist, for the clocks skip it")
        values = _microseconds(there)
        unclear = twice | skipped
        values[unclear] = self._one_by_one(column[unclear])
        return Instants(values, int(twice.sum()), int(skipped.sum()))

    def _refuse(self, column: Series, wrong: ndarray[Any, Any], why: str) -> None:
        if self.ambiguous == ERROR and wrong.any():
            example = column[wrong].iloc[0]
            text = f"{example} {why} in {self.zone.key}, as {int(wrong.sum()):,} times do"
            hint = "write the times with an offset, or allow ambiguous ones"
            raise AtlasError(f"{self.where}: {text}; {hint}")

    def _one_by_one(self, column: Series) -> ndarray[Any, Any]:
        """Return the instants of local times that come twice or not at all, as PEP 495 says."""
        fold = 1 if self.ambiguous == LATER else 0
        every = column.drop_duplicates()
        read = {value: self._instant(value.to_pydatetime(), fold) for value in every}
        values: ndarray[Any, Any] = column.map(read).to_numpy(dtype="int64")
        return values

    def _instant(self, local: datetime, fold: int) -> int:
        aware = local.replace(tzinfo=self.zone, fold=fold)
        exists = aware.astimezone(UTC).astimezone(self.zone).replace(tzinfo=None) == local
        aware = aware if exists else aware.replace(fold=0)
        since = aware.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
