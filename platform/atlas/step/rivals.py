"""The challenger beside the model: a shadow's comparison, and a canary's rows.

The challenger's steps are steps of the Plan (`atlas.plan.rivals`). What is different of them is
here: their failure is a finding and not a failure of the run, and a Predictor compares what the two
models predict. In a canary, it takes a share of the challenger's rows.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StepError, StoreError
from atlas.formats.mixing import agreement, chosen_rows, comparable, mixed, values_of
from atlas.formats.stamping import column_names, is_table
from atlas.plan.rivals import rival_name
from atlas.step.outcome import DONE, Outcome
from atlas.step.predictions import stamp
from atlas.step.trusting import trust_of
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.config import Canary
    from atlas.plan import Plan, PlanStep
    from atlas.step.inputs import Reader
    from atlas.step.job import Job
    from atlas.store import Manifest, Run, Store

_MOST_COLUMNS = 50
"""The most columns that are compared one by one."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What a step gives once both models have predicted.

    Attributes:
        outputs: by name.
        metrics: of their agreement.
        warning: why the challenger has no part in it, or empty.
        has_both: whether rows of both models are in it.
    """

    outputs: Mapping[str, Any]
    metrics: Mapping[str, float] = field(default_factory=dict)
    warning: str = ""
    has_both: bool = False


def idle(job: Job) -> Outcome | None:
    """Return the outcome of a challenger's step that has nothing to run for; None for any other.

    It says why once, where predictions would have been.
    """
    step = job.step
    if not step.rival_of:
        return None
    reason = job.run.no_challenger if job.run.challenger is None else _unfed(job)
    if not reason:
        return None
    return Outcome(DONE, job.plan.digest, reason=reason, notes=(reason,) if step.predicts else ())


def _unfed(job: Job) -> str:
    """Return which step before it has failed for the challenger, in words."""
    for name in job.step.upstream():
        before = job.plan.step(name)
        raw = job.store.outcome(*job.address[:2], name) if before.rival_of else None
        if raw is not None and before.foreach is None and not raw.get("outputs"):
            return f"the challenger's step {name} has no result"
    return ""


def excused(job: Job, outcome: Outcome) -> Outcome:
    """Return an outcome as it is recorded: what fails for the challenger is done, with a warning.

    So no target has to know of it, and the run ends as the model's own steps do.
    """
    if outcome.ok or not job.step.rival_of:
        return outcome
    version = job.run.challenger.version if job.run.challenger else ""
    text = f"the challenger, version {version}, has failed in {job.step.name}: {outcome.error}"
    job.logger.warning("%s\n%s", text, outcome.traceback)
    return replace(outcome, status=DONE, notes=(*outcome.notes, text), error="")


def challenger_warnings(store: Store, plan: Plan, run: Run) -> list[str]:
    """Return what a run's steps say of the challenger, each sentence once."""
    steps = [step for step in plan.steps if step.rival_of or is_compared(plan, step)]
    outcomes = (outcome for step in steps for outcome in _outcomes(store, run, step))
    notes = (note for outcome in outcomes if outcome for note in outcome.get("notes", ()))
    return list(dict.fromkeys(notes))


def _outcomes(store: Store, run: Run, step: PlanStep) -> list[Mapping[str, Any] | None]:
    indexes: list[int | None] = [*store.indexes(run, step.name)] if step.foreach else [None]
    return [store.outcome(run.pipeline, run.id, step.name, index) for index in indexes]


def is_compared(plan: Plan, step: PlanStep) -> bool:
    """Tell whether a step looks at what the other model predicts."""
    has_canary = plan.model is not None and plan.model.canary is not None
    is_canary = not step.rival_of and rival_name(step.name) in plan.by_name
    return bool(step.predicts) and (is_canary if has_canary else bool(step.rival_of))


def other_digest(reader: Reader, step: PlanStep, index: int | None) -> str:
    """Return a digest of what the other model predicts and how it is used; or nothing."""
    if not is_compared(reader.plan, step):
        return ""
    manifests = _others(reader.store, reader, step, index)
    canary = reader.plan.model.canary if reader.plan.model else None
    facts = [canary.share, canary.key] if canary else []
    return digest([facts, {name: manifest.digest for name, manifest in manifests.items()}])


def with_rival(job: Job, reader: Reader, outputs: Mapping[str, Any]) -> Mixture:
    """Return a step's outputs once they are compared, or mixed, with the other model's.

    Raises:
        StepError: the canary's key isn't a column of the predictions.
    """
    if not is_compared(job.plan, job.step):
        return Mixture(outputs)
    tables = {name: value for name, value in outputs.items() if is_table(value)}
    canary = job.plan.model.canary if job.plan.model else None
    if canary and canary.key:
        _check_key(job, tables, canary.key)
    manifests = _others(job.store, reader, job.step, job.index)
    if not manifests:
        return Mixture(outputs)
    trust = {n: trust_of(job.plan, job.step.outputs.get(n)) for n in manifests}
    others = {
        name: job.store.read(manifests[name], trust=trust[name])
        for name in tables
        if name in manifests
    }
    reason = _incomparable(job, tables, others)
    if reason:
        whose = "the challenger's" if canary else "these"
        return Mixture(outputs, warning=f"{whose} predictions can't be compared: {reason}")
    metrics = _agreement(job, tables, others)
    if not canary:
        return Mixture(outputs, metrics)
    return _mixture(job, canary, outputs, (tables, others), metrics)


def _mixture(
    job: Job,
    canary: Canary,
    outputs: Mapping[str, Any],
    both: tuple[Mapping[str, Any], Mapping[str, Any]],
    metrics: Mapping[str, float],
) -> Mixture:
    tables, others = both
    salt = job.plan.model.name if job.plan.model else ""
    joined, count = {}, 0
    for name, table in tables.items():
        keys = values_of(table, canary.key) if canary.key else range(len(table))
        rows = chosen_rows(keys, canary.share, salt)
        joined[name] = mixed(table, others[name], rows)
        count += sum(rows)
    values = {f"canary.{name}": value for name, value in metrics.items()}
    values |= {"canary.rows": float(count)}
    return Mixture({**outputs, **joined}, values, has_both=True)


def _others(store: Store, reader: Reader, step: PlanStep, index: int | None) -> dict[str, Manifest]:
    """Return what the other model has predicted: output → manifest; nothing where it hasn't."""
    run, name = reader.run, step.rival_of or rival_name(step.name)
    raw = store.outcome(run.pipeline, run.id, name, index) or {}
    try:
        return {
            output: store.manifest(run.pipeline, run.id, name, output, index=index)
            for output in raw.get("outputs", ())
        }
    except StoreError:
        return {}


def _check_key(job: Job, tables: Mapping[str, Any], key: str) -> None:
    for name, table in tables.items():
        names = column_names(table)
        if key not in names:
            text = f"output '{name}' has no column '{key}' that the Config's model.canary.key names"
            expected = ", ".join(map(str, names[:_MOST_COLUMNS]))
            raise StepError(job.step.name, f"{text}; expected one of {expected}")


def _incomparable(job: Job, tables: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """Return why two models' predictions aren't of the same rows; nothing where they are."""
    key = job.plan.model.canary.key if job.plan.model and job.plan.model.canary else ""
    for name, table in tables.items():
        if name not in others:
            return f"there is no output '{name}'"
        reason = comparable(table, others[name])
        if reason:
            return f"output '{name}': {reason}"
        if key and values_of(table, key) != values_of(others[name], key):
            return f"output '{name}': the column '{key}' has other values, or in another order"
    return ""


def _agreement(job: Job, tables: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, float]:
    """Return how far the challenger agrees with the model, as metrics."""
    own = set(stamp(job.plan, job.run, job.step))
    key = job.plan.model.canary.key if job.plan.model and job.plan.model.canary else ""
    found: dict[str, float] = {}
    for name, table in tables.items():
        columns = [str(c) for c in column_names(table) if c not in own and c != key]
        pair = (others[name], table) if job.step.rival_of else (table, others[name])
        prefix = f"{name}." if len(tables) > 1 else ""
        compared = agreement(*pair, columns[:_MOST_COLUMNS])
        found |= {f"{prefix}{metric}": value for metric, value in compared.items()}
    return found
