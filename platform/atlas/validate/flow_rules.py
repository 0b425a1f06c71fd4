"""Rules about a flow as a whole: its order, its data, its parts of the model, its schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config import ROW_METRICS, PromotionRule
from atlas.graph import find_cycle
from atlas.load import nearest
from atlas.validate.flat import DocumentPath, names
from atlas.validate.parameters import check_parameters
from atlas.validate.schedule import schedule_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.errors import Problem
    from atlas.recipe import Reference
    from atlas.validate.flat import Input
    from atlas.validate.subject import Subject


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
    touched |= _read_by_config(subject)
    for name, step in steps.items():
        if name in touched or step.upstream():
            continue
        if not step.reads():
            message = f"nothing is read from the step '{name}', and it reads nothing"
            hint = "connect it with inputs or after, or remove it"
            yield step.place.problem("R011", message, hint=hint)
        elif subject.outputs(name) and all(read.source.kind == "data" for read in step.reads()):
            message = f"nothing of this flow reads what the step '{name}' reads and gives"
            hint = "connect it with inputs or after, or remove it"
            yield step.place.problem("N004", message, severity="warning", hint=hint)


def _read_by_config(subject: Subject) -> set[str]:
    """Return the steps that the Config reads, as parts of the model or for its metric."""
    config = subject.file.config
    parts = config.model.parts.values() if config.model else ()
    rule = PromotionRule.parse(config.promotion)
    judges = [metric.step for metric in rule.metrics] if rule else []
    exported = (reference.name for reference in subject.flat.exports.values())
    return {*(subject.part_source(part).name for part in parts), *judges, *exported}


def check_data(subject: Subject) -> Iterator[Problem]:
    """Check that data are declared in the Config, and that the Environment says where they are."""
    config, environment = subject.file.config, subject.environment
    for name, read in _reads_of(subject, "data"):
        if name not in config.data and not config.open_data:
            message = f"the Config has no data '{name}'"
            hint = nearest(name, config.data)
            expected = names(config.data)
            yield read.place.problem("R004", message, found=name, expected=expected, hint=hint)
        elif subject.is_placed and name not in environment.data:
            message = f"the environment '{environment.name}' doesn't say where '{name}' is"
            hint = nearest(name, environment.data)
            hint = hint or f"add data.{name}.uri to environments/{environment.name}.json"
            declared = subject.config_place / "data" / name
            place = subject.environment_place / "data" if subject.environment_document else declared
            place = read.place if config.open_data and not subject.environment_document else place
            yield place.problem("E002", message, found=name, hint=hint)


def _reads_of(subject: Subject, kind: str) -> Iterator[tuple[str, Input]]:
    for step in subject.flat.steps.values():
        for read in step.inputs.values():
            if read.source.kind == kind:
                yield read.source.name, read


def check_model(subject: Subject) -> Iterator[Problem]:
    """Check the parts of a model: where they come from, and that inference asks for known ones."""
    config = subject.file.config
    parts: Mapping[str, Reference] = config.model.parts if config.model else {}
    is_training = subject.flat.flow == "training"
    if is_training and not subject.file.is_part:
        yield from _begun_with(subject)
    for name, read in _reads_of(subject, "model") if not subject.file.is_part else ():
        if name not in parts:
            message = f"the model has no part '{name}'"
            expected = names(parts) if parts else "model.from in the Config"
            hint = nearest(name, parts)
            yield read.place.problem("R005", message, expected=expected, hint=hint)
    if is_training and subject.flat.is_whole:
        for part, reference in parts.items():
            place = subject.config_place / "model" / "from" / part
            yield from _output_there(subject, reference, place)


def _begun_with(subject: Subject) -> Iterator[Problem]:
    """Check that training does without the parts of the champion that a retraining begins with."""
    for step in subject.flat.steps.values():
        signature = subject.signatures.get(step.name)
        if signature is None or signature.any_input:
            continue
        for name, read in step.inputs.items():
            taken = signature.inputs.get(name)
            if read.source.kind == "model" and taken is not None and taken.required:
                message = (
                    "training makes the model: it has the champion's only when it is retrained"
                )
                expected = f"an input that '{step.name}' can do without"
                hint = f"give '{name}' a default, such as None, for every other training"
                yield read.place.problem(
                    "R005", message, found=str(read.source), expected=expected, hint=hint
                )


def _output_there(subject: Subject, reference: Reference, place: DocumentPath) -> Iterator[Problem]:
    """Check that a part of the model is one output of one step of training."""
    steps, source = subject.flat.steps, subject.part_source(reference)
    if source.kind != "step" or source.name not in steps:
        message = f"training has no step '{reference.name}'"
        hint = nearest(reference.name, steps)
        expected = names(steps)
        yield place.problem("C004", message, found=str(reference), expected=expected, hint=hint)
        return
    outputs = subject.outputs(source.name)
    if outputs is not None and source.output not in outputs:
        message = f"the step '{source.name}' has no output '{source.output}'"
        hint = nearest(source.output, outputs)
        expected = names(outputs)
        yield place.problem("C004", message, found=str(reference), expected=expected, hint=hint)
    elif steps[source.name].foreach:
        message = f"the step '{source.name}' has foreach, and a part of a model is one artifact"
        yield place.problem("C004", message, found=str(reference), expected="one output")


def check_metric(subject: Subject) -> Iterator[Problem]:
    """Check that the steps whose metrics promote are there, and give rows for a paired test."""
    rule, flat = PromotionRule.parse(subject.file.config.promotion), subject.flat
    if rule is None or flat.flow != "training" or not flat.is_whole:
        return
    place = subject.config_place / "promotion"
    guards = [(place / "guards" / number, guard) for number, guard in enumerate(rule.guards)]
    for at, metric in [(place, rule.main), *guards]:
        if metric.step not in flat.steps:
            message = f"training has no step '{metric.step}'"
            hint, expected = nearest(metric.step, flat.steps), names(flat.steps)
            problem = (at / "metric").problem
            yield problem("C005", message, found=metric.metric, expected=expected, hint=hint)
    outputs = subject.outputs(rule.main.step)
    is_paired = rule.main.direction and (rule.is_paired or rule.by)
    if is_paired and outputs is not None and ROW_METRICS not in outputs:
        message = f"the step '{rule.main.step}' has no output '{ROW_METRICS}'"
        hint = "make its class a RowEvaluator; else two numbers are compared"
        yield place.problem("N009", message, severity="warning", hint=hint)


def check_flow(subject: Subject) -> Iterator[Problem]:
    """Check that a Recipe is of the flow that the Config uses it for."""
    flow = subject.flat.place.document.value.get("flow", subject.flat.flow)
    if flow != subject.flat.flow:
        place = subject.config_place / "recipes" / subject.flat.flow
        message = f"{subject.flat.place.document.shown} is of flow '{flow}'"
        yield place.problem("C008", message, found=flow, expected=subject.flat.flow)


def check_schedule(subject: Subject) -> Iterator[Problem]:
    """Check the Config's schedule of the flow."""
    flow = subject.flat.flow
    schedule = subject.file.config.schedule.get(flow)
    if schedule:
        yield from schedule_problems(subject.config_place / "schedule" / flow, schedule)


def check_used(subject: Subject) -> Iterator[Problem]:
    """Warn of parameters and images of the Recipe that no step uses."""
    flat, steps = subject.flat, subject.flat.steps.values()
    if not flat.is_whole or subject.file.is_part:
        return
    params = [param for step in steps for param in step.params.values()]
    used = {param.value for param in params if param.kind == "parameter"}
    images = {step.settings.get("image") for step in steps}
    places = {name: flat.place / "parameters" / name for name in flat.parameters}
    unused = [("parameter", name, place) for name, place in places.items() if name not in used]
    unused += [("image", n, place) for n, place in flat.image_places.items() if n not in images]
    for what, name, place in unused:
        message = f"no step uses the {what} '{name}'"
        yield place.problem("N002", message, severity="warning", hint="use it, or remove it")


RULES = (
    check_flow,
    check_cycles,
    check_connected,
    check_parameters,
    check_data,
    check_model,
    check_metric,
    check_schedule,
    check_used,
)
"""Every rule about flows."""
