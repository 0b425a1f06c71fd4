"""Rules about a flow as a whole, and about the Config and Environment around it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from atlas.graph import find_cycle
from atlas.load import nearest
from atlas.validate.flat import Place, names
from atlas.validate.types import Type, value_fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.recipe import Parameter, Reference
    from atlas.validate.subject import Subject

MAX_MEMBERS = 5000
"""The most members that one family may have."""
_JSON_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def check_cycles(subject: Subject) -> Iterator[Problem]:
    """Check that no step waits for itself."""
    cycle = find_cycle({name: step.upstream() for name, step in subject.flat.steps.items()})
    if cycle:
        first = subject.flat.steps[cycle[0]]
        message = f"the steps wait for each other: {' → '.join((*cycle, cycle[0]))}"
        yield first.place.problem("R010", message, hint="remove one of these inputs or afters")


def check_connected(subject: Subject) -> Iterator[Problem]:
    """Check that every step has to do with another, where there are several."""
    steps = subject.flat.steps
    if len(steps) < 2:  # noqa: PLR2004 - one step alone is a pipeline
        return
    touched = {name for step in steps.values() for name in step.upstream()}
    for name, step in steps.items():
        outside = any(one.source.kind != "step" for one in step.reads())
        if name not in touched and not step.upstream() and not (outside or _is_read(subject, name)):
            message = f"nothing is read from the step '{name}', and it reads nothing"
            hint = "connect it with inputs or after, or remove it"
            yield step.place.problem("R011", message, hint=hint)


def _is_read(subject: Subject, name: str) -> bool:
    """Tell whether the Config reads a step, as a part of the model or for its metric."""
    config = subject.file.config
    parts = config.model.parts.values() if config.model else ()
    metric = str(config.promotion.get("metric", ""))
    return name in {part.name for part in parts} or metric.startswith(f"{name}.")


def check_parameters(subject: Subject) -> Iterator[Problem]:
    """Check defaults of parameters, the Recipe's own and the Config's, against type and bounds."""
    flat, config = subject.flat, subject.file.config
    for name, parameter in flat.parameters.items():
        if parameter.default is not None:
            place = flat.place / "parameters" / name / "default"
            yield from parameter_problems(place, name, parameter.default, parameter)
    for name, value in config.parameters.items():
        place = subject.config_place / "parameters" / name
        if name in flat.parameters:
            yield from parameter_problems(place, name, value, flat.parameters[name])


def parameter_problems(
    place: Place, name: str, value: Any, parameter: Parameter
) -> Iterator[Problem]:
    """Return what is wrong with a parameter's value: its type, its bounds, its choices."""
    if not value_fits(value, Type(_JSON_TYPES[parameter.type])):
        message = f"the parameter '{name}' is a {parameter.type}, and is given {value!r}"
        yield place.problem("R034", message, found=repr(value), expected=parameter.type)
        return
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    if isinstance(value, int | float) and not low <= value <= high:
        message = f"the parameter '{name}' is out of range: {value}"
        yield place.problem("R034", message, found=str(value), expected=f"{low} to {high}")
    if parameter.choices and value not in parameter.choices:
        message = f"the parameter '{name}' may not be {value!r}"
        expected = names(map(str, parameter.choices))
        yield place.problem("R034", message, found=repr(value), expected=expected)


def check_data(subject: Subject) -> Iterator[Problem]:
    """Check that data are declared in the Config, and that the Environment says where they are."""
    config, environment = subject.file.config, subject.environment
    told: set[str] = set()
    for step in subject.flat.steps.values():
        for one in step.inputs.values():
            name = one.source.name
            if one.source.kind != "data" or name in told:
                continue
            if name not in config.data and not config.open_data:
                message = f"the Config has no data '{name}'"
                hint = nearest(name, config.data)
                expected = names(config.data)
                yield one.place.problem("R004", message, found=name, expected=expected, hint=hint)
            elif name not in environment.data:
                told.add(name)
                message = f"the environment '{environment.name}' doesn't say where '{name}' is"
                hint = nearest(name, environment.data)
                hint = hint or f"add data.{name}.uri to environments/{environment.name}.json"
                yield one.place.problem("E002", message, found=name, hint=hint)


def check_data_credentials(subject: Subject) -> Iterator[Problem]:
    """Check that the credentials of the data that are read are known secrets."""
    environment = subject.environment
    used = {
        one.source.name
        for step in subject.flat.steps.values()
        for one in step.inputs.values()
        if one.source.kind == "data"
    }
    for name in sorted(used & set(environment.data)):
        credential = environment.data[name].credential
        if credential and credential not in environment.secrets:
            message = f"the environment '{environment.name}' has no secret '{credential}'"
            expected = names(environment.secrets)
            place = subject.config_place / "data" / name
            yield place.problem("E003", message, found=credential, expected=expected)


def check_model(subject: Subject) -> Iterator[Problem]:
    """Check the parts of a model: where they come from, and that inference asks for known ones."""
    config = subject.file.config
    parts: Mapping[str, Reference] = config.model.parts if config.model else {}
    for step in subject.flat.steps.values():
        for one in step.inputs.values():
            if one.source.kind != "model" or one.source.name in parts:
                continue
            message = f"the model has no part '{one.source.name}'"
            expected = names(parts) if parts else "model.from in the Config"
            hint = nearest(one.source.name, parts)
            yield one.place.problem("R005", message, expected=expected, hint=hint)
        if subject.flat.flow == "training":
            yield from _model_in_training(step)
    if subject.flat.flow == "training":
        for part, reference in parts.items():
            place = subject.config_place / "model" / "from" / part
            yield from _output_there(subject, reference, place, "C004")


def _model_in_training(step: Any) -> Iterator[Problem]:
    for one in step.inputs.values():
        if one.source.kind == "model":
            message = "training makes the model and can't read it"
            hint = "make the input optional in the Recipe, and leave it out in training"
            yield one.place.problem("R005", message, found=str(one.source), hint=hint)


def _output_there(
    subject: Subject, reference: Reference, place: Place, code: str
) -> Iterator[Problem]:
    steps = subject.flat.steps
    if reference.name not in steps:
        message = f"training has no step '{reference.name}'"
        hint = nearest(reference.name, steps)
        yield place.problem(code, message, found=str(reference), expected=names(steps), hint=hint)
        return
    outputs = subject.outputs(reference.name)
    if outputs is not None and reference.output not in outputs:
        message = f"the step '{reference.name}' has no output '{reference.output}'"
        hint = nearest(reference.output, outputs)
        expected = names(outputs)
        yield place.problem(code, message, found=str(reference), expected=expected, hint=hint)
    elif steps[reference.name].foreach:
        message = f"the step '{reference.name}' has foreach, and a part of a model is one artifact"
        yield place.problem(code, message, found=str(reference))


def check_promotion(subject: Subject) -> Iterator[Problem]:
    """Check that the step whose metric promotes is there."""
    metric = str(subject.file.config.promotion.get("metric", ""))
    step = metric.rpartition(".")[0]
    if subject.flat.flow == "training" and step and step not in subject.flat.steps:
        place = subject.config_place / "promotion" / "metric"
        hint = nearest(step, subject.flat.steps)
        message = f"training has no step '{step}'"
        expected = names(subject.flat.steps)
        yield place.problem("C005", message, found=metric, expected=expected, hint=hint)


def check_flow(subject: Subject) -> Iterator[Problem]:
    """Check that a Recipe is of the flow that the Config uses it for."""
    flow = subject.flat.place.document.value.get("flow", subject.flat.flow)
    if flow != subject.flat.flow:
        place = subject.config_place / "recipes" / subject.flat.flow
        message = f"{subject.flat.place.document.shown} is of flow '{flow}'"
        yield place.problem("C008", message, found=flow, expected=subject.flat.flow)


def check_schedule(subject: Subject) -> Iterator[Problem]:
    """Check the flow's schedule: cron fields and timezone."""
    schedule = subject.file.config.schedule.get(subject.flat.flow)
    if not schedule:
        return
    place = subject.config_place / "schedule" / subject.flat.flow
    fields = schedule["cron"].split()
    for text, (name, low, high) in zip(fields, _CRON, strict=True):
        if not _cron_field_fits(text, low, high):
            message = f"'{text}' is no {name}"
            expected = f"*, {low} to {high}, ranges, lists or steps"
            yield (place / "cron").problem("C006", message, found=text, expected=expected)
    zone = schedule.get("timezone", "UTC")
    if not _zone_exists(zone):
        message = f"there is no time zone '{zone}'"
        expected = "an IANA name such as Europe/Berlin"
        yield (place / "timezone").problem("C006", message, found=zone, expected=expected)


_CRON = (
    ("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12),
    ("day of the week", 0, 7),
)  # fmt: skip
_CRON_NAMES = {
    name: index
    for group in (
        "sun mon tue wed thu fri sat",
        "_ jan feb mar apr may jun jul aug sep oct nov dec",
    )
    for index, name in enumerate(group.split())
}


def _cron_field_fits(text: str, low: int, high: int) -> bool:
    return all(_cron_item_fits(item, low, high) for item in text.split(","))


def _cron_item_fits(item: str, low: int, high: int) -> bool:
    match = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?", item)
    if match is None or match[4] in ("0", "00", "000", "0000"):
        return False
    if match[1] == "*":
        return True
    ends = [_cron_number(word) for word in (match[2], match[3]) if word]
    return all(low <= end <= high for end in ends) and ends == sorted(ends)


def _cron_number(word: str) -> int:
    return int(word) if word.isdigit() and len(word) < 5 else _CRON_NAMES.get(word.lower(), -1)  # noqa: PLR2004


def _zone_exists(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


RULES = (
    check_flow,
    check_cycles,
    check_connected,
    check_parameters,
    check_data,
    check_data_credentials,
    check_model,
    check_promotion,
    check_schedule,
)
"""Every rule about flows."""
