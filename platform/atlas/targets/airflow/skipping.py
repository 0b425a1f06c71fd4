"""Steps that a run may skip, in Airflow's terms: short circuits and trigger rules.

A task ``STEP.when`` tells whether a step with a condition runs; where it doesn't, Airflow skips the
step. What needs such a step is skipped by Airflow itself, as long as that follows from its trigger
rules alone; else it has a task ``STEP.when`` too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atlas.plan import Plan, PlanStep

_NONE_FAILED = "none_failed"


def when_task(step: str) -> str:
    """Return the name of the task that tells whether a step runs."""
    return f"{step}.when"


def gated_steps(plan: Plan) -> frozenset[str]:
    """Return the steps before which a task tells whether they run."""
    may_skip = (plan.step(name) for name in plan.skippable)
    return frozenset(step.name for step in may_skip if not _follows_rules(plan, step))


def trigger_rule(plan: Plan, step: PlanStep) -> str:
    """Return the trigger rule of a step; empty for Airflow's own, that all before it succeed.

    Airflow skips what has no key, and the steps after it have to run all the same.
    """
    if step.name in plan.skippable:
        return ""
    before = step.upstream()
    may_lack = any(plan.step(name).foreach or name in plan.skippable for name in before)
    return _NONE_FAILED if may_lack else ""


def _follows_rules(plan: Plan, step: PlanStep) -> bool:
    """Tell whether Airflow skips a step when Atlas does: when one of those before it is skipped."""
    if step.when is not None or step.foreach is not None:
        return False
    alone = {group[0] for group in step.needs() if len(group) == 1}
    before = step.upstream()
    is_needed = all(name in alone for name in before if name in plan.skippable)
    return is_needed and not any(plan.step(name).foreach for name in before)
