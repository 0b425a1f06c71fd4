"""What can be checked of a document with fields that there aren't: all the rest of it.

So that a misspelt field doesn't hide what else is wrong. A field that has nearly the name of
one that isn't given is taken for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.load.document import Document, dotted
from atlas.load.schema import fits_schema
from atlas.load.words import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.errors import Problem
    from atlas.load.locate import JsonPath

_UNKNOWN = "S001"


def without_unknown(kind: str, document: Document, problems: Iterable[Problem]) -> Document | None:
    """Return a document as if its unknown fields were what was meant, or weren't there.

    None when that doesn't make its structure right.

    Args:
        kind: ``recipe`` or ``config``.
        document: the document.
        problems: what is wrong with its structure.
    """
    names = {problem.path: meant(problem.hint) for problem in problems if problem.code == _UNKNOWN}
    if not names:
        return None
    value = _mended(document.value, (), names)
    return replace(document, value=value) if fits_schema(kind, value) else None


def _mended(value: Any, at: JsonPath, names: Mapping[str, str]) -> Any:
    """Return a value whose unknown fields have the name that was meant, or are left out."""
    if isinstance(value, list):
        return [_mended(item, (*at, index), names) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        path = (*at, key)
        name = names.get(dotted(path), key)
        if name and (name == key or name not in value):
            kept[name] = _mended(item, path, names)
    return kept
