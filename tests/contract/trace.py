"""A Trace: what a target would do in one run of a Plan, in words that no target owns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """A run that is asked for: what is only known at its start."""

    id: str = "training-one"
    interval_start: str = "2026-01-01T00:00:00+00:00"
    interval_end: str = "2026-01-02T00:00:00+00:00"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""
    release: str = ""


@dataclass(frozen=True, slots=True)
class StepTrace:
    """One step as a target runs it.

    Attributes:
        plan: digest of the Plan that the command names.
        run: the run's id, interval, parameters and commit, as they reach the step.
        params: what the class is constructed with.
        image: the reference of the image it runs in; empty for none.
        before: every step that is over before it starts, however far up.
        inputs: input → ``step.output`` that it reads, with ``*`` for a gathered one.
        keys: the source of its keys, for a step that runs once per key.
        command_index: the index that reaches key 0 of the step.
        retries: how often it is tried again.
        waits: seconds before each of the first retries.
        timeout: seconds.
        may_skip: whether the target skips it where the run does without it.
    """

    plan: str
    run: Mapping[str, Any]
    params: Mapping[str, Any]
    image: str
    before: frozenset[str]
    inputs: Mapping[str, str]
    keys: str
    command_index: int | None
    retries: int
    waits: tuple[float, ...]
    timeout: float | None
    cpu: float | None
    memory: int | None
    gpu: int | None
    env: Mapping[str, str]
    secrets: Mapping[str, Any]
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]
    may_skip: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """What a target would do in one run.

    Attributes:
        name: the deployed name.
        described: what can be read where it is shown: digests of Plan, documents and code, the
            commit, the model.
        parameters: type, default and bounds, as far as the target can hold a run to them.
        schedule: cron, timezone and start.
        reads: flows of other pipelines whose new results start it.
    """

    name: str
    described: frozenset[tuple[str, str]]
    parameters: Mapping[str, Mapping[str, Any]]
    schedule: tuple[str, ...]
    reads: frozenset[str]
    steps: Mapping[str, StepTrace]


def waits(limit: int, first: float, factor: float, longest: float) -> tuple[float, ...]:
    """Return the seconds before each of the first retries."""
    return tuple(min(first * factor**n, longest) for n in range(min(limit, 20)))


def differences(one: Trace, other: Trace) -> set[str]:
    """Return the dotted paths at which two Traces differ, steps field by field."""
    return set(_differences(one, other))


def _differences(one: Trace, other: Trace) -> Iterator[str]:
    for name in ("name", "described", "schedule", "reads"):
        if getattr(one, name) != getattr(other, name):
            yield name
    for name in {**one.parameters, **other.parameters}:
        yield from _keys(f"parameters.{name}", one.parameters.get(name), other.parameters.get(name))
    for name in {**one.steps, **other.steps}:
        mine, theirs = one.steps.get(name), other.steps.get(name)
        if mine is None or theirs is None:
            yield f"steps.{name}"
            continue
        for each in fields(StepTrace):
            if getattr(mine, each.name) != getattr(theirs, each.name):
                yield f"steps.{name}.{each.name}"


def _keys(
    path: str, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> Iterator[str]:
    if one is None or other is None:
        yield path
        return
    yield from (f"{path}.{key}" for key in {**one, **other} if one.get(key) != other.get(key))


def closure(direct: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return everything that comes before each step, from what comes directly before it."""
    found: dict[str, frozenset[str]] = {}

    def above(name: str) -> frozenset[str]:
        if name not in found:
            found[name] = direct[name].union(*(above(up) for up in direct[name]))
        return found[name]

    for name in direct:
        above(name)
    return found
