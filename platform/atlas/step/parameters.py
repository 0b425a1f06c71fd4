"""A run's parameters: defaults, and what the run sets, held to their types and bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.load import short
from atlas.step.secrets import holder_of
from atlas.validate.parameters import TYPES
from atlas.validate.taking import takes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.recipe import Parameter


def checked_parameters(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of a Plan with its value.

    Raises:
        AtlasError: one is unknown, missing, of another type or out of bounds.
    """
    unknown = sorted(set(given) - set(plan.parameters))
    if unknown:
        known = ", ".join(sorted(plan.parameters)) or "none"
        raise AtlasError(
            f"parameters.{unknown[0]}: {plan.name} has no such parameter; it has {known}"
        )
    values = {}
    for name, parameter in plan.parameters.items():
        value = given.get(name, parameter.default)
        if value is None:
            raise AtlasError(f"parameters.{name}: has no default, and must be set")
        values[name] = _checked(name, parameter, value)
        _require_no_secret(plan, name, value)
    return values


def _require_no_secret(plan: Plan, name: str, value: Any) -> None:
    """Refuse a parameter that holds a secret: run.json and MLflow show parameters to everybody.

    Raises:
        AtlasError: it holds one.
    """
    holder = holder_of(plan, value) if isinstance(value, str) else ""
    if holder:
        hint = f"parameters are recorded and shown; read context.secrets['{holder}'] instead"
        raise AtlasError(f"parameters.{name}: contains the value of secret '{holder}' ({hint})")


def _checked(name: str, parameter: Parameter, value: Any) -> Any:
    if not takes(value, TYPES[parameter.type]):
        expected = _EXPECTED[parameter.type]
        raise AtlasError(f"parameters.{name}: found {short(repr(value))}, expected {expected}")
    low, high = parameter.minimum, parameter.maximum
    if low is not None and value < low:
        raise AtlasError(f"parameters.{name}: {value!r} is below the minimum of {low:g}")
    if high is not None and value > high:
        raise AtlasError(f"parameters.{name}: {value!r} is above the maximum of {high:g}")
    if parameter.choices and value not in parameter.choices:
        choices = ", ".join(map(repr, parameter.choices))
        raise AtlasError(f"parameters.{name}: found {value!r}, expected one of {choices}")
    # The same on every target: Kubeflow carries 3.0 as 3, and JSON from elsewhere may have either.
    return float(value) if parameter.type == "number" else value


_EXPECTED = {
    "string": "a string",
    "integer": "an integer",
    "number": "a finite number",
    "boolean": "a boolean",
}
