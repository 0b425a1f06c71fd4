"""Saying what is wrong with a document's structure: errors of its schema as Problems."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from atlas.load.schema import first_repeated, schema_text
from atlas.load.words import article, listed, nearest, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.errors import Problem
    from atlas.load.document import Document
    from atlas.load.locate import JsonPath

_MOST = 100
"""How many structural Problems of one document are reported."""
_SEARCHED = 1000
"""How many errors of the schema are looked at for them."""


def explain(kind: str, document: Document, errors: Iterable[Any]) -> list[Problem]:
    """Return what a schema's errors mean, in the order of the document's lines; at least one."""
    problems: dict[tuple[Any, ...], Problem] = {}
    for error in islice(_leaves(errors), _SEARCHED):
        for problem in _explained(document, error):
            problems.setdefault((problem.path, problem.code, problem.message), problem)
        if len(problems) >= _MOST:
            break
    if not problems:
        message = f"doesn't have the structure of {article(kind)}"
        return [document.problem("S008", (), message)]
    return sorted(
        problems.values(), key=lambda problem: (problem.line, problem.column, problem.code)
    )[:_MOST]


def _leaves(errors: Iterable[Any]) -> Iterator[Any]:
    """Follow combined schemas down to the errors that say something."""
    for error in errors:
        branches = list(error.context or ())
        if not branches or (error.validator in ("oneOf", "anyOf") and not _one_shape(branches)):
            yield error
        else:
            yield from _leaves(_meant(branches))


def _meant(branches: list[Any]) -> list[Any]:
    """Return the errors of the branch that was meant: those that aren't about another type."""
    return [branch for branch in branches if branch.validator != "type" or branch.path]


def _one_shape(branches: list[Any]) -> bool:
    """Tell whether all but one branch fail on the value's type alone, so that one was meant."""
    wrong_type = {
        branch.schema_path[0]
        for branch in branches
        if branch.validator == "type" and not branch.path
    }
    meant = {branch.schema_path[0] for branch in branches} - wrong_type
    return len(meant) == 1 and not all(branch.validator == "required" for branch in branches)


def _explained(document: Document, error: Any) -> list[Problem]:
    at: JsonPath = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        at = (*at, error.instance)
    problems: list[Problem] = _EXPLAINERS.get(error.validator, _other)(document, at, error)
    return problems


def _unknown(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    allowed = _known_fields(error)
    extra = [key for key in error.instance if key not in allowed]
    return [
        document.problem(
            "S001",
            (*at, key),
            f"unknown field '{short(key)}'",
            found=short(key),
            expected=listed(allowed),
            hint=nearest(key, allowed),
        )
        for key in extra[:_MOST]
    ]


def _known_fields(error: Any) -> list[str]:
    own = list(error.schema.get("properties", ()))
    if error.validator == "unevaluatedProperties":
        settings = json.loads(schema_text("recipe"))["$defs"]["settings"]["properties"]
        own += [name for name in settings if name not in own]
    return own


def _missing(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    """One error stands for each missing field; its message begins with the name."""
    absent = [key for key in error.validator_value if key not in error.instance]
    known = error.schema.get("properties", {})
    return [
        document.problem("S002", at, f"the field '{key}' is missing", expected=what)
        for key in absent
        for what in [_lower(known.get(key, {}).get("description", ""))]
    ]


def _type(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    kind = error.validator_value
    kinds = [kind] if isinstance(kind, str) else kind
    given = _kind(error.instance)
    expected = listed(map(article, kinds))
    return [document.problem("S003", at, f"found {article(given)}", found=given, expected=expected)]


def _pattern(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    what = error.schema.get("description") or f"a text that matches {error.validator_value}"
    text = short(error.instance)
    hint = _tidy(error.instance, error.validator_value)
    message = f"'{text}' is not well formed"
    return [document.problem("S004", at, message, found=text, expected=_lower(what), hint=hint)]


def _range(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    bound = _BOUNDS[error.validator]
    expected = f"{bound} {error.validator_value}"
    text = short(error.instance)
    return [document.problem("S005", at, f"{text} is out of range", found=text, expected=expected)]


def _size(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    count, what = len(error.instance), _COUNTED[error.validator[3:]]
    bound = "at least" if error.validator.startswith("min") else "at most"
    unit = what if error.validator_value != 1 else what.removesuffix("s")
    message = f"has {count} {what}" if count else "is empty"
    expected = f"{bound} {error.validator_value} {unit}"
    return [document.problem("S005", at, message, found=str(count), expected=expected)]


def _choice(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    value = error.validator_value
    options = [json.dumps(option) for option in (value if error.validator == "enum" else [value])]
    text = short(error.instance)
    hint = nearest(text, [option.strip('"') for option in options])
    message = f"'{text}' is not allowed"
    expected = listed(options)
    return [document.problem("S006", at, message, found=text, expected=expected, hint=hint)]


def _combined(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    fields = [field for branch in error.validator_value for field in branch.get("required", ())]
    if fields and isinstance(error.instance, dict):
        given = [name for name in fields if name in error.instance]
        message = f"has both {' and '.join(given)}" if given else f"has none of {listed(fields)}"
        count = "at least one" if error.validator == "anyOf" else "exactly one"
        expected = f"{count} of {listed(fields)}"
        return [document.problem("S007", at, message, found=listed(given), expected=expected)]
    what = _lower(error.schema.get("description", ""))
    text = short(error.instance)
    message = f"'{text}' fits none of the allowed forms"
    return [document.problem("S007", at, message, found=text, expected=what)]


def _repeats(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    index = first_repeated(error.instance) or 0
    item = short(error.instance[index])
    message = f"'{item}' appears twice in one list"
    hint = "remove one of the two"
    return [document.problem("S008", (*at, index), message, found=item, hint=hint)]


def _other(document: Document, at: JsonPath, error: Any) -> list[Problem]:
    message = f"breaks the rule '{error.validator}' of the schema"
    expected, text = short(error.validator_value), short(error.instance)
    return [document.problem("S008", at, message, found=text, expected=expected)]


_BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most",
    "exclusiveMaximum": "less than",
}  # fmt: skip
_COUNTED = {"Length": "characters", "Items": "items", "Properties": "fields"}
_SIZES = [f"{end}{what}" for end in ("min", "max") for what in _COUNTED]
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
    "uniqueItems": _repeats,
    **dict.fromkeys(_BOUNDS, _range),
    **dict.fromkeys(_SIZES, _size),
}


def _kind(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "integer" if isinstance(value, int) else "number")


def _lower(text: str) -> str:
    return f"{text[:1].lower()}{text[1:]}".rstrip(".")


def _tidy(value: str, pattern: str) -> str:
    """Suggest the lower-case, dashed form of a name, where that is what is wrong."""
    tidied = re.sub(r"[^a-z0-9_-]+", "-", value[:200].strip().lower()).strip("-")[:63]
    fits = tidied and tidied != value and re.match(pattern, tidied)
    return f"did you mean '{tidied}'?" if fits else ""
