"""Bounds that are tried beside those of the Config, one changed at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.config_retraining import DEGRADATION, DRIFT, NEW_LABELS, NEW_ROWS, RetrainingRule
from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.load.schema import fits_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.config_retraining import DegradationRule, DriftTrigger

_MOST_RISK = 0.5


@dataclass(frozen=True, slots=True)
class TriedBounds:
    """A trigger's bounds.

    Attributes:
        trigger: the trigger.
        changed: what of the Config's differs, in words; empty for the Config's own.
        rule: the rule with these bounds.
    """

    trigger: str
    changed: str
    rule: RetrainingRule


def bounds_of(rule: RetrainingRule, tried: Sequence[str] = ()) -> list[TriedBounds]:
    """Return the bounds of each trigger: the Config's, then a small grid about it.

    Args:
        rule: the Config's.
        tried: other bounds in place of the grid, such as ``drift.tolerance=0.05``.

    Raises:
        AtlasError: one isn't what a Config's ``retraining`` may have.
    """
    if tried:
        own = [_parsed(rule, text) for text in tried]
        names = dict.fromkeys((*rule.triggers, *(bounds.trigger for bounds in own)))
        configured = [TriedBounds(name, "", rule) for name in names if name in rule.triggers]
        return sorted((*configured, *own), key=lambda bounds: [*names].index(bounds.trigger))
    found = []
    for name in rule.triggers:
        found.append(TriedBounds(name, "", rule))
        found += [TriedBounds(name, changed, other) for changed, other in _grid(rule, name)]
    return found


def _parsed(rule: RetrainingRule, text: str) -> TriedBounds:
    name, _, raw = text.partition("=")
    trigger, _, key = name.partition(".")
    try:
        value = json.loads(raw)
    except ValueError:
        value = raw
    document = rule.to_json()
    if key:
        before = document.get(trigger, {})
        document[trigger] = {**(before if isinstance(before, dict) else {}), key: value}
    else:
        document[trigger] = value
    whole = {"version": 1, "name": "x", "recipes": {"training": "x"}, "retraining": document}
    changed = RetrainingRule.parse(document) if fits_schema("config", whole) else None
    if changed is None or trigger not in changed.triggers:
        expected = "such as new_rows=5000, drift.tolerance=0.05, degradation.margin=0.02"
        raise AtlasError(f"bounds {text!r}: expected what `retraining` has, {expected}")
    return TriedBounds(trigger, text, changed)


def _grid(rule: RetrainingRule, trigger: str) -> Iterator[tuple[str, RetrainingRule]]:
    if trigger in (NEW_ROWS, NEW_LABELS):
        count = getattr(rule, trigger)
        for other in (max(count // 2, 1), 2 * count):
            yield f"{trigger}={other}", replace(rule, **{trigger: other})
    if trigger == DRIFT and rule.drift is not None:
        for changed, drift in _of_drift(rule.drift):
            yield f"drift.{changed}", replace(rule, drift=drift)
    if trigger == DEGRADATION and rule.degradation is not None:
        for changed, degradation in _of_degradation(rule.degradation):
            yield f"degradation.{changed}", replace(rule, degradation=degradation)


def _risks(risk: float) -> Iterator[float]:
    yield risk / 10.0
    if 10.0 * risk <= _MOST_RISK:
        yield 10.0 * risk


def _of_drift(own: DriftTrigger) -> Iterator[tuple[str, DriftTrigger]]:
    for risk in _risks(own.false_alarms):
        yield f"false_alarms={risk:g}", replace(own, false_alarms=risk)
    tolerances: tuple[Any, ...] = ("learned", 0.0, 0.02, 0.05, 0.1)
    for tolerance in tolerances:
        if tolerance != own.tolerance:
            yield f"tolerance={tolerance}", replace(own, tolerance=tolerance)


def _of_degradation(own: DegradationRule) -> Iterator[tuple[str, DegradationRule]]:
    for risk in _risks(own.false_alarms):
        yield f"false_alarms={risk:g}", replace(own, false_alarms=risk)
    for batches in (1, 3, 5):
        if batches != own.batches:
            yield f"batches={batches}", replace(own, batches=batches)
    if own.margin:
        for margin in (own.margin / 2.0, 2.0 * own.margin):
            yield f"margin={margin:g}", replace(own, margin=margin)
