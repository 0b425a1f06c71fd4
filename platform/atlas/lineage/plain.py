"""Reading records that anybody may have written: an object, or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlas.store import Location


def read_object(location: Location, key: str) -> dict[str, Any] | None:
    """Return the JSON object that a file of a store holds; None where there is none."""
    try:
        return parsed_object(location.read(key))
    except FileNotFoundError:
        return None


def parsed_object(text: bytes | str) -> dict[str, Any] | None:
    """Return the JSON object that a text is; None where it is something else."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) else None


def mapping_in(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object that an object has under a name; an empty one where it has another."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
