"""A metric of labelled batches is worse than it may be.

Of metrics that each row has, the losses are counted in the order in which they become known, in the
ledger, and the bound on the running loss holds at all looks (`atlas.monitor.running`). Of others,
such as ``roc_auc``, the last batches are compared with a bound, which promises nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.config_retraining import DEGRADATION
from atlas.errors import ProfileError
from atlas.monitor.budget import Budget
from atlas.monitor.checked import TriggerState
from atlas.monitor.looks import LabelledPart, LossesAtTest
from atlas.monitor.row_metrics import ROW_METRICS, LossAtTest, LossSums
from atlas.monitor.running import RunningRule, fresh, running
from atlas.monitor.tested import losses_at_test
from atlas.monitor.triggers.outcome import Seen, seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.config_retraining import DegradationRule
    from atlas.models.measurements import BatchMeasurement
    from atlas.monitor.life import Armed, ChampionLife
    from atlas.monitor.row_metrics import RowMetric
    from atlas.monitor.running import RunningLoss


def degradation(life: ChampionLife) -> Seen | None:
    """Compare what labels say of the champion's batches with what is good."""
    rule = life.monitored.rule.degradation
    if rule is None:
        return None
    metric = ROW_METRICS.get(rule.metric)
    try:
        return _running(life, rule, metric) if metric else _in_a_row(life, rule)
    except ProfileError as error:
        life.warnings.append(f"degradation: {error}")
        state = TriggerState(name=DEGRADATION, unit=rule.metric, why=f"can't be told: {error}")
        return seen(life, life.armed(DEGRADATION), state, fires=False, numbers={})


# Metrics of rows ----------------------------------------------------------------------------


def _running(life: ChampionLife, rule: DegradationRule, metric: RowMetric) -> Seen:
    armed = life.armed(DEGRADATION)
    counted = _counted(life, metric)
    used = min(armed.after("parts"), len(counted))
    budget = Budget(rule.false_alarms, before=used)
    of = RunningRule(metric, budget, rule.batches, rule.limit, rule.margin or 0.0)
    found = running(counted[used:], score_of_test(life, rule, metric), of)
    state = TriggerState(
        name=DEGRADATION,
        value=found.value if found.rows else None,
        threshold=found.limit,
        unit=metric.name,
        spent=found.spent,
        budget=rule.false_alarms,
        why=_said(found, metric),
        details=_details(found, counted),
    )
    return seen(life, armed, state, fires=found.fired, numbers={"parts": len(counted)})


def _said(found: RunningLoss, metric: RowMetric) -> str:
    limit = f"{found.limit:.4g} is good"
    if not found.rows:
        return f"not enough batches have labels yet; {metric.name} up to {limit}"
    rows = f"{found.rows:,} labelled rows of the {found.batches:,} batches since {found.since}"
    best = f"in truth {found.bound:.4g} at best"
    return f"{metric.name} is {found.value:.4g} in {rows}, {best}; {limit}"


def _details(found: RunningLoss, counted: Sequence[LossSums]) -> dict[str, Any]:
    names = ("since", "batches", "rows", "bound", "chance", "whole", "promise")
    raw = {name: getattr(found, name) for name in names}
    rows = sum(part.n for part in counted)
    return {**{n: None if v != v else v for n, v in raw.items()}, "labels": rows}  # noqa: PLR0124 - NaN


def score_of_test(
    life: ChampionLife, rule: DegradationRule, metric: RowMetric
) -> LossAtTest | None:
    """Return the test of the champion; None where the rule has a limit of its own.

    Raises:
        ProfileError: its rows aren't known.
    """
    if rule.limit is not None:
        return None
    kept = life.ledger.tested(metric.name, rule.test)
    if kept is None:
        if life.training is None:
            raise ProfileError("the rows of the champion's test are gone with the run that made it")
        found = losses_at_test(life.store, life.training, metric, rule.test)
        numbers = {name: getattr(found, name) for name in LossAtTest.__slots__}
        kept = LossesAtTest(metric.name, rule.test, **numbers)
        life.ledger.keep_tested(kept)
    return LossAtTest(kept.n, kept.sum, kept.sum_squares, kept.skewness)


def _counted(life: ChampionLife, metric: RowMetric) -> list[LossSums]:
    """Return the losses in the order in which they became known, the newest ones entered first.

    What is new is found by what is in the ledger, and entered behind it; if another process was
    faster, it is found again by what the ledger has then. So each row is counted once.
    """
    ledger = life.ledger
    while True:
        own = [part for part in ledger.parts if part.metric == metric.name]
        counted = [LossSums(**loss) for part in own for loss in part.losses]
        chosen = _measured(life, "sums", metric.name, own[0].measurer if own else "")
        sums, measurer = _sums(life, metric, chosen)
        new = fresh(counted, sums)
        if not new.sums:
            break
        losses = [_plain(loss) for loss in new.sums]
        number = len(ledger.parts) + 1
        part = LabelledPart(number, losses, metric.name, measurer, life.now)
        ledger.count_losses(part)
    if new.revised:
        batches = ", ".join(new.revised[:5])
        text = f"labels of {batches} were taken back or changed after they were counted"
        life.warnings.append(f"degradation: {text}; the first ones stay counted")
    return counted


def chosen_sums(life: ChampionLife, metric: RowMetric) -> list[LossSums]:
    """Return the losses of each batch as they are known now, the oldest batch first."""
    sums, _ = _sums(life, metric, _measured(life, "sums", metric.name))
    return sums


def _plain(loss: LossSums) -> dict[str, Any]:
    return {name: getattr(loss, name) for name in ("batch", "n", "sum", "sum_squares")}


def _sums(
    life: ChampionLife, metric: RowMetric, chosen: Sequence[BatchMeasurement]
) -> tuple[list[LossSums], str]:
    """Return the losses of the batches as they are measured now, and who has measured them."""
    sums = []
    for measured in chosen:
        values = _of_champion(life, measured).get("sums", {}).get(metric.name)
        try:
            sums += [] if values is None else [metric.sums(measured.batch, values)]
        except ProfileError as error:
            life.warnings.append(f"degradation: {error}; the batch isn't counted")
    return sums, measurer_of(chosen[0]) if chosen else ""


# Which measurements -------------------------------------------------------------------------


def measurer_of(measured: BatchMeasurement) -> str:
    """Return the pipeline and the step that have measured a batch."""
    return f"{measured.measured_by.partition('/')[0]}.{measured.step}"


def _measured(
    life: ChampionLife, kind: str, metric: str, measurer: str = ""
) -> list[BatchMeasurement]:
    """Return what one step has measured of the champion's rows, the oldest batch first.

    Args:
        life: the champion's life.
        kind: what of it is asked for: ``sums`` or ``metrics``.
        metric: the metric.
        measurer: the step that was the first to be counted; empty for none yet: then the one that
            has measured most batches.
    """
    by_step: dict[str, list[BatchMeasurement]] = {}
    for measured in life.measured:
        if metric in _of_champion(life, measured).get(kind, {}):
            by_step.setdefault(measurer_of(measured), []).append(measured)
    if not by_step:
        return []
    most = max(sorted(by_step), key=lambda step: len(by_step[step]))
    return by_step.get(measurer or most, [])


def _of_champion(life: ChampionLife, measured: BatchMeasurement) -> Mapping[str, Any]:
    """Return what was measured of the rows that the champion has scored; nothing of others.

    A canary's rows were scored by another version.
    """
    version, model = life.champion.version, life.champion.model
    if measured.model and measured.model != model:
        return {}
    if measured.versions:
        found = measured.versions.get(version, {})
        return found if isinstance(found, dict) else {}
    is_own = measured.version == version
    return {"metrics": measured.metrics, "sums": measured.sums} if is_own else {}


# Other metrics ------------------------------------------------------------------------------


def _in_a_row(life: ChampionLife, rule: DegradationRule) -> Seen:
    """Compare the metric of each of the last batches with its bound.

    Raises:
        ProfileError: the rule has no bound.
    """
    if rule.limit is None:
        text = f"{rule.metric} isn't a metric of rows, whose bound the champion's test would say"
        raise ProfileError(f"{text}; expected `below` or `above` in the Config")
    armed = life.armed(DEGRADATION)
    batches = [*_values(life, rule, armed)]
    last = batches[-rule.batches :]
    worse = [batch for batch, value in last if _is_worse(value, rule)]
    fires = len(worse) == len(last) == rule.batches
    value = last[-1][1] if last else None
    side = "below" if rule.below is not None else "above"
    why = (
        f"{rule.metric} is {side} {rule.limit:.4g} in {len(worse)} of the last {len(last)} batches"
    )
    why += "" if value is None else f": {value:.4g} in {last[-1][0]}"
    state = TriggerState(
        name=DEGRADATION,
        value=value,
        threshold=rule.limit,
        unit=rule.metric,
        why=f"{why}; {rule.batches} in a row fire",
        details={"batches": len(batches), "worse": worse},
    )
    until = max((m.time.timestamp() for m in life.measured), default=0.0)
    return seen(life, armed, state, fires=fires, numbers={"until": int(until)})


def _values(life: ChampionLife, rule: DegradationRule, armed: Armed) -> Iterator[tuple[str, float]]:
    """Give the metric of each batch that isn't used up, the oldest first."""
    until = armed.after("until")
    for measured in _measured(life, "metrics", rule.metric):
        value = _of_champion(life, measured)["metrics"][rule.metric]
        is_number = isinstance(value, int | float) and value == value  # noqa: PLR0124 - NaN
        if is_number and (not armed.before or measured.time.timestamp() > until):
            yield measured.batch, float(value)


def _is_worse(value: float, rule: DegradationRule) -> bool:
    below = rule.below is not None and value < rule.below
    return below or (rule.above is not None and value > rule.above)
