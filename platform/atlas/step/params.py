"""A step's params: from the Plan and the Run to values that fit the class's hints."""

from __future__ import annotations

from functools import lru_cache
from inspect import get_annotations
from typing import TYPE_CHECKING, Any

from atlas.errors import NotTakenError, StepError
from atlas.step.hints import fits, globals_of, resolve, shown
from atlas.step.real import RealTypes
from atlas.validate.taking import taken
from atlas.values import thawed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import PlanStep, Value
    from atlas.store import Run


def given_params(step: PlanStep, run: Run) -> dict[str, Any]:
    """Return the params that the documents set, with what is known only in a run filled in.

    They are the caller's own: a step that changes one changes no Plan, no Run and no other step.
    """
    return {name: thawed(_value(value, run)) for name, value in step.params.items()}


def _value(value: Value, run: Run) -> Any:
    if value.kind == "parameter":
        return run.parameters[value.value]
    if value.kind == "run":
        return run.id if value.value == "id" else getattr(run, value.value)
    return value.value


def checked_params(step: PlanStep, cls: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return params as their hints ask for them.

    Raises:
        StepError: one is unknown or missing, or doesn't fit its hint.
    """
    hints = _hints(cls)  # type: ignore[arg-type]  # a class has a hash
    problems = [f"unknown param '{name}'" for name in given if name not in hints]
    missing = [name for name in hints if name not in given and not hasattr(cls, name)]
    problems += [f"param '{name}' is missing" for name in missing]
    if problems:
        known = ", ".join(hints) or "none"
        raise StepError(step.name, f"{'; '.join(problems)}; the params of {step.cls} are {known}")
    return {name: _checked(step, name, value, hints[name]) for name, value in given.items()}


def _checked(step: PlanStep, name: str, value: Any, hint: Any) -> Any:
    """Return a param as its hint asks for it, by the rule that validation has.

    A hint that only a type checker can evaluate is compared by its name.
    """
    types = RealTypes("")
    kind = types.of(hint)
    expected = shown(hint)
    try:
        accepted = taken(value, kind, types)
        if not isinstance(hint, str) or fits(accepted, hint):
            return accepted
    except NotTakenError as error:
        expected = str(error)
    raise StepError(step.name, f"params.{name}: found {value!r}"[:250] + f", expected {expected}")


@lru_cache(maxsize=64)
def _hints(cls: type[Any]) -> dict[str, Any]:
    """Return the hints of a class's params, each evaluated where its class is defined."""
    from atlas.template import param_hints

    names = param_hints(cls)
    owners = {name: _owner(cls, name) for name in names}
    return {name: resolve(hint, globals_of(owners[name])) for name, hint in names.items()}


def _owner(cls: type[Any], name: str) -> type[Any]:
    annotated = (base for base in cls.__mro__ if name in get_annotations(base))
    return next(annotated, cls)
