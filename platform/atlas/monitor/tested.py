"""The test of a champion: the losses of the rows that its training has measured it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config import ROW_METRICS, PromotionRule
from atlas.errors import AtlasError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.monitor.row_metrics import LossAtTest, RowMetric
    from atlas.plan import Plan
    from atlas.store import Run, Store


def losses_at_test(store: Store, run: Run, metric: RowMetric, named: str = "") -> LossAtTest:
    """Return the losses of the rows of a training run's test.

    Args:
        store: the artifact store.
        run: the run that made the champion.
        metric: whose losses.
        named: ``step.column`` of the step whose ``row_metrics`` have it; empty for the column of
            the metric's name, of the step that decides on promotion or of another.

    Raises:
        ProfileError: no step has given such rows, or they aren't in the store any more.
    """
    try:
        plan = store.plan(run.plan)
        for step, column in _places(plan, metric, named):
            losses = _losses(store, run, step, column, metric)
            if losses is not None:
                return losses
    except ProfileError:
        raise
    except AtlasError as error:
        raise ProfileError(f"the rows of the champion's test can't be read: {error}") from None
    column = named or f"a step's row_metrics with a column '{metric.name}'"
    raise ProfileError(
        f"found no rows of the champion's test for {metric.name}; expected {column}, "
        "or `below` or `above` in the Config"
    )


def _places(plan: Plan, metric: RowMetric, named: str) -> Iterator[tuple[str, str]]:
    """Give the steps and columns that may have it, the likeliest first."""
    if named:
        step, _, column = named.rpartition(".")
        yield step, column
        return
    rule = PromotionRule.parse(plan.promotion)
    steps = [found.step for found in rule.metrics] if rule else []
    steps += [step.name for step in plan.steps if ROW_METRICS in step.outputs]
    names = (metric.name, "mse") if metric.is_root else (metric.name,)
    yield from ((step, name) for step in dict.fromkeys(steps) for name in names)


def _losses(store: Store, run: Run, step: str, column: str, metric: RowMetric) -> LossAtTest | None:
    """Return the losses in a column of a step's rows; None where there is none."""
    outcome = store.outcome(run.pipeline, run.id, step) or {}
    if ROW_METRICS not in outcome.get("outputs", {}):
        return None
    table = store.read(store.manifest(run.pipeline, run.id, step, ROW_METRICS))
    if column not in getattr(table, "columns", ()):
        return None
    return metric.score(table[column].to_numpy(dtype="float64"))
