"""Which steps a run skips: decided from what its steps have made, alike on every target.

A step is skipped where its condition isn't true, or something that it needs was skipped. Order
alone (``after``) skips nothing. Nothing is remembered: who asks after a condition's step has run
again gets the new answer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError, StepError
from atlas.graph import ancestors
from atlas.step.outcome import SKIPPED, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import InputSource, Plan, PlanStep
    from atlas.step.inputs import Reader
    from atlas.step.job import Job
    from atlas.store import Run, Store

DECISION = "decision"
"""Name of the parameter that tells Kubeflow whether a step runs."""
RUN, SKIP = "run", "skip"
"""What it may be."""
_SCALARS = (bool, int, float, str)


def skipped_by(job: Job) -> Outcome | None:
    """Return the outcome of a step that the run skips; None for one that runs.

    Raises:
        StepError: what its condition compares isn't there, or can't be compared.
    """
    if job.step.name not in job.plan.skippable:
        return None
    from atlas.step.inputs import Reader

    reason = skip_reason(Reader(job.store, job.plan, job.run), job.step.name)
    return Outcome(SKIPPED, job.plan.digest, reason=reason) if reason else None


def skip(job: Job) -> Outcome | None:
    """Record that the run skips a step, if it does; as `skipped_by`."""
    outcome = skipped_by(job)
    if outcome is None:
        return None
    from atlas.step.execute import record

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return record(job, replace(outcome, started=now, ended=now))


def skip_reason(reader: Reader, step: str) -> str:
    """Return why a run skips a step, in words; nothing where it runs.

    Raises:
        StepError: what a condition compares isn't there, or can't be compared.
    """
    return skip_reasons(reader, {step}).get(step, "")


def skip_reasons(reader: Reader, steps: set[str]) -> dict[str, str]:
    """Return which of some steps, and of those before them, a run skips, and why."""
    plan = reader.plan
    if not plan.skippable & steps:
        edges = {step.name: step.upstream() for step in plan.steps} if plan.skippable else {}
        if not edges or not plan.skippable & ancestors(edges, steps):
            return {}
    edges = {step.name: step.upstream() for step in plan.steps}
    asked = plan.skippable & (steps | ancestors(edges, steps))
    reasons: dict[str, str] = {}
    for step in plan.steps:
        reason = _reason(reader, step, reasons) if step.name in asked else ""
        if reason:
            reasons[step.name] = reason
    return reasons


def _reason(reader: Reader, step: PlanStep, skipped: Mapping[str, str]) -> str:
    for group in step.needs():
        if group and all(name in skipped for name in group):
            verb = "was" if len(group) == 1 else "were"
            return f"{' and '.join(dict.fromkeys(group))} {verb} skipped"
    if step.when is None:
        return ""
    read = _values(reader, step, skipped)
    if step.when.truth(read):
        return ""
    found = {text_of(source): read(source) for source in step.when.sources()}
    told = ", ".join(
        f"{name} was skipped" if value is None else f"{name} is {_shown(value)}"
        for name, value in found.items()
    )
    return f"{told}; it runs where {step.when.text(text_of)}"


def _values(reader: Reader, step: PlanStep, skipped: Mapping[str, str]) -> Any:
    """Return what reads a comparison's value: None where the step that gives it was skipped."""

    def read(source: InputSource) -> Any:
        return None if source.name in skipped else _value(reader, step, source)

    return read


def _value(reader: Reader, step: PlanStep, source: InputSource) -> Any:
    value = reader.value(step, "when", source)
    value = value.item() if hasattr(value, "item") and not hasattr(value, "columns") else value
    if not isinstance(value, _SCALARS):
        found = f"when: {text_of(source)} is a {type(value).__name__}"
        raise StepError(step.name, f"{found}, expected a bool, a number or a text")
    return value


def text_of(source: InputSource) -> str:
    """Return what a comparison reads, as Recipes write it."""
    return f"{source.name}.{source.output}"


def _shown(value: Any) -> str:
    from atlas.condition import literal

    text = literal(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - fits one line


def given_inputs(reader: Reader, step: PlanStep) -> dict[str, InputSource]:
    """Return the inputs of a step that a run has: of several options, the first that ran.

    Raises:
        StepError: none of the options has run, and the step has no default for it.
    """
    skipped = skip_reasons(reader, {step.name})
    given = {}
    for name, source in step.inputs.items():
        there = [one for one in source.each() if one.kind != "step" or one.name not in skipped]
        if there:
            given[name] = there[0]
        elif name not in step.optional:
            raise StepError(step.name, f"inputs.{name}: what it reads was skipped")
    return given


def skipped_steps(store: Store, plan: Plan, run: Run) -> dict[str, str]:
    """Return the steps that a run has skipped, and why; none of them where that can't be read."""
    from atlas.step.inputs import Reader

    reader = Reader(store, plan, run)
    found: dict[str, str] = {}
    for step in plan.steps:
        if step.name in plan.skippable:
            try:
                reason = skip_reason(reader, step.name)
            except AtlasError:
                continue
            found |= {step.name: reason} if reason else {}
    return found
