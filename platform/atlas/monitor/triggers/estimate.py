"""A metric that is likely to be worse than it may be, before labels come: it only warns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import AtlasError, ProfileError
from atlas.monitor.batches import batch_profile
from atlas.monitor.checked import ESTIMATE, TriggerState
from atlas.monitor.estimate import estimate as estimated
from atlas.monitor.estimate import scores_of
from atlas.monitor.references import PREDICTIONS
from atlas.monitor.triggers.outcome import Seen

if TYPE_CHECKING:
    from atlas.config_retraining import EstimateRule
    from atlas.monitor.batches import BatchRecord
    from atlas.monitor.estimate import Estimate
    from atlas.monitor.life import ChampionLife
    from atlas.monitor.references import ModelReference


def estimate(life: ChampionLife) -> Seen | None:
    """Estimate the metric of the last batch that has scores."""
    rule = life.monitored.rule.estimate
    if rule is None:
        return None
    try:
        return Seen(_state(life, rule))
    except AtlasError as error:
        life.warnings.append(f"estimate: {error}")
        why = f"can't be told: {error}"
        return Seen(TriggerState(name=ESTIMATE, unit=rule.metric, why=why))


def _state(life: ChampionLife, rule: EstimateRule) -> TriggerState:
    record = next((one for one in reversed(life.own) if PREDICTIONS in one.profiles), None)
    if life.reference is None or record is None:
        return TriggerState(name=ESTIMATE, unit=rule.metric, why="no batch has scores yet")
    found = _estimate(life, rule, record, life.reference)
    warns = _is_worse(found, rule)
    side = "below" if rule.below is not None else "above"
    limit = rule.below if rule.below is not None else rule.above
    why = f"{rule.metric} of {record.batch} is estimated as {found.value:.4g}"
    why += f", between {found.low:.4g} and {found.high:.4g}; {side} {limit:.4g} is a warning"
    details = {"batch": record.batch, "low": found.low, "high": _finite(found.high)}
    details |= {"rows": found.rows, "beyond": found.beyond, "confidence": found.confidence}
    return TriggerState(
        name=ESTIMATE,
        fired=warns,
        value=_finite(found.value),
        threshold=limit,
        unit=rule.metric,
        why=why,
        details=details,
    )


def _finite(number: float) -> float | None:
    return number if abs(number) < float("inf") else None


def _is_worse(found: Estimate, rule: EstimateRule) -> bool:
    """Tell whether the whole interval is out of bounds."""
    below = rule.below is not None and found.high < rule.below
    return below or (rule.above is not None and found.low > rule.above)


def _estimate(
    life: ChampionLife, rule: EstimateRule, record: BatchRecord, reference: ModelReference
) -> Estimate:
    """Estimate the metric of a batch.

    Raises:
        ProfileError: the champion has no calibration, or the batch no such scores.
    """
    calibration = reference.calibration
    if calibration is None:
        found = f"{life.name} has not learnt what a score means"
        raise ProfileError(f"{found}; expected `score` and `label` in statistics.predictions")
    profile = batch_profile(life.store, record, PREDICTIONS, reference)
    column = reference.tables[PREDICTIONS].score
    feature = profile.features.get(column) if profile else None
    if feature is None:
        text = f"{record.batch} has no scores: the champion's are in the column {column!r}"
        raise ProfileError(f"{text}; expected one of its columns")
    values, counts = scores_of(feature)
    return estimated(calibration, values, rule.metric, counts=counts)
