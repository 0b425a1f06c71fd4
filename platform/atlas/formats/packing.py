"""Values that JSON doesn't know, as JSON and back: each comes back as it was, of its own type.

What JSON knows stands for itself. Anything else is an object with one key, which names its type:
``{"$tuple": [1, "a"]}``. A value that no rule keeps is refused, with where it is and what to do.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import json
import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError, clean
from atlas.formats.format import article
from atlas.formats.unpacking import is_tag, unpacked
from atlas.template import Html, Markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.formats.trust import Trust

_HUGE = 1 << 12_000
"""From here on a whole number is kept as hexadecimal: Python refuses to read it as decimal."""
_PLAIN = {str, bool, type(None)}


def is_plain(value: Any) -> bool:
    """Tell whether a value is what JSON gives back as it was: of exactly JSON's types."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is float:
        return bool(math.isfinite(value))
    if kind is int:
        return bool(-_HUGE < value < _HUGE)
    if kind is list:
        return all(map(is_plain, value))
    if kind is not dict or not set(map(type, value)) <= {str}:
        return False
    return not is_tag(value) and all(map(is_plain, value.values()))


def takes(value: Any) -> bool:
    """Tell by types alone whether `packed` keeps a value."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return all(map(takes, value))
    if kind is dict:
        return all(map(takes, value)) and all(map(takes, value.values()))
    rule = None if kind in _PLAIN else _rule(value)
    return kind in _PLAIN or (rule is not None and rule[0] != "$numpy.ndarray")


def untaken(value: Any, path: str = "") -> tuple[str, Any]:
    """Return the first part of a value that `takes` refuses, and where in it that is."""
    kind = type(value)
    items: Any = ()
    if kind is dict:
        items = ((f"[{key!r}]", part) for key, part in value.items())
    elif kind in (list, tuple):
        items = ((f"[{i}]", part) for i, part in enumerate(value))
    for step, part in items:
        if not takes(part):
            return untaken(part, f"{path}{step}")
    return path, value


def packed(value: Any, trust: Trust, path: str = "it") -> Any:
    """Return a value as plain data.

    Args:
        value: what to keep.
        trust: whose Enums may be kept.
        path: what messages call it.

    Raises:
        StoreError: something in it can't be kept; it says where.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [packed(part, trust, f"{path}[{i}]") for i, part in enumerate(value)]
    if kind is dict:
        return _packed_dict(value, trust, path)
    if kind in (tuple, set, frozenset):
        items = [packed(part, trust, f"{path}[{i}]") for i, part in enumerate(value)]
        ordered = items if kind is tuple else sorted(items, key=json.dumps)
        return {f"${kind.__name__}": ordered}
    rule = _rule(value)
    if rule is None:
        raise refused(path, value)
    tag, pack = rule
    try:
        plain = pack(value, trust)
        plain = plain if tag is None else {tag: plain}
        again = unpacked(plain, trust)
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError) as error:
        raise refused(path, value, str(error)) from None
    if not _same(again, value):
        raise refused(path, value, f"it would come back as {again!r}")
    return plain


def refused(path: str, value: Any, reason: str = "") -> StoreError:
    """Return the error for a value that isn't kept."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else (
        f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
    )  # fmt: skip
    why = f" ({clean(reason, 200)})" if reason else ""
    hint = (
        "return its value instead"
        if isinstance(value, enum.Enum)
        else 'make it plain data, or keep the output as "pickle"'
    )
    return StoreError(f"{path} is {article(name)}, which JSON doesn't give back{why}; {hint}")


def _packed_dict(value: dict[Any, Any], trust: Trust, path: str) -> Any:
    if set(map(type, value)) <= {str} and not is_tag(value):
        return {key: packed(part, trust, f"{path}[{key!r}]") for key, part in value.items()}
    pairs = [
        [packed(key, trust, f"the key {key!r} of {path}"), packed(part, trust, f"{path}[{key!r}]")]
        for key, part in value.items()
    ]
    return {"$dict": pairs}


def _same(value: Any, other: Any) -> bool:
    """Tell whether two values are of one type and show alike; arrays, have the same bytes."""
    if value is other:
        return True
    if type(value) is not type(other):
        return False
    if hasattr(value, "tobytes"):
        return bool(value.dtype == other.dtype and value.tobytes() == other.tobytes())
    if is_dataclass(value):
        names = (field.name for field in fields(value))
        return all(_same(getattr(value, name), getattr(other, name)) for name in names)
    return bool(value == other) if type(value) is int else repr(value) == repr(other)


# A rule a type: what tells it, and how it is packed ------------------------------------------


def _rule(value: Any) -> tuple[str | None, Callable[[Any, Trust], Any]] | None:
    kind = type(value)
    if kind in _WRITERS:
        return _WRITERS[kind]
    if isinstance(value, enum.Enum) or is_dataclass(kind):
        return ("$enum", _enum) if isinstance(value, enum.Enum) else ("$dataclass", _dataclass)
    names = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in kind.__mro__}
    own = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    if own in _TEXTS:
        return _TEXTS[own], _text
    if own in _PANDAS:
        return f"${own}", _PANDAS[own]
    if own == "numpy.ndarray":
        return "$numpy.ndarray", _array
    return ("$numpy", _number) if "numpy.generic" in names else None


def _text(value: Any, trust: Trust) -> str:
    return str(value)


def _float(value: float, trust: Trust) -> Any:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _int(value: int, trust: Trust) -> Any:
    return value if -_HUGE < value < _HUGE else {"$int": hex(value)}


def _bytes(value: Any, trust: Trust) -> str:
    return base64.b64encode(value).decode()


def _complex(value: complex, trust: Trust) -> list[Any]:
    return [_float(value.real, trust), _float(value.imag, trust)]


def _moment(value: Any, trust: Trust) -> list[Any]:
    zone = value.tzinfo
    kind = f"{type(zone).__module__.partition('.')[0]}.{type(zone).__name__}"
    if zone is not None and kind not in ("datetime.timezone", "zoneinfo.ZoneInfo"):
        raise ValueError(f"its time zone is {article(kind)}")
    key = zone.key if kind == "zoneinfo.ZoneInfo" else ""
    naive = value.replace(tzinfo=None) if key else value
    return [naive.isoformat(), key, value.fold]


def _enum(value: enum.Enum, trust: Trust) -> list[Any]:
    kind = type(value)
    if not trust.allows("types", kind.__module__, kind.__name__):
        raise ValueError("only those that the pipeline's own code defines are kept")
    return [kind.__module__, kind.__name__, packed(value.value, trust, "its value")]


def _dataclass(value: Any, trust: Trust) -> list[Any]:
    """Return a dataclass of the pipeline's own code, with its fields by name."""
    kind = type(value)
    if not trust.allows("types", kind.__module__, kind.__name__):
        raise ValueError("only those that the pipeline's own code defines are kept")
    own = {field.name: getattr(value, field.name) for field in fields(value)}
    return [kind.__module__, kind.__name__, packed(own, trust, "it")]


def _number(value: Any, trust: Trust) -> list[Any]:
    plain = value.item()
    if value.dtype.kind in "biufU" and is_plain(plain):
        return [value.dtype.str, plain]
    return [value.dtype.str, {"$bytes": _bytes(value.tobytes(), trust)}]


def _array(value: Any, trust: Trust) -> list[Any]:
    if value.dtype.hasobject:
        raise ValueError("it is an array of objects")
    descr = value.dtype.descr if value.dtype.names else value.dtype.str
    return [descr, list(value.shape), _bytes(value.tobytes(), trust)]


def _timestamp(value: Any, trust: Trust) -> list[Any]:
    zone = value.tzinfo
    utc = value.tz_convert("UTC").tz_localize(None) if zone is not None else value
    ticks = int(utc.asm8.view("i8"))
    return [ticks, value.unit, None if zone is None else str(zone)]


_WRITERS: dict[type, tuple[str | None, Callable[[Any, Trust], Any]]] = {
    float: (None, _float),
    int: (None, _int),
    bytes: ("$bytes", _bytes),
    bytearray: ("$bytearray", _bytes),
    complex: ("$complex", _complex),
    dt.date: ("$date", lambda value, trust: value.isoformat()),
    dt.time: ("$time", _moment),
    dt.datetime: ("$datetime", _moment),
    dt.timedelta: (
        "$timedelta", lambda value, trust: [value.days, value.seconds, value.microseconds],
    ),
    Html: ("$html", _text),
    Markdown: ("$markdown", _text),
}  # fmt: skip
_TEXTS = {
    "decimal.Decimal": "$decimal", "_decimal.Decimal": "$decimal",
    "fractions.Fraction": "$fraction", "uuid.UUID": "$uuid",
}  # fmt: skip
"""Types whose text says all of them; by name, for few values need their modules."""
_PANDAS: dict[str, Callable[[Any, Trust], Any]] = {
    "pandas.Timestamp": _timestamp,
    "pandas.Timedelta": lambda value, trust: [int(value.asm8.view("i8")), value.unit],
    "pandas.NaTType": lambda value, trust: None,
    "pandas.NAType": lambda value, trust: None,
    "pandas.Period": lambda value, trust: [value.ordinal, value.freqstr],
    "pandas.Interval": lambda value, trust: [
        packed(value.left, trust), packed(value.right, trust), value.closed,
    ],
}  # fmt: skip
