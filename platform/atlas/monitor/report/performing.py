"""How the champion does and what has come since its training, as pictures over batches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from atlas.errors import AtlasError
from atlas.monitor.budget import Budget
from atlas.monitor.report.content import Course, Line
from atlas.monitor.report.words import number
from atlas.monitor.row_metrics import ROW_METRICS, LossSums
from atlas.monitor.running import RunningRule, running
from atlas.monitor.tested import losses_at_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.config_retraining import DegradationRule
    from atlas.monitor.checked import CheckedPipeline, TriggerState
    from atlas.monitor.life import ChampionLife
    from atlas.monitor.row_metrics import RowMetric
    from atlas.monitor.running import RunningLoss

MOST_BATCHES = 60
"""The most batches that a picture shows, the last ones."""


def performance(life: ChampionLife, checked: CheckedPipeline) -> Iterator[Course]:
    """Give the picture of the metric that labels say, where the Config looks at one."""
    rule, state = life.monitored.rule.degradation, checked.state("degradation")
    if rule is None or state is None:
        return
    metric = ROW_METRICS.get(rule.metric)
    course = _running(life, rule, metric, state) if metric else _by_batch(life, rule, state)
    if course is not None:
        yield course


def _running(
    life: ChampionLife, rule: DegradationRule, metric: RowMetric, state: TriggerState
) -> Course | None:
    """Return the running loss, as it was known after each part of the labels."""
    own = [part for part in life.ledger.parts if part.metric == metric.name]
    counted = [LossSums(**loss) for part in own for loss in part.losses]
    limit = state.threshold
    if not counted or limit is None:
        return None
    first = max(1, len(counted) - MOST_BATCHES + 1)
    of = RunningRule(metric, Budget(rule.false_alarms), rule.batches, limit)
    looks = [running(counted[:count], None, of) for count in range(first, len(counted) + 1)]
    score = _at_test(life, rule, metric)
    lines = [
        Line(f"{metric.name} of the stretch most against it", "now", _values(looks, "value")),
        Line("in truth, at best", "plan", _values(looks, "bound")),
        Line("worst that is good", "limit", [limit] * len(looks)),
    ]
    if score is not None:
        lines.append(Line("at the champion's test", "then", [score] * len(looks)))
    return Course(
        title=f"Running {metric.name}, as labels came",
        batches=[part.batch for part in counted[first - 1 :]],
        lines=lines,
        alarms=frozenset(place for place, look in enumerate(looks) if look.fired),
        text=state.why,
    )


def _values(looks: Sequence[RunningLoss], name: str) -> list[float | None]:
    """Return a number of each look; None where there was nothing to look at."""
    return [getattr(look, name) if look.rows else None for look in looks]


def _at_test(life: ChampionLife, rule: DegradationRule, metric: RowMetric) -> float | None:
    """Return the champion's score at its test; None where its rows aren't there."""
    try:
        run = life.training
        score = losses_at_test(life.store, run, metric, rule.test) if run else None
    except AtlasError:
        return None
    return metric.value(score.sum / score.n) if score and score.n else None


def _by_batch(life: ChampionLife, rule: DegradationRule, state: TriggerState) -> Course | None:
    """Return a metric that isn't one of rows: batch by batch, beside its bound."""
    version = life.champion.version
    values: dict[str, float] = {}
    for measured in life.measured:
        value = measured.versions.get(version, {}).get("metrics", {}).get(rule.metric)
        if measured.version == version and not measured.versions:
            value = measured.metrics.get(rule.metric)
        if isinstance(value, int | float) and math.isfinite(value):
            values[measured.interval_end or measured.batch] = float(value)
    shown = [*values.items()][-MOST_BATCHES:]
    if not shown or rule.limit is None:
        return None
    below = rule.below is not None
    worse = [value < rule.limit if below else value > rule.limit for _, value in shown]
    return Course(
        title=f"{rule.metric} of each batch",
        batches=[name for name, _ in shown],
        lines=(
            Line(rule.metric, "now", [value for _, value in shown]),
            Line("worst that is good", "limit", [rule.limit] * len(shown)),
        ),
        alarms=frozenset(place for place, is_worse in enumerate(worse) if is_worse),
        text=state.why,
    )


# Since training ---------------------------------------------------------------------------------


def counts(life: ChampionLife, checked: CheckedPipeline) -> Iterator[Course]:
    """Give the pictures of rows and labels since the champion's training."""
    rows, labels = checked.state("new_rows"), checked.state("new_labels")
    new = life.new
    if rows is not None and new:
        names = [record.interval_end or record.created or record.batch for record in new]
        yield _counted("Rows since training", "rows", names, [r.rows for r in new], rows)
    if labels is not None:
        known: dict[str, Any] = {}
        for measured in life.measured:
            if life.is_new(measured):
                name = measured.interval_end or measured.created
                known[name] = max(known.get(name, 0), measured.labels)
        if known:
            yield _counted("Labels since training", "labels", [*known], [*known.values()], labels)


def _counted(
    title: str, what: str, names: Sequence[str], added: Sequence[int], state: TriggerState
) -> Course:
    """Return the picture of a count that grows."""
    total, sums = 0, []
    for count in added:
        total += count
        sums.append(float(total))
    threshold = state.threshold or 0.0
    used = total - (state.value or 0.0)  # up to the trigger's event before, which is used up
    limit = used + threshold
    return Course(
        title=title,
        batches=names[-MOST_BATCHES:],
        lines=(
            Line(what, "now", sums[-MOST_BATCHES:]),
            Line(state.name, "limit", [limit] * len(sums[-MOST_BATCHES:])),
        ),
        text=f"{number(state.value)} of {number(threshold)} {what}. {state.why}.",
    )
