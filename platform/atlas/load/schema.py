"""Checking a document's structure: a fast validator decides, a slow one explains."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.load.document import Document
    from atlas.load.locate import JsonPath

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FOLDER = Path(__file__).resolve().parents[1] / "schemas"
SCHEMAS = ("recipe", "config", "environment", "globals")
"""The documents that have a published schema."""


@cache
def schema_text(kind: str) -> str:
    """Return the published JSON Schema (draft 2020-12) of a kind of document."""
    return (_FOLDER / f"{kind}.v1.json").read_text("utf-8")


def fits_schema(kind: str, value: Any) -> bool:
    """Return whether a value has the structure of a kind of document; takes microseconds."""
    try:
        return bool(_fast(kind).is_valid(value))
    except UnicodeEncodeError:
        return False


def structure_problems(kind: str, document: Document) -> list[Problem]:
    """Return what is wrong with a document's structure; nothing when it is right."""
    unpaired = unpaired_surrogate(document.value) if _may_have_surrogate(document.text) else None
    if unpaired is None and fits_schema(kind, document.value):
        return []
    if unpaired is not None:
        message = "has an unpaired surrogate"
        hint = "write the character itself, or both surrogates: \\ud83d\\ude00"
        return [document.problem("D009", unpaired, message, expected="Unicode text", hint=hint)]
    from atlas.load.explain import explain

    return explain(kind, document, slow_validator(kind).iter_errors(document.value))


def _may_have_surrogate(text: str) -> bool:
    """Tell whether a document may have a surrogate: one that was read needs an escape for it."""
    return not text or _SURROGATE.search(text) is not None


def unpaired_surrogate(value: Any) -> JsonPath | None:
    """Return the path of the first text that isn't Unicode: a key or a value; None for none."""
    pending: list[tuple[JsonPath, Any]] = [((), value)]
    while pending:
        path, member = pending.pop()
        if isinstance(member, str) and not _is_whole(member):
            return path
        if isinstance(member, dict) and not all(map(_is_whole, member)):
            return path
        if isinstance(member, dict | list):
            items = list(member.items() if isinstance(member, dict) else enumerate(member))
            pending += [((*path, key), item) for key, item in reversed(items)]
    return None


def slow_validator(kind: str) -> Any:
    """Return the validator whose errors say what is wrong; jsonschema takes long to import."""
    return _slow(kind)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _fast(kind: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(json.loads(schema_text(kind)))


@cache
def _slow(kind: str) -> Any:
    import jsonschema

    validator = jsonschema.validators.extend(
        jsonschema.Draft202012Validator,
        {
            "additionalProperties": _check_members,
            "pattern": _check_pattern,
            "uniqueItems": _check_unique,
        },
    )
    return validator(json.loads(schema_text(kind)))


def _check_pattern(
    _validator: Any, pattern: str, instance: Any, _schema: Mapping[str, Any]
) -> Iterator[Any]:
    """Check a pattern as JSON Schema means it: ``$`` is the very end, not before a line end."""
    import jsonschema

    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield jsonschema.ValidationError(f"does not match {pattern}")


def _check_unique(
    _validator: Any, is_unique: bool, instance: Any, _schema: Mapping[str, Any]
) -> Iterator[Any]:
    """Check that no item of a list stands twice, in time that grows with the list and no faster."""
    import jsonschema

    if is_unique and isinstance(instance, list) and first_repeated(instance) is not None:
        yield jsonschema.ValidationError("has repeated items")


def _check_members(
    validator: Any, allowed: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[Any]:
    """Check an object's members in their own order; jsonschema's order isn't the same each time."""
    import jsonschema

    if not isinstance(allowed, dict) or not isinstance(instance, dict):
        check = jsonschema.Draft202012Validator.VALIDATORS["additionalProperties"]
        yield from check(validator, allowed, instance, schema) or ()
        return
    known = schema.get("properties", {})
    for name in [name for name in instance if name not in known]:
        yield from validator.descend(instance[name], allowed, path=name)


def first_repeated(items: list[Any]) -> int | None:
    """Return the index of the first item that a list has had before, as JSON compares; or None."""
    seen: set[Any] = set()
    for index, item in enumerate(items):
        key = _comparable(item)
        if key in seen:
            return index
        seen.add(key)
    return None


def _comparable(value: Any) -> Any:
    """Return something hashable that is equal for equal JSON: 1 and 1.0 are, 1 and true aren't."""
    if isinstance(value, dict):
        return frozenset((key, _comparable(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_comparable, value))
    return (isinstance(value, bool), value)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)
