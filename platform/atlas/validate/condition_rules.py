"""Rules about conditions, and about inputs that take one of several outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.condition import ORDERED, literal, skippable
from atlas.recipe import ONE_OF
from atlas.validate.step_rules import edge_problems, no_source
from atlas.validate.types import LITERAL, UNION, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.condition import Condition
    from atlas.errors import Problem
    from atlas.validate.flat import FlatStep, Input
    from atlas.validate.signature import Signature
    from atlas.validate.subject import Subject
    from atlas.validate.types import Type

_KINDS = {"bool": "bool", "int": "number", "float": "number", "str": "str"}
_WORDS = {"bool": "true or false", "number": "a number", "str": "a text"}
_COMPARED = "a bool, a number or a text"


def check_conditions(subject: Subject) -> Iterator[Problem]:
    """Check that conditions compare outputs that there are, each with a literal of its kind."""
    seen: set[Any] = set()
    for step in subject.flat.steps.values():
        for comparison in step.when.comparisons() if step.when else ():
            read: Input = comparison.source
            key = (read.place.document.path, read.place.at)
            if key not in seen:  # That of a Recipe that is a step is each inner step's.
                seen.add(key)
                problem = no_source(subject, read)
                yield from [problem] if problem else _compared(subject, comparison)


def _compared(subject: Subject, comparison: Condition) -> Iterator[Problem]:
    read: Input = comparison.source
    given = subject.type_of(read.source) if read.source.kind == "step" else UNKNOWN
    if given == UNKNOWN or given.name in ("Any", "object"):
        return
    kinds, values = _kinds(given), comparison.value
    if not kinds:
        message = f"{read.source} is {given}, and a condition compares {_COMPARED}"
        hint = "give what is to be compared as an output of its own"
        yield read.place.problem("R051", message, found=str(given), expected=_COMPARED, hint=hint)
        return
    wanted = [values] if comparison.operator != "in" else values
    strange = [value for value in wanted if _kind(value) not in kinds]
    if comparison.operator in ORDERED and kinds != {"number"}:
        message = f"{read.source} is {given}, and '{comparison.operator}' compares numbers"
        yield read.place.problem("R051", message, found=str(given), expected="a number")
    elif strange:
        message = f"{read.source} is {given}, and never {literal(strange[0])}"
        expected = " or ".join(_WORDS[kind] for kind in sorted(kinds))
        yield read.place.problem("R051", message, found=literal(strange[0]), expected=expected)


def _kinds(given: Type) -> set[str]:
    """Return which kinds of scalars a type has; nothing where it has others too."""
    if given.name == LITERAL:
        return {_kind(value) for value in given.values} - {""}
    found = [_kinds(one) for one in given.args] if given.name == UNION else []
    if found:
        return set.union(*found) if all(found) else set()
    return {_KINDS[given.name]} if given.name in _KINDS else set()


def _kind(value: Any) -> str:
    names = {bool: "bool", int: "number", float: "number", str: "str"}
    return names.get(type(value), "")


def check_joins(subject: Subject) -> Iterator[Problem]:
    """Check that an input that takes one of several outputs may come to each, and fits each."""
    joins = [
        (step, name, read)
        for step in subject.flat.steps.values()
        for name, read in step.inputs.items()
        if read.options
    ]
    skipped = skippable_steps(subject) if joins else frozenset()
    for step, name, read in joins:
        signature = subject.signatures.get(step.name)
        for option in read.options:
            yield from _option(subject, step, name, option, signature)
        yield from _reached(read, skipped)


def _option(
    subject: Subject, step: FlatStep, name: str, option: Input, signature: Signature | None
) -> Iterator[Problem]:
    if option.source.kind not in ("step", "broken", "input"):
        message = f"{ONE_OF} takes what steps give, not {option.source}"
        found = str(option.source)
        yield option.place.problem("R052", message, found=found, expected="step.output")
        return
    problem = no_source(subject, option)
    if problem:
        yield problem
    elif signature and name in signature.inputs:
        yield from edge_problems(subject, step, name, subject.type_of(option.source), option)


def _reached(read: Input, skipped: frozenset[str]) -> Iterator[Problem]:
    """Check that no option but the last always runs, so that the others are never taken."""
    for option, after in zip(read.options[:-1], read.options[1:], strict=True):
        if option.source.kind == "step" and option.source.name not in skipped:
            message = f"{after.source} is never taken: '{option.source.name}' always runs"
            hint = f"give '{option.source.name}' a condition, `when`, or put its output last"
            yield after.place.problem("R052", message, found=str(after.source), hint=hint)
            return


def skippable_steps(subject: Subject) -> frozenset[str]:
    """Return the names of the steps that a run may skip."""
    signatures = subject.signatures
    return skippable(
        {
            name: (step.when is not None, _needs(step, signatures.get(name)))
            for name, step in subject.flat.steps.items()
        }
    )


def _needs(step: FlatStep, signature: Signature | None) -> tuple[tuple[str, ...], ...]:
    taken: Mapping[str, Any] = signature.inputs if signature else {}
    given = step.inputs.items()
    groups = [read.each() for name, read in given if name not in taken or taken[name].required]
    groups += [(keys,) for keys in (step.foreach.axes.values() if step.foreach else ())]
    return tuple(
        tuple(one.source.name for one in group)
        for group in groups
        if all(one.source.kind == "step" for one in group)
    )


RULES = (check_conditions, check_joins)
"""Every rule about what may be skipped; they need the classes' signatures."""
