"""Hold a kind's inputs to its schema: names, presence and types, before the kind's own check."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from atlas.kinds.protocol import UNKNOWN, Failure

if TYPE_CHECKING:
    from atlas.kinds.protocol import Plain, Schema

_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "any": object,
}


def check_schema(schema: Schema, inputs: Plain) -> list[Failure]:
    """Return every input that is unknown to the schema, missing, or of another type."""
    return [
        *_unknown_names(schema, inputs),
        *(
            Failure(name, "missing; it is required: give it a value")
            for name, spec in schema.inputs.items()
            if spec.required and inputs.get(name) is None
        ),
        *(
            Failure(name, f"found {_describe(inputs[name])}; expected {describe_type(spec.type)}")
            for name, spec in schema.inputs.items()
            if inputs.get(name) is not None and not _has_type(inputs[name], spec.type)
        ),
    ]


def describe_type(name: str) -> str:
    """Return a property's type in words: ``string[]`` is a list of strings."""
    if name.endswith("[]"):
        return f"a list of {name[:-2]} values"
    if name.endswith("{}"):
        return f"a mapping from names to {name[:-2]} values"
    return f"{'an' if name[0] in 'aio' else 'a'} {name}"


def _unknown_names(schema: Schema, inputs: Plain) -> list[Failure]:
    """Return the inputs whose names the schema doesn't know, with the nearest name that it does."""
    failures = []
    for name in inputs:
        if name not in schema.inputs:
            near = difflib.get_close_matches(name, schema.inputs, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            failures.append(Failure(name, f"no such input{hint}; remove it"))
    return failures


def _has_type(value: Any, name: str) -> bool:
    """Tell whether a value has a property's type; an unknown has every type."""
    if value is UNKNOWN:
        return True
    if name.endswith("[]"):
        return isinstance(value, list) and all(_has_type(item, name[:-2]) for item in value)
    if name.endswith("{}"):
        return isinstance(value, dict) and all(
            _has_type(item, name[:-2]) for item in value.values()
        )
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    return isinstance(value, _PYTHON_TYPES[name])


def _describe(value: Any) -> str:
    """Return a value's type in words, never the value, which may be a secret."""
    names = {str: "a string", bool: "a boolean", int: "an integer", float: "a number"}
    names |= {list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)
