"""Checking a document's structure: a fast validator decides, a slow one explains."""

from __future__ import annotations

import difflib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.errors import Problem
    from atlas.load.document import Document, JsonPath

SCHEMAS = ("recipe", "config", "environment")
"""The documents that have a published schema."""
_MOST = 100
"""How many structural Problems of one document are told."""


@cache
def schema_text(kind: str) -> str:
    """Return the published JSON Schema (draft 2020-12) of a kind of document."""
    return (resources.files("atlas") / "schemas" / f"{kind}.v1.json").read_text("utf-8")


@cache
def _fast(kind: str) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(json.loads(schema_text(kind)))


@cache
def _slow(kind: str) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(schema_text(kind)))


def fits_schema(kind: str, value: Any) -> bool:
    """Return whether a value has the structure of a kind of document; takes microseconds."""
    return bool(_fast(kind).is_valid(value))


def structure_problems(kind: str, document: Document) -> list[Problem]:
    """Return what is wrong with a document's structure; nothing when it is right."""
    if fits_schema(kind, document.value):
        return []
    found: dict[tuple[Any, ...], Problem] = {}
    for error in _leaves(_slow(kind).iter_errors(document.value)):
        for problem in _explain(document, error):
            found.setdefault((problem.path, problem.code, problem.message), problem)
    if not found:
        problem = document.problem("S008", (), f"has not the structure of a {kind}")
        found[()] = problem
    return sorted(found.values(), key=lambda one: (one.line, one.column, one.code))[:_MOST]


def _leaves(errors: Iterable[Any]) -> Iterable[Any]:
    """Follow combined schemas down to the errors that say something."""
    for error in errors:
        branches = list(error.context or ())
        if not branches or (error.validator in ("oneOf", "anyOf") and not _one_shape(branches)):
            yield error
        else:
            yield from _leaves(branches)


def _one_shape(branches: list[Any]) -> bool:
    """Tell whether all but one branch fail on the value's type alone, so that one was meant."""
    wrong_type = {e.schema_path[0] for e in branches if e.validator == "type" and not e.path}
    meant = {error.schema_path[0] for error in branches} - wrong_type
    return len(meant) == 1 and not all(error.validator == "required" for error in branches)


def _explain(document: Document, error: Any) -> list[Problem]:
    at: JsonPath = tuple(error.absolute_path)
    problems: list[Problem] = _EXPLAINERS.get(error.validator, _other)(document, at, error)
    return problems


def _unknown(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    allowed = _known_fields(error)
    extra = [key for key in error.instance if key not in allowed]
    return [
        document.problem(
            "S001",
            (*at, key),
            f"unknown field '{_short(key)}'",
            found=_short(key),
            expected=_list(allowed),
            hint=nearest(key, allowed),
        )
        for key in extra
    ]


def _known_fields(error: Any) -> list[str]:
    own = list(error.schema.get("properties", ()))
    if error.validator == "unevaluatedProperties":
        own += json.loads(schema_text("recipe"))["$defs"]["settings"]["properties"]
    return own


def _missing(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    absent = [key for key in error.validator_value if key not in error.instance]
    return [
        document.problem("S002", at, f"the field '{key}' is missing", expected=f"'{key}'")
        for key in absent[:1]
    ]


def _type(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    wanted = error.validator_value
    kinds = [wanted] if isinstance(wanted, str) else wanted
    found = _kind(error.instance)
    return [
        document.problem(
            "S003",
            at,
            f"{_article(found)} stands where {_list([_article(kind) for kind in kinds])} belongs",
            found=found,
            expected=_list(kinds),
        )
    ]


def _pattern(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    what = error.schema.get("description") or f"a text that matches {error.validator_value}"
    name = f"'{_short(error.instance)}'"
    return [
        document.problem(
            "S004",
            at,
            f"{name} is not well formed",
            found=_short(error.instance),
            expected=_lower(what),
            hint=_tidy(error.instance, error.validator_value),
        )
    ]


def _range(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    words = {
        "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most",
        "exclusiveMaximum": "less than", "minLength": "at least so many characters:",
        "maxLength": "at most so many characters:", "minItems": "at least so many items:",
        "maxItems": "at most so many items:", "minProperties": "at least so many fields:",
        "maxProperties": "at most so many fields:",
    }  # fmt: skip
    expected = f"{words[error.validator]} {error.validator_value}"
    value = _short(error.instance)
    message = f"'{value}' is out of range" if value else "is empty"
    return [document.problem("S005", at, message, found=value, expected=expected)]


def _choice(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    value = error.validator_value
    options = [json.dumps(one) for one in (value if error.validator == "enum" else [value])]
    found = _short(error.instance)
    hint = nearest(found, [option.strip('"') for option in options])
    return [
        document.problem(
            "S006", at, f"'{found}' is not allowed", found=found, expected=_list(options), hint=hint
        )
    ]


def _combined(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    fields = [field for branch in error.validator_value for field in branch.get("required", ())]
    if fields and isinstance(error.instance, dict):
        given = [name for name in fields if name in error.instance]
        message = f"has both {' and '.join(given)}" if given else f"has none of {_list(fields)}"
        expected = f"exactly one of {_list(fields)}"
        return [document.problem("S007", at, message, found=_list(given), expected=expected)]
    what = _lower(error.schema.get("description", ""))
    found = _short(error.instance)
    message = f"'{found}' fits none of the allowed forms"
    return [document.problem("S007", at, message, found=found, expected=what)]


def _other(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    message = f"breaks the rule '{error.validator}' of the schema"
    expected = _short(error.validator_value)
    found = _short(error.instance)
    return [document.problem("S008", at, message, found=found, expected=expected)]


_RANGES = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_EXPLAINERS: Mapping[str, Any] = {
    "additionalProperties": _unknown,
    "unevaluatedProperties": _unknown,
    "required": _missing,
    "type": _type,
    "pattern": _pattern,
    "enum": _choice,
    "const": _choice,
    "oneOf": _combined,
    "anyOf": _combined,
    **dict.fromkeys(_RANGES, _range),
}


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the hint ``did you mean 'split'?`` when one of the words is near; else nothing."""
    close = difflib.get_close_matches(str(word)[:100], list(words)[:2000], n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def _kind(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "integer" if isinstance(value, int) else "number")


def _article(kind: str) -> str:
    return kind if kind == "null" else f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _list(words: Iterable[str]) -> str:
    ordered = list(words)
    return " or ".join(", ".join(ordered).rsplit(", ", 1)) if ordered else "nothing"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(char if char.isprintable() else "?" for char in text[:61])
    return f"{text[:57]}..." if len(text) > 60 else text  # noqa: PLR2004 - fits one line


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}".rstrip(".")


def _tidy(value: str, pattern: str) -> str:
    """Suggest the lower-case, dashed form of a name, where that is what is wrong."""
    import re

    tidied = re.sub(r"[^a-z0-9_-]+", "-", value.strip().lower()).strip("-")[:63]
    fits = tidied != value and re.match(pattern, tidied)
    return f"did you mean '{tidied}'?" if fits else ""
