"""What predictions say of themselves: the model version, the run and the interval, in columns.

The Config's ``predictions`` names the columns. Every table that a Predictor returns gets them, in
this one place, on every target. They are a part of what the step's result depends on, so its cache
key has them (`stamp`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import StepError
from atlas.formats import article, type_name
from atlas.formats.stamping import MOMENT, TEXT, column_names, is_table, with_columns
from atlas.template import Predictor
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep
    from atlas.step.job import Job
    from atlas.store import ModelVersion, Run


def model_of_step(run: Run, step: PlanStep) -> ModelVersion | None:
    """Return the model version that a step's parts of the model are of."""
    return run.challenger if step.rival_of else run.model


def stamp(plan: Plan, run: Run, step: PlanStep) -> dict[str, tuple[str, str]]:
    """Return the columns that a step's predictions get: name → what it holds, and its value."""
    if not step.predicts or not plan.predictions:
        return {}
    model = model_of_step(run, step)
    facts = {
        "version": (TEXT, model.version if model else ""),
        "run": (TEXT, run.id),
        "start": (MOMENT, run.interval_start),
        "end": (MOMENT, run.interval_end),
    }
    return {plan.predictions[fact]: facts[fact] for fact in facts if fact in plan.predictions}


def stamp_digest(plan: Plan, run: Run, step: PlanStep) -> str:
    """Return a digest of what the columns say; nothing for a step that gets none."""
    columns = stamp(plan, run, step)
    return digest(columns) if columns else ""


def stamped(job: Job, cls: type[Any], outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a step's outputs, its predictions with their columns.

    Args:
        job: whose outputs they are.
        cls: the step's class.
        outputs: by name.

    Raises:
        StepError: a Predictor returned no table, or one that has a column of such a name.
    """
    columns = stamp(job.plan, job.run, job.step)
    if not columns or not issubclass(cls, Predictor):
        return outputs
    tables = {name: value for name, value in outputs.items() if is_table(value)}
    if not tables:
        given = ", ".join(f"'{n}' is {article(type_name(v))}" for n, v in outputs.items())
        expected = "expected a table, for the columns that the Config's predictions name"
        raise StepError(job.step.name, f"{given or 'there is no output'}; {expected}")
    for name, table in tables.items():
        _check_names(job, name, table, columns)
    return {**outputs, **{name: with_columns(table, columns) for name, table in tables.items()}}


def _check_names(job: Job, output: str, table: Any, columns: Mapping[str, Any]) -> None:
    """Refuse a table that has one of the columns: nothing of the user's is overwritten."""
    taken = [name for name in column_names(table) if name in columns]
    if taken:
        fact = next(fact for fact, name in job.plan.predictions.items() if name == taken[0])
        text = f"output '{output}' has a column '{taken[0]}' already, and the Config's "
        hint = "rename one of the two"
        raise StepError(job.step.name, f"{text}predictions.{fact} adds one of that name; {hint}")
