"""A Config's ``retraining``: what starts a new training, and on which terms it begins."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.values import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

NEW_ROWS, NEW_LABELS = "new_rows", "new_labels"
DEGRADATION, DRIFT, MANUAL = "degradation", "drift", "manual"
TRIGGERS = (NEW_ROWS, NEW_LABELS, DEGRADATION, DRIFT)
"""What starts a retraining by itself; `MANUAL` is a person."""
ALL, LEARNED = "all", "learned"
FALSE_ALARMS, LOOKS = 0.01, 100
"""Defaults: the risk of a false alarm in a champion's life, and the looks that are expected."""
PER_MONTH = 4
"""The most retrainings of a pipeline that begin in a calendar month, where the Config says none."""


@dataclass(frozen=True, slots=True)
class DegradationRule:
    """When a metric of labelled batches is worse than it may be.

    Attributes:
        metric: the metric, as a step measures it.
        below: values below this are worse than good; None for no such bound.
        above: likewise above.
        margin: by how much it may be worse than the champion's test score, in its unit; without
            any of the three, 0.
        test: ``step.column`` of the training's ``row_metrics`` that is that score; empty for the
            column of the metric's name.
        batches: the fewest distinct batches that an alarm may be about.
        false_alarms: the risk of a false alarm in a champion's life, where rows have the metric.
    """

    metric: str
    below: float | None = None
    above: float | None = None
    margin: float | None = None
    test: str = ""
    batches: int = 1
    false_alarms: float = FALSE_ALARMS

    @property
    def limit(self) -> float | None:
        """The worst value that is still good; None where the champion's score says it."""
        return self.below if self.below is not None else self.above


@dataclass(frozen=True, slots=True)
class DriftTrigger:
    """When batches aren't what the champion was trained on.

    Attributes:
        features: the columns that are looked at; None for all of the reference.
        predictions: whether those of the predictions are looked at too.
        false_alarms: the risk of a false alarm in a champion's life.
        looks: how many looks are expected in it.
        tolerance: which differences aren't drift: ``learned`` at training, a number for all
            columns, or a number for each.
    """

    features: tuple[str, ...] | None = None
    predictions: bool = False
    false_alarms: float = FALSE_ALARMS
    looks: int = LOOKS
    tolerance: str | float | Mapping[str, float] = LEARNED


@dataclass(frozen=True, slots=True)
class EstimateRule:
    """When a metric is estimated to be worse than it may be, before labels come; it only warns.

    Attributes:
        metric: the metric.
        below: values below this are worse than good; None for no such bound.
        above: likewise above.
    """

    metric: str
    below: float | None = None
    above: float | None = None


@dataclass(frozen=True, slots=True)
class RetrainingRule:
    """What starts a new training: a Config's ``retraining``.

    Attributes:
        new_rows: so many rows scored since the champion's training; 0 for no such trigger.
        new_labels: so many labels since then; 0 for no such trigger.
        degradation: a metric got worse; None for no such trigger.
        drift: batches changed; None for no such trigger.
        estimate: a warning of a metric that is likely to be worse; None for none.
        window: how long the data interval of a retraining is, such as ``90d``; empty for as long as
            that of the champion's training.
        parameters: trigger, or ``all`` → the Recipe's parameters that differ from the champion's.
        approval: what somebody has to approve: ``none``, ``training`` or ``promotion``.
        cooldown: how long after the end of a retraining the next one waits; empty for no time.
        in_flight: how many retrainings of the Config may be under way at once.
        per_month: how many of a pipeline may begin in a calendar month, in UTC.
        schedule: ``cron`` and ``timezone`` of the monitor; empty for after each inference run.
    """

    new_rows: int = 0
    new_labels: int = 0
    degradation: DegradationRule | None = None
    drift: DriftTrigger | None = None
    estimate: EstimateRule | None = None
    window: str = ""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    approval: str = "none"
    cooldown: str = ""
    in_flight: int = 1
    per_month: int = PER_MONTH
    schedule: Mapping[str, str] = field(default_factory=dict)

    @property
    def triggers(self) -> tuple[str, ...]:
        """The triggers that the Config has."""
        return tuple(name for name in TRIGGERS if getattr(self, name))

    @property
    def window_seconds(self) -> float:
        """The window in seconds; 0 for none."""
        return seconds(self.window) if self.window else 0.0

    @property
    def cooldown_seconds(self) -> float:
        """The cool-down in seconds; 0 for none."""
        return seconds(self.cooldown) if self.cooldown else 0.0

    def parameters_of(self, trigger: str) -> dict[str, Any]:
        """Return the parameters that a trigger sets: its own before those of all."""
        return {**self.parameters.get(ALL, {}), **self.parameters.get(trigger, {})}

    def to_json(self) -> dict[str, Any]:
        """Return it as a Config has it, without what is the default; `parse` gives it back."""
        default, raw = asdict(RetrainingRule()), asdict(self)
        if self.drift is not None and self.drift.features is not None:
            raw["drift"]["features"] = [*self.drift.features]
        changed = {name: value for name, value in raw.items() if value != default[name]}
        return {name: _plain(value) for name, value in changed.items()}

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> RetrainingRule | None:
        """Return the rule of a Config's ``retraining``; None of an empty one.

        Raises:
            TypeError, ValueError: it is none that the schema accepts.
        """
        if not raw:
            return None
        fields = dict(raw)
        for name, parsed in _PARTS.items():
            if name in fields:
                fields[name] = parsed(fields[name])
        for name in ("new_rows", "new_labels", "in_flight", "per_month"):
            if name in fields:
                fields[name] = int(fields[name])
        return cls(**fields)


def _plain(value: Any) -> Any:
    """Return a part without what it doesn't say."""
    if not isinstance(value, dict):
        return value
    return {name: part for name, part in value.items() if part not in (None, "")}


def _drift(raw: Mapping[str, Any]) -> DriftTrigger:
    features = raw.get("features", ALL)
    chosen = None if features == ALL else tuple(features)
    own = {name: value for name, value in raw.items() if name != "test"}
    return DriftTrigger(**{**own, "features": chosen, "looks": int(raw.get("looks", LOOKS))})


def _degradation(raw: Mapping[str, Any]) -> DegradationRule:
    return DegradationRule(**{**raw, "batches": int(raw.get("batches", 1))})


_PARTS: Mapping[str, Any] = {
    "degradation": _degradation,
    "drift": _drift,
    "estimate": lambda raw: EstimateRule(**raw),
}
