"""Pulumi's property values as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.rpc import UNKNOWN as WIRE_UNKNOWN

from atlas_provider.kind import UNKNOWN

if TYPE_CHECKING:
    from atlas_provider.kind import Plain


def to_plain(values: Mapping[str, PropertyValue]) -> Plain:
    """Return property values as plain data, without nulls and Pulumi's own (``__…``) properties."""
    return {
        name: _plain(value)
        for name, value in values.items()
        if value.value is not None and not name.startswith("__")
    }


def to_values(
    plain: Mapping[str, Any], secrets: frozenset[str] = frozenset()
) -> dict[str, PropertyValue]:
    """Return plain data as property values, those of some names as secrets."""
    values = {name: _value(value) for name, value in plain.items() if value is not None}
    return {n: PropertyValue(v.value, n in secrets) for n, v in values.items()}


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


def _value(plain: Any) -> PropertyValue:
    """Return plain data as one property value."""
    if plain is UNKNOWN:
        return PropertyValue(WIRE_UNKNOWN)
    if isinstance(plain, dict):
        return PropertyValue({key: _value(item) for key, item in plain.items()})
    if isinstance(plain, list | tuple):
        return PropertyValue([_value(item) for item in plain])
    if isinstance(plain, int) and not isinstance(plain, bool):
        return PropertyValue(float(plain))
    return PropertyValue(plain)
