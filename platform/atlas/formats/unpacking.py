"""What `atlas.formats.packing` has packed, as the values that they were.

A file names no more than one of the tags below, and an Enum or a dataclass, which the Plan has to
trust.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.template import Html, Markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.formats.trust import Trust


def is_tag(value: Mapping[Any, Any]) -> bool:
    """Tell whether an object stands for a value of another type."""
    return len(value) == 1 and next(iter(value)).startswith("$")


def unpacked(raw: Any, trust: Trust) -> Any:
    """Return the value that `packed` gave plain data for.

    Raises:
        StoreError: it has a type that isn't known, or that isn't trusted.
    """
    if isinstance(raw, list):
        return [unpacked(part, trust) for part in raw]
    if not isinstance(raw, dict):
        return raw
    if not is_tag(raw):
        return {key: unpacked(part, trust) for key, part in raw.items()}
    ((tag, content),) = raw.items()
    if tag not in _READERS:
        raise StoreError(f"it has a value of the type {clean(tag, 80)!r}, which isn't known")
    return _READERS[tag](content, trust)


def _read_moment(kind: Any, raw: Any) -> Any:
    text, key, fold = raw
    moment = kind.fromisoformat(text).replace(fold=fold)
    if not key:
        return moment
    from zoneinfo import ZoneInfo

    return moment.replace(tzinfo=ZoneInfo(key))


def _read_text(module: str, name: str, raw: Any) -> Any:
    """Return what one of the standard library's types makes of its text."""
    return getattr(import_module(module), name)(str(raw))


def _own_class(module: Any, name: Any, trust: Trust, hint: str) -> tuple[str, Any]:
    """Return a class of the pipeline's own, which the file names and the Plan trusts.

    Raises:
        StoreError: it isn't trusted.
    """
    full = f"{clean(str(module), 100)}.{clean(str(name), 100)}"
    if not isinstance(module, str) or not trust.allows("types", module, str(name)):
        raise StoreError(f"it has a {full}, which isn't of this pipeline's own code; {hint}")
    return full, getattr(import_module(module), name)


_AGAIN = "run the step that writes it again"


def _read_enum(raw: Any, trust: Trust) -> Any:
    """Return the member of an Enum; the file names it, and the Plan says whether it may.

    Raises:
        StoreError: it isn't trusted, or has no such member any more.
    """
    module, name, value = raw
    hint = "return its value at the step that makes it"
    full, kind = _own_class(module, name, trust, hint)
    if not issubclass(kind, enum.Enum):
        raise StoreError(f"{full} isn't an Enum any more; {_AGAIN}")
    try:
        return kind(unpacked(value, trust))
    except ValueError as error:
        raise StoreError(f"{error}; {_AGAIN}") from None


def _read_dataclass(raw: Any, trust: Trust) -> Any:
    """Return an object of a dataclass, made as its code makes it; as `_read_enum`.

    Raises:
        StoreError: it isn't trusted, or has other fields now.
    """
    module, name, own = raw
    hint = "return its fields at the step that makes it"
    full, kind = _own_class(module, name, trust, hint)
    if not is_dataclass(kind):
        raise StoreError(f"{full} isn't a dataclass any more; {_AGAIN}")
    given = unpacked(own, trust)
    known = {field.name: field.init for field in fields(kind)}
    make: Any = kind
    if given.keys() != known.keys():
        differing = ", ".join(sorted(map(str, given.keys() ^ known.keys())))
        raise StoreError(f"{full} has other fields now ({clean(differing, 200)}); {_AGAIN}")
    made: Any = make(**{key: value for key, value in given.items() if known[key]})
    return made


def _read_number(raw: Any, trust: Trust) -> Any:
    import numpy

    kind, value = raw
    dtype = numpy.dtype(kind)
    value = unpacked(value, trust)
    if isinstance(value, bytes):
        return numpy.frombuffer(value, dtype)[0]
    return numpy.array(value, dtype)[()]


def _read_array(raw: Any, trust: Trust) -> Any:
    import numpy

    kind, shape, content = raw
    dtype = numpy.dtype(kind if isinstance(kind, str) else [tuple(field) for field in kind])
    if dtype.hasobject:
        raise StoreError("it has an array of objects")
    return numpy.frombuffer(base64.b64decode(content), dtype).reshape(shape).copy()


def _read_timestamp(raw: Any, trust: Trust) -> Any:
    import numpy
    import pandas

    ticks, unit, zone = raw
    timestamp = pandas.Timestamp(numpy.datetime64(ticks, unit))
    return timestamp if zone is None else timestamp.tz_localize("UTC").tz_convert(zone)


def _read_timedelta(raw: Any, trust: Trust) -> Any:
    import numpy
    import pandas

    return pandas.Timedelta(numpy.timedelta64(raw[0], raw[1]))


def _pandas(name: str) -> Any:
    import pandas

    return getattr(pandas, name)


def _read_period(raw: Any, trust: Trust) -> Any:
    return _pandas("Period")(ordinal=raw[0], freq=raw[1])


def _read_interval(raw: Any, trust: Trust) -> Any:
    left, right, closed = raw
    return _pandas("Interval")(unpacked(left, trust), unpacked(right, trust), closed)


_READERS: dict[str, Callable[[Any, Trust], Any]] = {
    "$tuple": lambda raw, trust: tuple(unpacked(raw, trust)),
    "$set": lambda raw, trust: set(unpacked(raw, trust)),
    "$frozenset": lambda raw, trust: frozenset(unpacked(raw, trust)),
    "$dict": lambda raw, trust: {unpacked(k, trust): unpacked(v, trust) for k, v in raw},
    "$float": lambda raw, trust: float(raw),
    "$int": lambda raw, trust: int(raw, 16),
    "$bytes": lambda raw, trust: base64.b64decode(raw),
    "$bytearray": lambda raw, trust: bytearray(base64.b64decode(raw)),
    "$complex": lambda raw, trust: complex(*unpacked(raw, trust)),
    "$date": lambda raw, trust: dt.date.fromisoformat(raw),
    "$time": lambda raw, trust: _read_moment(dt.time, raw),
    "$datetime": lambda raw, trust: _read_moment(dt.datetime, raw),
    "$timedelta": lambda raw, trust: dt.timedelta(*raw),
    "$decimal": lambda raw, trust: _read_text("decimal", "Decimal", raw),
    "$fraction": lambda raw, trust: _read_text("fractions", "Fraction", raw),
    "$uuid": lambda raw, trust: _read_text("uuid", "UUID", raw),
    "$html": lambda raw, trust: Html(raw),
    "$markdown": lambda raw, trust: Markdown(raw),
    "$enum": _read_enum,
    "$dataclass": _read_dataclass,
    "$numpy": _read_number,
    "$numpy.ndarray": _read_array,
    "$pandas.Timestamp": _read_timestamp,
    "$pandas.Timedelta": _read_timedelta,
    "$pandas.NaTType": lambda raw, trust: _pandas("NaT"),
    "$pandas.NAType": lambda raw, trust: _pandas("NA"),
    "$pandas.Period": _read_period,
    "$pandas.Interval": _read_interval,
}
"""Tag → how its content is read. Nothing here imports or calls what the content names, but an Enum
or a dataclass that the Plan trusts."""
