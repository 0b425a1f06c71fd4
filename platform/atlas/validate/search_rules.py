"""Rules about searches that need the classes: what they take and give is that of their trials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.errors import NotTakenError, OutOfBoundsError, SourceError
from atlas.load import nearest
from atlas.search.part import (
    BEST,
    BEST_PARAMS,
    EVALUATE,
    HISTORY,
    KEY,
    OWN_OUTPUTS,
    PAGE,
    RESULT,
    RESULTS,
    TRIALS,
)
from atlas.validate.class_rules import read_class
from atlas.validate.flat import Param, names
from atlas.validate.parameters import shown
from atlas.validate.recorded import recorded_metrics
from atlas.validate.signature import Field
from atlas.validate.step_rules import check_inputs, check_params, check_signatures
from atlas.validate.taking import taken
from atlas.validate.types import UNKNOWN, Type, fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.errors import Problem
    from atlas.validate.flat import DocumentPath, FlatStep
    from atlas.validate.searching import FlatSearch
    from atlas.validate.signature import Signature
    from atlas.validate.subject import Subject

_DICT, _LIST = Type("dict"), Type("list")
_TABLE, _HTML = Type("pandas.DataFrame"), Type("atlas.template.Html")


def check_searches(subject: Subject) -> Iterator[Problem]:
    """Check every search, and give its steps the signatures that follow from their classes."""
    for search in subject.flat.searches.values():
        yield from _check_search(subject, search)


def _check_search(subject: Subject, search: FlatSearch) -> Iterator[Problem]:
    trainer = subject.signatures.get(search.name)
    evaluator, problems = _evaluator(subject, search)
    yield from problems
    if trainer is None:
        for step in subject.flat.steps.values():
            if step.search is not None and step.search.of == search.name:
                subject.signatures.pop(step.name, None)
        return
    yield from _names_fit(search, trainer)
    yield from _space(subject, search, trainer)
    if evaluator is not None:
        yield from _evaluates(subject, search, trainer, evaluator)
    if evaluator is not None or search.evaluator is None:
        yield from _metric(subject, search, evaluator or trainer)
    _compose(subject, search, trainer, evaluator)
    _type_ranges(subject, search, trainer)


def _evaluator(
    subject: Subject, search: FlatSearch
) -> tuple[Signature | None, tuple[Problem, ...]]:
    """Return the signature of what measures a trial, and what is wrong with its class."""
    step = search.evaluator
    if step is None:
        return None, ()
    shadow = replace(subject, signatures={}, shared=subject.reader)
    try:
        problems = tuple(read_class(shadow, step))
    except SourceError as error:
        problems = (error.problem,)
    return shadow.signatures.get(step.name), problems


def _names_fit(search: FlatSearch, trainer: Signature) -> Iterator[Problem]:
    """Check that nothing of the class has a name that the search needs."""
    taken_names = [name for name in trainer.outputs or () if name in OWN_OUTPUTS]
    reserved = (HISTORY, RESULTS) if search.raw.get("refit") else ()
    given = [n for n in search.inputs if n in (KEY, *reserved) or n.startswith(EVALUATE)]
    for name in (*taken_names, *given):
        message = f"the class of a search can't have the name '{name}', which the search has"
        yield search.place.problem("R055", message, found=name, hint="rename it")


def _space(subject: Subject, search: FlatSearch, trainer: Signature) -> Iterator[Problem]:
    """Check that each param that is tried is there, and takes what it is given."""
    cls = subject.flat.steps[search.name].cls
    for name, raw in search.raw.get("space", {}).items():
        place = search.field_place("space") / name
        field = trainer.params.get(name)
        if field is None:
            if trainer.closed:
                message = f"{cls} has no param '{name}'"
                expected, hint = names(trainer.params), nearest(name, trainer.params)
                yield place.problem("R016", message, found=name, expected=expected, hint=hint)
            continue
        values: list[tuple[tuple[str | int, ...], Any]] = [
            (("choices", index), value) for index, value in enumerate(raw.get("choices", ()))
        ]
        values += [((bound,), raw[bound]) for bound in ("low", "high") if bound in raw]
        for at, value in values:
            problem = _value_problem(subject, _inner(place, at), name, value, field)
            if problem:
                yield problem
                break


def _inner(place: DocumentPath, at: tuple[str | int, ...]) -> DocumentPath:
    """Return the place of a member some levels down."""
    for part in at:
        place = place / part
    return place


def _value_problem(
    subject: Subject, place: DocumentPath, name: str, value: Any, field: Field
) -> Problem | None:
    text = shown(value)
    try:
        taken(value, field.type, subject)
    except OutOfBoundsError as error:
        message = f"the search tries values of '{name}' that are out of range: {text}"
        return place.problem("R041", message, found=text, expected=str(error))
    except NotTakenError as error:
        message = f"the param '{name}' is {field.type}, and the search tries {text}"
        return place.problem("R017", message, found=text, expected=str(error))
    return None


def _evaluates(
    subject: Subject, search: FlatSearch, trainer: Signature, evaluator: Signature
) -> Iterator[Problem]:
    """Check what measures a trial, as any step: with what training gives as inputs."""
    step = search.evaluator
    assert step is not None  # noqa: S101  (only called with one; for mypy)
    given = trainer.outputs or {}
    taken_over = {name for name in given if name in evaluator.inputs and name not in step.inputs}
    inputs = {
        name: field
        for name, field in evaluator.inputs.items()
        if name not in taken_over and not (trainer.outputs is None and name not in step.inputs)
    }
    flat = replace(subject.flat, steps={**subject.flat.steps, step.name: step})
    own = {step.name: replace(evaluator, inputs=inputs)}
    shadow = replace(subject, flat=flat, signatures=own, shared=subject.reader)
    for rule in (check_signatures, check_params, check_inputs):
        yield from rule(shadow)
    for name in sorted(taken_over):
        kind, expected = given[name], evaluator.inputs[name].type
        if fits(kind, expected, subject.ancestors) is False:
            message = f"{name} is {kind}, and {step.cls} takes {name}: {expected}"
            yield step.cls_place.problem("R012", message, found=str(kind), expected=str(expected))


def _metric(subject: Subject, search: FlatSearch, measures: Signature) -> Iterator[Problem]:
    """Check that what measures a trial gives the metric, where its source tells what it gives."""
    metric = search.raw.get("metric")
    known = recorded_metrics(subject.reader, measures)
    if known is None or metric is None or metric in known:
        return
    cls = search.evaluator.cls if search.evaluator else subject.flat.steps[search.name].cls
    message = f"{cls} gives no metric '{metric}'"
    hint = nearest(metric, known)
    if search.evaluator is None:
        hint = hint or 'add "evaluate" with the class that measures a trial'
    place = search.field_place("metric")
    expected = names(sorted(known)) or "self.context.metric(NAME, value), or evaluate"
    yield place.problem("R056", message, found=metric, expected=expected, hint=hint)


def _compose(
    subject: Subject, search: FlatSearch, trainer: Signature, evaluator: Signature | None
) -> None:
    """Give the steps of a search what they take and give, for all other rules."""
    space = search.raw.get("space", {})
    params = {name: field for name, field in trainer.params.items() if name not in space}
    for name in (search.name, *search.trial_steps()):
        step = subject.flat.steps[name]
        own = replace(trainer, params=params)
        is_best = step.search is not None and step.search.role == BEST
        subject.signatures[name] = (
            _of_best(own, step) if is_best else _of_trial(own, step, evaluator)
        )


def _of_trial(own: Signature, step: FlatStep, evaluator: Signature | None) -> Signature:
    measured = {name for name in step.inputs if name.startswith(EVALUATE)}
    known = evaluator.inputs if evaluator else {}
    inputs = {name: _input(known, name.removeprefix(EVALUATE)) for name in sorted(measured)}
    more = {
        name: Field(UNKNOWN, required=False) for name in step.params if name.startswith(EVALUATE)
    }
    outputs = None if own.outputs is None else {**own.outputs, RESULT: _DICT}
    return replace(
        own,
        params={**own.params, **more},
        inputs={**own.inputs, **inputs, KEY: Field(_DICT, required=True)},
        outputs=outputs,
    )


def _input(known: Any, name: str) -> Field:
    return replace(known[name], required=False) if name in known else Field(UNKNOWN, required=False)


def _of_best(own: Signature, step: FlatStep) -> Signature:
    refits = step.search is not None and step.search.refit
    more = {name: Field(_LIST, required=True) for name in (HISTORY, RESULTS)}
    outputs = {BEST_PARAMS: _DICT, TRIALS: _TABLE, PAGE: _HTML}
    return replace(
        own,
        params=own.params if refits else {},
        inputs={**own.inputs, **more} if refits else more,
        outputs=None if own.outputs is None else {**own.outputs, **outputs},
    )


def _type_ranges(subject: Subject, search: FlatSearch, trainer: Signature) -> None:
    """Tell the steps that propose which ranges are of whole numbers, by the params' types."""
    typed = {
        name: _typed(raw, trainer.params.get(name))
        for name, raw in search.raw.get("space", {}).items()
    }
    for step in subject.flat.steps.values():
        part = step.search
        if part is not None and part.of == search.name and "search" in step.params:
            given = step.params["search"]
            value = {**given.value, "space": typed}
            step.params["search"] = Param("value", value, given.place)


def _typed(raw: Any, field: Field | None) -> Any:
    """Return a range with whether it is of whole numbers, where its param's type tells."""
    kinds = {field.type.name, *(arg.name for arg in field.type.args)} if field else set()
    if "choices" in raw or not {"int", "float"} & kinds:
        return raw
    return {**raw, "integer": "int" in kinds and "float" not in kinds}


RULES = (check_searches,)
"""What has to be known of searches before the rules about steps."""
