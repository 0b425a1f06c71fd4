"""Rules about one step: its class, params, inputs, outputs, keys and image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.load import missing_file, nearest
from atlas.validate.flat import Place, names
from atlas.validate.source import SourceError
from atlas.validate.subject import Subject, step_subjects
from atlas.validate.types import JSON_KINDS, UNKNOWN, Type, fits, value_fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.errors import Problem
    from atlas.recipe import Reference
    from atlas.validate.flat import FlatStep, Input, Param
    from atlas.validate.signature import Field, Signature


def read_classes(subject: Subject) -> Iterator[Problem]:
    """Read every step's class, and say which can't be found or used."""
    for step in subject.flat.steps.values():
        try:
            found = subject.reader.of(step.cls)
        except SourceError as error:
            yield step.cls_place.problem("R032", str(error), found=step.cls)
            continue
        if found is None:
            yield _no_class(subject, step)
        elif not found.is_template and found.closed:
            message = f"{step.cls} is no Template"
            expected = "a class that inherits from atlas.Template"
            yield step.cls_place.problem("R015", message, found=step.cls, expected=expected)
        else:
            subject.signatures[step.name] = found


def _no_class(subject: Subject, step: FlatStep) -> Problem:
    module, _, name = step.cls.partition(":")
    sources = subject.reader.sources
    file = sources.module(module)
    if file is None:
        own = sources.own_modules()
        message = f"there is no module '{module}' in the pipeline's folder"
        if module.partition(".")[0] not in own and subject.project.allow:
            message += f" or in {names(subject.project.allow)}"
        hint = nearest(module, own)
        return step.cls_place.problem("R014", message, found=module, expected=names(own), hint=hint)
    message = f"the module '{module}' has no class '{name}'"
    hint = nearest(name, file.classes)
    expected = names(file.classes)
    return step.cls_place.problem("R013", message, found=name, expected=expected, hint=hint)


def check_signatures(subject: Subject) -> Iterator[Problem]:
    """Check that each class has a run method that says what it gives."""
    for step, signature in step_subjects(subject):
        if signature.outputs is not None or not signature.closed:
            continue
        message = f"{step.cls}.run returns {signature.returns or 'nothing that is declared'}"
        expected = "a return hint: a NamedTuple, dataclass or TypedDict, or None"
        yield step.cls_place.problem("R031", message, found=signature.returns, expected=expected)


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
                expected = f"params.{name} ({field.type})"
                yield step.place.problem("R018", message, expected=expected)


def _param_fits(subject: Subject, name: str, param: Param, field: Field) -> Iterator[Problem]:
    if param.kind == "value":
        yield from _value_fits(name, param, field)
        return
    given = _bound_type(subject, param)
    if given is not None and fits(given, field.type, subject.ancestors) is False:
        message = f"the param '{name}' is {field.type}, and {param.kind} '{param.value}' {given}"
        yield param.place.problem("R017", message, found=str(given), expected=str(field.type))


def _bound_type(subject: Subject, param: Param) -> Type | None:
    if param.kind != "parameter":
        return Type("str")
    kinds = {json: Type(kind) for kind, json in JSON_KINDS.items()}
    parameter = subject.flat.parameters.get(str(param.value))
    return kinds[parameter.type] if parameter else None


def _value_fits(name: str, param: Param, field: Field) -> Iterator[Problem]:
    shown = _shown(param.value)
    if not value_fits(param.value, field.type):
        message = f"the param '{name}' is {field.type}, and is given {shown}"
        yield param.place.problem("R017", message, found=shown, expected=str(field.type))
        return
    if not isinstance(param.value, int | float):
        return
    low, high = field.minimum, field.maximum
    if (low is not None and param.value < low) or (high is not None and param.value > high):
        bounds = " and ".join(
            (f"at least {low}",) * (low is not None) + (f"at most {high}",) * (high is not None)
        )
        message = f"the param '{name}' is out of range: {shown}"
        yield param.place.problem("R041", message, found=shown, expected=bounds)


def check_inputs(subject: Subject) -> Iterator[Problem]:
    """Check that run takes the inputs that are given, and is given those that it needs."""
    for step, signature in step_subjects(subject):
        given = {name: one.place for name, one in step.inputs.items()}
        if step.foreach:
            name = step.foreach[0]
            if name in given:
                message = f"the input '{name}' is given twice: as an input and by foreach"
                yield step.foreach[1].place.problem("R028", message)
            given[name] = step.foreach[1].place
        yield from _inputs_fit(step, signature, given)


def _inputs_fit(step: FlatStep, signature: Signature, given: dict[str, Place]) -> Iterator[Problem]:
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
        for name, one in step.inputs.items():
            problem = _no_source(subject, one)
            if problem:
                yield problem
            elif signature and name in signature.inputs:
                yield from _edge_fits(subject, one, signature.inputs[name].type, step, name)


def _no_source(subject: Subject, one: Input) -> Problem | None:
    """Return the Problem of an output that its step hasn't."""
    source = one.source
    if source.kind != "step":
        return None
    outputs = subject.outputs(source.name)
    if outputs is None or source.output in outputs:
        return None
    hint = nearest(source.output, outputs)
    message = f"the step '{source.name}' has no output '{source.output}'"
    return one.place.problem(
        "R002", message, found=source.output, expected=names(outputs), hint=hint
    )


def _edge_fits(
    subject: Subject, one: Input, wanted: Type, step: FlatStep, name: str
) -> Iterator[Problem]:
    given = subject.type_of(one.source)
    answer = fits(given, wanted, subject.ancestors)
    if answer is False:
        message = f"{one.source} is {given}, and {step.cls}.run takes {name}: {wanted}"
        hint = _gather_hint(subject, one.source)
        yield one.place.problem("R012", message, found=str(given), expected=str(wanted), hint=hint)
    elif answer is None and UNKNOWN not in (given, wanted):
        message = f"whether {given} fits {wanted} can't be told without importing"
        hint = "atlas validate --import compares them"
        yield one.place.problem("N001", message, severity="note", hint=hint)


def _gather_hint(subject: Subject, source: Reference) -> str:
    step = subject.flat.steps.get(source.name) if source.kind == "step" else None
    mapped = step is not None and step.foreach is not None
    return f"'{source.name}' has foreach, so its outputs come as a list" if mapped else ""


def check_foreach(subject: Subject) -> Iterator[Problem]:
    """Check that keys come from a list, and that run takes such a key."""
    for step in subject.flat.steps.values():
        if step.foreach is None:
            continue
        name, one = step.foreach
        problem = _no_source(subject, one)
        if problem:
            yield problem
            continue
        if one.source.kind != "step":
            message = f"foreach needs a JSON list that a step gives, not {one.source}"
            yield one.place.problem("R027", message, expected="step.output")
            continue
        signature = subject.signatures.get(step.name)
        wanted = signature.inputs.get(name) if signature else None
        yield from _keys_fit(subject, one, name, wanted.type if wanted else UNKNOWN)


def _keys_fit(subject: Subject, one: Input, name: str, wanted: Type) -> Iterator[Problem]:
    given = subject.type_of(one.source)
    if given == UNKNOWN or given.name == "Any":
        return
    if given.name not in ("list", "tuple", "Sequence"):
        message = f"foreach needs a list of keys, and {one.source} is {given}"
        yield one.place.problem("R027", message, found=str(given), expected="list")
    elif given.args and fits(given.args[0], wanted, subject.ancestors) is False:
        message = f"the keys are {given.args[0]}, and run takes {name}: {wanted}"
        yield one.place.problem("R012", message, found=str(given.args[0]), expected=str(wanted))


def check_images(subject: Subject) -> Iterator[Problem]:
    """Check that images are declared and that their files are in the pipeline's folder."""
    images = subject.flat.images
    for step in subject.flat.steps.values():
        name = step.settings.get("image", "")
        if name and name not in images:
            own = "image" in _written(step)
            place = step.place / "image" if own else Place(step.place.document, ("defaults",))
            hint = nearest(name, images)
            message = f"the Recipe has no image '{name}'"
            yield place.problem("R025", message, found=name, expected=names(images), hint=hint)
    for name, image in images.items():
        path = image.requirements or image.dockerfile
        if path:
            kind = "requirements" if image.requirements else "dockerfile"
            yield from _image_file(subject, subject.flat.place / "images" / name / kind, path)


def _written(step: FlatStep) -> Any:
    value = step.place.document.value
    for part in step.place.at:
        value = value.get(part, {}) if isinstance(value, dict) else {}
    return value


def _image_file(subject: Subject, place: Place, path: str) -> Iterator[Problem]:
    file = (subject.folder / path).resolve()
    if not file.is_relative_to(subject.folder.resolve()):
        message = f"'{path}' is outside of the pipeline's folder"
        yield place.problem("R023", message, found=path)
    elif not file.is_file():
        yield missing_file(place.document, place.at, file, "R026", "file")


def check_settings(subject: Subject) -> Iterator[Problem]:
    """Check variables and secrets."""
    known = subject.environment.secrets
    for step in subject.flat.steps.values():
        for name in step.settings.get("env", {}):
            if name.startswith("ATLAS_"):
                message = f"'{name}' is taken: variables that begin with ATLAS_ are the platform's"
                yield (step.place / "env" / name).problem("R042", message, found=name)
        for index, name in enumerate(step.settings.get("secrets", ())):
            if name not in known:
                place = step.place / "secrets" / index
                message = f"the environment '{subject.environment.name}' has no secret '{name}'"
                hint = nearest(name, known)
                expected = names(known)
                yield place.problem("E003", message, found=name, expected=expected, hint=hint)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text[:57]}..." if len(text) > 60 else text  # noqa: PLR2004 - fits one line


RULES = (
    read_classes,
    check_signatures,
    check_params,
    check_inputs,
    check_formats,
    check_edges,
    check_foreach,
    check_images,
    check_settings,
)
"""Every rule about steps; the first must run first, for it reads the classes."""
