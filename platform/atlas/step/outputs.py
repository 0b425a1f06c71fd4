"""What a step returned, as outputs by name: checked against the hints before one is written."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import lru_cache
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, is_typeddict

from atlas.errors import StepError
from atlas.formats import type_name
from atlas.step.hints import fits, globals_of, resolve, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import PlanStep

_RECORD = "a NamedTuple, a dataclass or a TypedDict with a field for each output, or None"


def outputs_of(step: PlanStep, cls: type[Any], result: Any) -> dict[str, Any]:
    """Return the outputs by name.

    Raises:
        StepError: what was returned isn't what the return hint says, or an output is missing.
    """
    hint = _returned(cls)  # type: ignore[arg-type]  # a class has a hash
    kind = hint if isinstance(hint, type) else None
    hints = _field_hints(kind) if kind is not None else {}
    outputs = _fields(step, result, kind)
    missing = [name for name in (hints or step.outputs) if name not in outputs]
    if missing:
        returned = f"returned {', '.join(outputs) or 'nothing'}"
        raise StepError(step.name, f"output '{missing[0]}' is missing: {step.cls} {returned}")
    for name, value in outputs.items():
        if name in hints and not fits(value, hints[name]):
            expected = f"expected {shown(hints[name])}"
            raise StepError(step.name, f"output '{name}' is a {type_name(value)}, {expected}")
    return outputs


@lru_cache(maxsize=64)
def _returned(cls: type[Any]) -> Any:
    run = cls.run
    return resolve(getattr(run, "__annotations__", {}).get("return"), run.__globals__)


def _fields(step: PlanStep, result: Any, kind: type[Any] | None) -> dict[str, Any]:
    """Return the fields of a record."""
    if result is None:
        return {}
    is_checked = kind is not None and _is_record(kind) and not is_typeddict(kind)
    if is_checked and not isinstance(result, kind):  # type: ignore[arg-type]
        raise StepError(step.name, f"returned a {type_name(result)}, expected {shown(kind)}")
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return dict(zip(result._fields, result, strict=True))
    if is_dataclass(result) and not isinstance(result, type):
        return {field.name: getattr(result, field.name) for field in fields(result)}
    if isinstance(result, dict) and (kind is None or issubclass(kind, dict)):
        return {str(name): value for name, value in result.items()}
    raise StepError(step.name, f"returned a {type_name(result)}, expected {_RECORD}")


def _is_record(kind: type[Any]) -> bool:
    return hasattr(kind, "_fields") or is_dataclass(kind) or is_typeddict(kind)


@lru_cache(maxsize=64)
def _field_hints(kind: type[Any]) -> Mapping[str, Any]:
    """Return the hints of a record's fields; of any other class, none."""
    if not _is_record(kind):
        return {}
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        own = get_annotations(base)
        hints |= {name: resolve(hint, globals_of(base)) for name, hint in own.items()}
    names = getattr(kind, "_fields", None) or hints
    return {name: hints[name] for name in names if name in hints}
