"""Rules about parameters: their own bounds and choices, and the values that they are given."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.load import article
from atlas.validate.flat import names
from atlas.validate.taking import takes
from atlas.validate.types import JSON_KINDS, Type, fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.errors import Problem
    from atlas.recipe import Parameter
    from atlas.validate.flat import DocumentPath, Param
    from atlas.validate.subject import Subject

TYPES = {json: Type(python) for python, json in JSON_KINDS.items()}
"""What the types of parameters are in Python."""


def check_parameters(subject: Subject) -> Iterator[Problem]:
    """Check parameters, and their defaults, the Recipe's own and the Config's."""
    flat, config = subject.flat, subject.file.config
    for name, parameter in flat.parameters.items():
        place = flat.place / "parameters" / name
        problems = list(_declared(place, name, parameter))
        yield from problems
        if problems:
            continue
        if parameter.default is not None:
            yield from value_problems(place / "default", name, parameter.default, parameter)
        if name in config.parameters:
            place = subject.config_place / "parameters" / name
            yield from value_problems(place, name, config.parameters[name], parameter)


def _declared(place: DocumentPath, name: str, parameter: Parameter) -> Iterator[Problem]:
    """Check that a parameter's bounds and choices leave a value that is allowed."""
    low, high = parameter.minimum, parameter.maximum
    if parameter.type not in ("integer", "number") and (low, high) != (None, None):
        message = (
            f"the parameter '{name}' is {article(parameter.type)}, and only numbers have bounds"
        )
        yield place.problem("R021", message, expected="no minimum and no maximum")
    elif low is not None and high is not None and low > high:
        message = f"no value of '{name}' is at least {low} and at most {high}"
        yield (place / "minimum").problem("R021", message, expected="a minimum below the maximum")
    for index, choice in enumerate(parameter.choices):
        fault = _fault(choice, parameter)
        if fault:
            message = f"the choice {shown(choice)} of the parameter '{name}' {fault}"
            yield (place / "choices" / index).problem("R021", message, found=shown(choice))


def value_problems(
    place: DocumentPath, name: str, value: Any, parameter: Parameter
) -> Iterator[Problem]:
    """Return what is wrong with a parameter's value: its type, its bounds, its choices."""
    fault = _fault(value, parameter)
    if fault:
        message = f"the value {shown(value)} of the parameter '{name}' {fault}"
        yield place.problem("R034", message, found=shown(value), expected=_expected(parameter))
    elif not is_allowed(value, parameter):
        message = f"the value {shown(value)} of the parameter '{name}' isn't one of its choices"
        expected = names(map(shown, parameter.choices))
        yield place.problem("R034", message, found=shown(value), expected=expected)


def is_allowed(value: Any, parameter: Parameter) -> bool:
    """Tell whether a parameter may have a value."""
    is_chosen = not parameter.choices or value in parameter.choices
    return is_chosen and not _fault(value, parameter)


def given_problems(param: Param, name: str, parameter: Parameter) -> Iterator[Problem]:
    """Check what an outer step gives for the parameter of a Recipe that it is."""
    if param.kind == "value":
        yield from value_problems(param.place, name, param.value, parameter)
    elif param.kind in ("run", "axis") and parameter.type != "string":
        message = (
            f"the parameter '{name}' is {article(parameter.type)}, and {param.kind} gives a string"
        )
        yield param.place.problem("R034", message, found="string", expected=parameter.type)


def passed_problems(
    param: Param, name: str, parameter: Parameter, outer: Parameter
) -> Iterator[Problem]:
    """Check that an outer parameter's type fits that of the inner one that it is given to."""
    if fits(TYPES[outer.type], TYPES[parameter.type], lambda _: None) is False:
        kind, given = article(parameter.type), article(outer.type)
        message = f"the parameter '{name}' is {kind}, and is given {given}"
        yield param.place.problem("R034", message, found=outer.type, expected=parameter.type)


def shown(value: Any) -> str:
    """Return a literal as a message shows it."""
    text = repr(value)
    return f"{text[:57]}..." if len(text) > 60 else text  # noqa: PLR2004 - fits one line


def _fault(value: Any, parameter: Parameter) -> str:
    """Return what is wrong with a value's type or size, as the end of a sentence; or nothing."""
    if not takes(value, TYPES[parameter.type]):
        return f"isn't {article(parameter.type)}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    return "" if low <= value <= high else "is out of its bounds"


def _expected(parameter: Parameter) -> str:
    bounds = [
        f"{word} {bound}"
        for word, bound in (("at least", parameter.minimum), ("at most", parameter.maximum))
        if bound is not None
    ]
    return " ".join((parameter.type, " and ".join(bounds))).strip()
