"""The best runs by a metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlas.config import PromotionRule
from atlas.errors import AtlasError, StoreError
from atlas.load.words import nearest
from atlas.runs.filters import metrics_in
from atlas.runs.history import history
from atlas.step.outcome import DONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.plan import Plan
    from atlas.runs.summary import RunSummary
    from atlas.store import Store

HIGHER, LOWER = "higher", "lower"
_NO_RULE = "no promotion rule of these runs states"


def best(
    runs: Sequence[RunSummary], metric: str, direction: str
) -> tuple[list[RunSummary], list[str]]:
    """Return the runs that are done and have a metric, the best first; and what was left out.

    Args:
        runs: the runs, the newest first; of equal ones the newest comes first.
        metric: ``step.metric``.
        direction: ``higher`` or ``lower``: which values are better.

    Raises:
        AtlasError: no run that is done has the metric as a number.
    """
    done = [run for run in runs if run.status == DONE]
    having = [run for run in done if metric in run.metrics]
    ranked = [run for run in having if math.isfinite(run.metrics[metric])]
    if not ranked:
        raise AtlasError(_none(runs, having, metric))
    ranked.sort(key=lambda run: run.metrics[metric], reverse=direction == HIGHER)
    return ranked, _left_out(len(done) - len(having), len(having) - len(ranked), metric)


def best_trained(store: Store, plan: Plan) -> str:
    """Return the id of the training run with the best value of its rule's metric; it is done.

    Args:
        store: the artifact store.
        plan: the pipeline's training Plan, by whose rule the runs are compared.

    Raises:
        AtlasError: there is no rule, or no run that is done has the metric as a number.
    """
    rule = PromotionRule.parse(plan.promotion)
    if rule is None:
        text = "the Config has no promotion.metric that says which run is the best"
        raise AtlasError(f"{plan.name}: {text}; give --run ID")
    runs = [run for run in history(store, {plan.name}).runs if run.flow == plan.flow]
    direction = LOWER if rule.main.is_lower_better else HIGHER
    try:
        ranked, _ = best(runs, rule.main.metric, direction)
    except AtlasError as error:
        raise AtlasError(f"{plan.name}: {error}") from None
    return ranked[0].run


def direction_of(store: Store, runs: Sequence[RunSummary], metric: str) -> str:
    """Return which values of a metric are better, by the latest promotion rule that says so.

    Args:
        store: the artifact store; the rules are in the Plans of the runs.
        runs: the runs, the newest first.
        metric: ``step.metric``.

    Raises:
        AtlasError: no rule says so, or the latest of different pipelines disagree.
    """
    latest: dict[str, str] = {}
    for plan, pipeline in dict.fromkeys((run.plan, run.pipeline) for run in runs):
        if pipeline not in latest and (stated := _stated(store, plan, metric)):
            latest[pipeline] = stated
    if len(set(latest.values())) == 1:
        return next(iter(latest.values()))
    rules = "the promotion rules of the pipelines disagree on" if latest else _NO_RULE
    raise AtlasError(
        f"--best: {rules} whether higher or lower values of '{metric}' are better; "
        "give --direction higher or --direction lower"
    )


def _stated(store: Store, plan: str, metric: str) -> str:
    """Return the direction that a Plan's promotion rule states for a metric, or nothing."""
    try:
        rule = PromotionRule.parse(store.plan(plan).promotion)
    except StoreError:
        return ""
    parts = rule.metrics if rule else ()
    return next((part.direction for part in parts if part.metric == metric), "")


def _none(runs: Sequence[RunSummary], having: Sequence[RunSummary], metric: str) -> str:
    if having:
        return f"--best: '{metric}' is not a finite number in any of the {len(having)} runs"
    known = sorted(metrics_in(runs))
    hint = nearest(metric, known) or (f"expected one of {', '.join(known[:8])}" if known else "")
    return f"--best: no run that is done has the metric '{metric}'{f' ({hint})' if hint else ''}"


def _left_out(missing: int, odd: int, metric: str) -> list[str]:
    """Return warnings about runs that are done and aren't ranked."""
    texts = {
        f"without the metric '{metric}'": missing,
        f"whose '{metric}' is not a finite number": odd,
    }
    return [f"left out: runs {what}: {number}" for what, number in texts.items() if number]
