"""Formats of artifacts: how a value becomes a file or folder, and comes back as it was."""

from atlas.formats.format import (
    PROVEN,
    Encoded,
    Facts,
    Format,
    ancestry,
    article,
    type_name,
)
from atlas.formats.registration import (
    BUILT_IN,
    arrival,
    built_in,
    chosen,
    is_installed,
    known_types,
    named,
    proves_itself,
    readable,
    register,
    shown_as,
    type_aliases,
    use,
)

__all__ = [
    "BUILT_IN",
    "PROVEN",
    "Encoded",
    "Facts",
    "Format",
    "ancestry",
    "arrival",
    "article",
    "built_in",
    "chosen",
    "is_installed",
    "known_types",
    "named",
    "proves_itself",
    "readable",
    "register",
    "shown_as",
    "type_aliases",
    "type_name",
    "use",
]
