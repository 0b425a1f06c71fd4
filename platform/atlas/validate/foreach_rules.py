"""Rules about steps, and Recipes that are steps, which run once per key."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from atlas.graph import find_cycle
from atlas.recipe import KEY, LITERAL_KEYS
from atlas.validate.step_rules import no_source
from atlas.validate.types import UNKNOWN, Type, fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.errors import Problem
    from atlas.validate.flat import FlatForeach, FlatStep, Input
    from atlas.validate.subject import Subject

MAX_KEYS = 1000
"""The most keys that a step may run for."""


def check_foreach(subject: Subject) -> Iterator[Problem]:
    """Check that keys come from lists, that they aren't too many, and that run takes such a key."""
    groups: set[str] = set()
    for step in subject.flat.steps.values():
        if step.foreach is None:
            continue
        if not step.foreach.group or step.foreach.group not in groups:
            groups.add(step.foreach.group)
            yield from _not_too_many(step.foreach)
            for keys in step.foreach.axes.values():
                yield from _is_list(subject, keys)
        for axis, name in _taken(step, step.foreach):
            yield from _key_fits(subject, step, step.foreach.axes[axis], name)


def _taken(step: FlatStep, foreach: FlatForeach) -> list[tuple[str, str]]:
    """Return which axis gives a key to which parameter of ``run``."""
    own = [(axis, axis) for axis in foreach.taken()]
    reads = step.inputs.items()
    return own + [(read.source.name, name) for name, read in reads if read.source.kind == KEY]


def _not_too_many(foreach: FlatForeach) -> Iterator[Problem]:
    """Check the number of combinations, as far as the documents give the keys."""
    given = {n: len(i.keys) for n, i in foreach.axes.items() if i.source.kind == LITERAL_KEYS}
    if prod(given.values()) > MAX_KEYS:
        first = foreach.axes[next(iter(given))]
        sizes = " x ".join(f"{count} of {axis}" for axis, count in given.items())
        message = f"foreach has {prod(given.values()):,} combinations: {sizes}"
        yield first.place.problem("R027", message, expected=f"at most {MAX_KEYS:,}")


def _is_list(subject: Subject, keys: Input) -> Iterator[Problem]:
    problem = no_source(subject, keys)
    if problem:
        yield problem
    elif keys.source.kind == LITERAL_KEYS:
        yield from _each_once(keys)
    elif keys.source.kind not in ("step", "broken", "input"):
        message = f"foreach needs a JSON list that a step gives, not {keys.source}"
        yield keys.place.problem("R027", message, expected="step.output")
    elif (given := subject.type_of(keys.source)) != UNKNOWN and not _may_be_list(given):
        message = f"foreach needs a list of keys, and {keys.source} is {given}"
        yield keys.place.problem("R027", message, found=str(given), expected="list")


def _may_be_list(given: Type) -> bool:
    return given.name in ("Any", "list", "tuple", "Sequence")


def _each_once(keys: Input) -> Iterator[Problem]:
    """Check that the documents give no key twice."""
    for index, key in enumerate(keys.keys):
        if key in keys.keys[:index]:
            message = f"foreach has the key {key!r} twice"
            yield keys.place.problem("R027", message, found=repr(key), expected="each key once")
            return


def _key_fits(subject: Subject, step: FlatStep, keys: Input, name: str) -> Iterator[Problem]:
    """Check that run takes a key of these as one of its parameters."""
    signature = subject.signatures.get(step.name)
    taken = signature.inputs.get(name) if signature else None
    expected = taken.type if taken else UNKNOWN
    if keys.source.kind == LITERAL_KEYS:
        yield from _literal_fits(subject, keys, name, expected)
        return
    given = subject.type_of(keys.source)
    if not _may_be_list(given) or not given.args:
        return
    if fits(given.args[0], expected, subject.ancestors) is False:
        message = f"the keys are {given.args[0]}, and run takes {name}: {expected}"
        yield keys.place.problem("R012", message, found=str(given.args[0]), expected=str(expected))


def _literal_fits(subject: Subject, keys: Input, name: str, expected: Type) -> Iterator[Problem]:
    for key in keys.keys:
        given = Type(type(key).__name__)
        if fits(given, expected, subject.ancestors) is False:
            message = f"the key {key!r} is {given}, and run takes {name}: {expected}"
            yield keys.place.problem("R012", message, found=repr(key), expected=str(expected))
            return


def check_groups(subject: Subject) -> Iterator[Problem]:
    """Check that no Recipe that runs once per key as a whole waits for itself."""
    steps = subject.flat.steps
    groups = {name: step.foreach.group for name, step in steps.items() if step.foreach}
    if not any(groups.values()):
        return
    edges: dict[str, list[str]] = {}
    for name, step in steps.items():
        node = groups.get(name) or name
        before = [groups.get(up) or up for up in step.upstream()]
        edges.setdefault(node, []).extend(up for up in before if up != node)
    cycle = find_cycle(edges)
    group = next((name for name in cycle if name in groups.values()), "")
    if group and not find_cycle({name: step.upstream() for name, step in steps.items()}):
        first = next(name for name, of in groups.items() if of == group)
        message = f"the Recipe '{group}' runs once per key as a whole, and waits for itself"
        found = " → ".join((*cycle, cycle[0]))
        hint = "take what stands between its steps into it, or split it"
        yield steps[first].place.problem("R010", message, found=found, hint=hint)


RULES = (check_foreach, check_groups)
"""Every rule about what runs once per key; they need the classes' signatures."""
