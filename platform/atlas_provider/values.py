"""Pulumi's property values as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.rpc import UNKNOWN as WIRE_UNKNOWN

from atlas.kinds.parsing import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.kinds.properties import Plain

_SHORTEST = 4
"""Characters that a secret has at least to be looked for, and hidden, in messages."""


def to_plain(values: Mapping[str, PropertyValue]) -> Plain:
    """Return property values as plain data, without nulls and Pulumi's own (``__…``) properties."""
    return {
        name: _plain(value)
        for name, value in values.items()
        if value.value is not None and not name.startswith("__")
    }


def to_values(
    plain: Mapping[str, Any],
    like: Mapping[str, PropertyValue] | None = None,
    secrets: frozenset[str] = frozenset(),
) -> dict[str, PropertyValue]:
    """Return plain data as property values.

    Args:
        plain: the data.
        like: values of which those that are secrets are secrets here too.
        secrets: names that are secrets whatever `like` says.
    """
    values = {
        name: _value(value, (like or {}).get(name))
        for name, value in plain.items()
        if value is not None
    }
    return {n: PropertyValue(v.value, v.is_secret or n in secrets) for n, v in values.items()}


def hidden_texts(values: Mapping[str, PropertyValue]) -> set[str]:
    """Return the texts in property values that are secrets and long enough to be looked for."""
    texts = {text for value in values.values() for text in _hidden(value, within=False)}
    return {text for text in texts if len(text) >= _SHORTEST}


def _hidden(value: PropertyValue, *, within: bool) -> Iterator[str]:
    """Return the secret texts in one property value."""
    raw, is_secret = value.value, within or value.is_secret
    if isinstance(raw, str):
        yield from [raw] if is_secret else []
        return
    items = raw.values() if isinstance(raw, Mapping) else raw if isinstance(raw, tuple) else ()
    for item in items:
        yield from _hidden(item, within=is_secret)


def _plain(value: PropertyValue) -> Any:
    """Return one property value as plain data; whole numbers as int (the wire has only floats)."""
    raw = value.value
    if isinstance(raw, Computed) or raw == WIRE_UNKNOWN:
        return UNKNOWN
    if isinstance(raw, float):
        return int(raw) if raw.is_integer() else raw
    if isinstance(raw, tuple):
        return [_plain(item) for item in raw]
    if isinstance(raw, Mapping):
        return {key: _plain(item) for key, item in raw.items()}
    return raw


def _value(plain: Any, like: PropertyValue | None = None) -> PropertyValue:
    """Return plain data as one property value, a secret where `like` is one."""
    if plain is UNKNOWN:
        raw: Any = WIRE_UNKNOWN
    elif isinstance(plain, dict):
        known = like.value if like and isinstance(like.value, Mapping) else {}
        raw = {key: _value(item, known.get(key)) for key, item in plain.items()}
    elif isinstance(plain, list | tuple):
        old = like.value if like and isinstance(like.value, tuple) else ()
        raw = [_value(item, of) for item, of in zip_longest(plain, old[: len(plain)])]
    elif isinstance(plain, int) and not isinstance(plain, bool):
        raw = float(plain)
    else:
        raw = plain
    return PropertyValue(raw, bool(like and like.is_secret))
