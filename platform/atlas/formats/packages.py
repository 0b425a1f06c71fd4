"""Formats of installed packages, by their entry points: found by name or type, then imported."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats.format import short

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from atlas.formats.format import Format

ENTRY_POINTS = "atlas.formats"
"""Group of the entry points that packages name their formats under."""
TYPES = "atlas.types"
"""Group of the entry points that packages name the types under that a format of theirs keeps: the
type's full name → the format's class. So a Recipe needs not name the format."""


def loaded_for_type(point: EntryPoint) -> Format:
    """Return the format that a package has for a type.

    Raises:
        StoreError: it can't be imported.
    """
    try:
        format: Format = point.load()()
    except (ImportError, AttributeError, TypeError) as error:
        where = f"type '{point.name}': the entry point {point.value} of an installed package"
        raise StoreError(f"{where} can't be loaded: {error}") from error
    return format


def points_of(names: set[str]) -> list[EntryPoint]:
    """Return the entry points for types, spelled as `ancestry` spells them; nothing is imported."""
    return [point for point in _type_points() if short(point.name) in names]


@cache
def _type_points() -> Any:
    from importlib.metadata import entry_points

    return entry_points(group=TYPES)


def loaded(point: EntryPoint) -> Format:
    """Return the format of an entry point.

    Raises:
        StoreError: it can't be imported, or has another name.
    """
    where = f"format '{point.name}': the entry point {point.value} of an installed package"
    try:
        format: Format = point.load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise StoreError(f"{where} can't be loaded: {error}") from error
    if format.name != point.name:
        found = f"gives a format with the name '{format.name}'"
        raise StoreError(f"{where} {found}; expected '{point.name}'")
    return format


@cache
def entry_points_of(name: str) -> Any:
    """Return the entry points of a format's name; nothing is imported."""
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINTS, name=name)
