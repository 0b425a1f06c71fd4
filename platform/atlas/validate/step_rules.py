"""Rules about what goes into a step and comes out: params, inputs, outputs, edges, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import NotTakenError, OutOfBoundsError
from atlas.formats import arrival
from atlas.load import nearest
from atlas.recipe import DYNAMIC
from atlas.validate.flat import names
from atlas.validate.parameters import TYPES, is_allowed, shown
from atlas.validate.subject import Subject, step_subjects
from atlas.validate.taking import taken
from atlas.validate.types import UNKNOWN, Type, becomes, fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.errors import Problem
    from atlas.recipe import Reference
    from atlas.validate.flat import DocumentPath, FlatStep, Input, Param
    from atlas.validate.signature import Field, Signature


def check_signatures(subject: Subject) -> Iterator[Problem]:
    """Check that each class has a run method that says what it gives."""
    for step, signature in step_subjects(subject):
        if signature.lacks:
            message = f"{step.cls} has no {signature.lacks} method"
            expected = f"a method {signature.lacks}, with hints"
            yield step.cls_place.problem("R036", message, found=step.cls, expected=expected)
        elif signature.unfit:
            method, _, why = signature.unfit.partition(" is ")
            message = f"{step.cls}.{signature.unfit}"
            expected = f"def {method}"
            yield step.cls_place.problem("R036", message, found=why, expected=expected)
        elif signature.outputs is None and signature.closed:
            yield _no_outputs(step, signature)


def _no_outputs(step: FlatStep, signature: Signature) -> Problem:
    if signature.is_open:
        message = f"what {step.cls}.run returns can't be determined without importing"
        hint = "atlas validate --import looks at it"
        return step.cls_place.problem("N001", message, severity="warning", hint=hint)
    message = f"{step.cls}.run returns {signature.returns or 'nothing that is declared'}"
    expected = "a return hint: a NamedTuple, dataclass or TypedDict, or None"
    return step.cls_place.problem("R031", message, found=signature.returns, expected=expected)


def check_params(subject: Subject) -> Iterator[Problem]:
    """Check that params exist, fit their types and bounds, and that none is missing."""
    for step, signature in step_subjects(subject):
        for name, param in step.params.items():
            field = signature.params.get(name)
            if field is not None:
                yield from _param_fits(subject, name, param, field)
            elif signature.closed:
                message = f"{step.cls} has no param '{name}'"
                hint = nearest(name, signature.params)
                expected = names(signature.params)
                yield param.place.problem("R016", message, found=name, expected=expected, hint=hint)
        for name, field in signature.params.items():
            if field.required and name not in step.params:
                message = f"the param '{name}' of {step.cls} is not given and has no default"
                kind = "" if field.type == UNKNOWN else f" ({field.type})"
                expected = f"params.{name}{kind}"
                yield step.place.problem("R018", message, expected=expected)


def _param_fits(subject: Subject, name: str, param: Param, field: Field) -> Iterator[Problem]:
    if param.kind == "open":
        return
    if param.kind == "value":
        yield from _value_fits(subject, name, param, param.value, field)
        return
    given = _bound_type(subject, param)
    known = subject.ancestors
    if (
        given is not None
        and fits(given, field.type, known) is False
        and not becomes(given, field.type, known)
    ):
        message = f"the param '{name}' is {field.type}, and {param.kind} '{param.value}' {given}"
        yield param.place.problem("R017", message, found=str(given), expected=str(field.type))
        return
    for value in _bound_values(subject, param):
        problems = list(_value_fits(subject, name, param, value, field))
        if problems:
            yield problems[0]
            return


_MOMENT = "2026-01-31T00:00:00+00:00"
_SUCH = {"interval_start": _MOMENT, "interval_end": _MOMENT}
"""What a run's facts look like."""


def _bound_type(subject: Subject, param: Param) -> Type | None:
    if param.kind != "parameter":
        return Type("str")
    parameter = subject.flat.parameters.get(str(param.value))
    return TYPES[parameter.type] if parameter else None


def _bound_values(subject: Subject, param: Param) -> Sequence[Any]:
    """Return values that a param gets, as far as they are known; of a run, such as it would."""
    config = subject.file.config
    if param.kind == "run":
        return (_SUCH.get(str(param.value), param.value),)
    if param.kind == "axis":
        return config.matrix[param.value]
    if param.kind != "parameter" or param.value not in subject.flat.parameters:
        return ()
    parameter = subject.flat.parameters[param.value]
    value = config.parameters.get(param.value, parameter.default)
    return (value,) if value is not None and is_allowed(value, parameter) else ()


def _value_fits(
    subject: Subject, name: str, param: Param, value: Any, field: Field
) -> Iterator[Problem]:
    text = shown(value)
    try:
        taken(value, field.type, subject)
    except OutOfBoundsError as error:
        message = f"the param '{name}' is out of range: {text}"
        yield param.place.problem("R041", message, found=text, expected=str(error))
    except NotTakenError as error:
        message = f"the param '{name}' is {field.type}, and is given {text}"
        hint = nearest(next(iter(value)), DYNAMIC) if _is_single(value) else ""
        yield param.place.problem("R017", message, found=text, expected=str(error), hint=hint)


def _is_single(value: Any) -> bool:
    """Tell whether a value looks like a reference that is misspelt: an object of one field."""
    return isinstance(value, dict) and len(value) == 1


def check_inputs(subject: Subject) -> Iterator[Problem]:
    """Check that run takes the inputs that are given, and is given those that it needs."""
    for step, signature in step_subjects(subject):
        given = {name: read.place for name, read in step.inputs.items()}
        for name, keys in step.foreach.taken().items() if step.foreach else ():
            if name in given:
                message = f"the input '{name}' is given twice: as an input and by foreach"
                yield keys.place.problem("R028", message)
            given[name] = keys.place
        yield from _inputs_fit(step, signature, given)


def _inputs_fit(
    step: FlatStep, signature: Signature, given: dict[str, DocumentPath]
) -> Iterator[Problem]:
    if signature.lacks:
        return
    for name, place in given.items():
        if name not in signature.inputs and not signature.any_input and signature.closed:
            message = f"{step.cls}.run has no parameter '{name}'"
            hint = nearest(name, signature.inputs)
            expected = names(signature.inputs)
            yield place.problem("R020", message, found=name, expected=expected, hint=hint)
    for name, field in signature.inputs.items():
        if field.required and name not in given:
            message = f"the input '{name}' of {step.cls}.run is not given"
            expected = f"inputs.{name} ({field.type})"
            yield step.place.problem("R019", message, expected=expected)


def check_formats(subject: Subject) -> Iterator[Problem]:
    """Check that a format is named only for an output that there is."""
    for step, signature in step_subjects(subject):
        for name in step.formats if signature.outputs is not None else ():
            if name not in signature.outputs:  # type: ignore[operator]
                message = f"{step.cls} has no output '{name}'"
                hint = nearest(name, signature.outputs or ())
                place = step.place / "outputs" / name
                expected = names(signature.outputs or ())
                yield place.problem("R002", message, found=name, expected=expected, hint=hint)


def check_edges(subject: Subject) -> Iterator[Problem]:
    """Check every input: its source is there, and gives a type that fits."""
    for step in subject.flat.steps.values():
        signature = subject.signatures.get(step.name)
        keyed = step.foreach.taken() if step.foreach else ()
        for name, read in step.inputs.items():
            problem = no_source(subject, read)
            if problem:
                yield problem
            elif signature and name in signature.inputs and name not in keyed:
                yield from edge_problems(subject, step, name, subject.type_of(read.source))


def no_source(subject: Subject, read: Input) -> Problem | None:
    """Return the Problem of an output that its step hasn't."""
    source = read.source
    if source.kind != "step":
        return None
    outputs = subject.outputs(source.name)
    if outputs is None or source.output in outputs:
        return None
    hint = nearest(source.output, outputs)
    message = f"the step '{source.name}' has no output '{source.output}'"
    return read.place.problem(
        "R002", message, found=source.output, expected=names(outputs), hint=hint
    )


def edge_problems(
    subject: Subject, step: FlatStep, name: str, given: Type, option: Input | None = None
) -> Iterator[Problem]:
    """Check that what an input is given fits what ``run`` takes; the class must have the input.

    Args:
        subject: the flow.
        step: the step.
        name: the input.
        given: the type of what it is given.
        option: which of several outputs that is, where it takes one of them.
    """
    read = option or step.inputs[name]
    expected = subject.signatures[step.name].inputs[name].type
    answer = fits(given, expected, subject.ancestors)
    if answer is False:
        message = f"{read.source} is {given}, and {step.cls}.run takes {name}: {expected}"
        hint = _source_hint(subject, read.source)
        yield read.place.problem(
            "R012", message, found=str(given), expected=str(expected), hint=hint
        )
    elif answer is None and UNKNOWN not in (given, expected):
        message = f"whether {given} fits {expected} can't be determined without importing"
        hint = "atlas validate --import compares them"
        yield read.place.problem("N001", message, severity="warning", hint=hint)


def _source_hint(subject: Subject, source: Reference) -> str:
    step = subject.flat.steps.get(source.name) if source.kind == "step" else None
    if step is None:
        return ""
    if step.foreach is not None:
        return f"'{source.name}' has foreach, so its outputs come as a list"
    declared = (subject.outputs(step.name) or {}).get(source.output, UNKNOWN)
    back = arrival(declared.name, step.formats.get(source.output, ""))
    return f"a {declared} is kept as a picture: it arrives as {back}" * (back != declared.name)


RULES = (
    check_signatures,
    check_params,
    check_inputs,
    check_formats,
    check_edges,
)
"""Every rule about what goes into a step and comes out; they need the classes' signatures."""
