"""When each trigger would have fired first, under the Config's bounds or others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.config_retraining import DEGRADATION, DRIFT, NEW_LABELS, NEW_ROWS
from atlas.dataclass import dataclass
from atlas.errors import ProfileError
from atlas.monitor.budget import Budget
from atlas.monitor.drift import DISTRIBUTION, DriftRule, look
from atlas.monitor.row_metrics import ROW_METRICS
from atlas.monitor.running import RunningRule, limit_of, running
from atlas.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.config_retraining import RetrainingRule
    from atlas.monitor.drift import DriftLook
    from atlas.monitor.replay.timeline import Timeline


_LARGER = 1e-6


@dataclass(frozen=True, slots=True)
class Firing:
    """When a trigger would have fired first.

    Attributes:
        place: of the batch, from 0; None for never.
        why: what it would have seen; or why it can't be told.
    """

    place: int | None
    why: str


def firing(timeline: Timeline, rule: RetrainingRule, trigger: str) -> Firing:
    """Return when a trigger would have fired.

    Args:
        timeline: the batches.
        rule: the bounds.
        trigger: the trigger; the rule has it.
    """
    try:
        return _TRIGGERS[trigger](timeline, rule)
    except ProfileError as error:
        return Firing(None, f"can't be told: {error}")


def _new_rows(timeline: Timeline, rule: RetrainingRule) -> Firing:
    rows = 0
    for place, batch in enumerate(timeline.batches):
        rows += batch.rows * batch.is_new
        if rows >= rule.new_rows:
            return Firing(place, f"{rows:,} rows")
    return Firing(None, f"{rows:,} of {rule.new_rows:,} rows")


def _new_labels(timeline: Timeline, rule: RetrainingRule) -> Firing:
    labels = 0
    came = sorted((b.known, b.labels) for b in timeline.batches if b.is_new and b.labels)
    for place, count in came:
        labels += count
        if labels >= rule.new_labels:
            return Firing(place, f"{labels:,} labels")
    return Firing(None, f"{labels:,} of {rule.new_labels:,} labels")


def _degradation(timeline: Timeline, rule: RetrainingRule) -> Firing:
    own = rule.degradation
    if own is None or own.metric not in ROW_METRICS:
        raise ProfileError("only metrics of rows are replayed, such as accuracy or rmse")
    budget = Budget(own.false_alarms)
    asked = RunningRule(ROW_METRICS[own.metric], budget, own.batches, own.limit, own.margin or 0.0)
    known = replace(asked, limit=limit_of(timeline.score, asked)[0])
    counted = sorted(
        ((batch.known, batch.losses) for batch in timeline.batches if batch.losses),
        key=lambda part: part[0],
    )
    for number, (place, _) in enumerate(counted, start=1):
        found = running([losses for _, losses in counted[:number]], None, known)
        if found.fired:
            worse = f"{own.metric} {found.value:.4g} since {found.since}"
            return Firing(place, f"{worse}, {found.bound:.4g} at best; {found.limit:.4g} is good")
    return Firing(None, f"{len(counted)} batches have labels; {known.limit:.4g} is good")


def _drift(timeline: Timeline, rule: RetrainingRule) -> Firing:
    looks = 0
    for place, found in drift_looks(timeline, rule):
        looks += 1
        if found.alarms:
            worst = found.alarms[0]
            text = f"{worst.test} of {worst.feature}, {_windows(worst.window)}"
            return Firing(place, f"{text}: {worst.distance:.3g}, {worst.threshold:.3g} is an alarm")
    return Firing(None, f"{looks} batches were looked at")


def _windows(window: int) -> str:
    return "1 batch" if window == 1 else f"{window} batches"


def drift_looks(timeline: Timeline, rule: RetrainingRule) -> Iterator[tuple[int, DriftLook]]:
    """Give what each look would have seen, with the place of its batch.

    Raises:
        ProfileError: there is no reference, or the rule looks at none of its columns.
    """
    own, beside = rule.drift, timeline.beside
    if own is None or beside is None:
        raise ProfileError("the champion has no profile of what it was trained on")
    chosen = {n: f for n, f in beside.features.items() if _is_wanted(own, n)}
    if not chosen:
        raise ProfileError("the reference has none of the columns that are looked at")
    test = DriftRule(Budget(own.false_alarms, own.looks), *timeline.tolerances(own.tolerance))
    number, reference = 0, Profile(chosen)
    for place, batch in enumerate(timeline.batches):
        if not batch.window:
            continue
        number += 1
        window = [_only(timeline.batches[other].counts, chosen) for other in batch.window]
        yield place, look(reference, window, number, test)


def _only(counts: Profile, chosen: Mapping[str, Any]) -> Profile:
    return Profile({name: feature for name, feature in counts.features.items() if name in chosen})


def _is_wanted(own: Any, name: str) -> bool:
    table, _, column = name.partition(".")
    if table == "predictions":
        return bool(own.predictions)
    return own.features is None or column in own.features


def least_tolerances(timeline: Timeline, rule: RetrainingRule) -> dict[str, float]:
    """Return the smallest tolerance of each column's distribution that no batch would alarm with.

    Of columns that alarm without a tolerance; those that need most first.
    """
    if rule.drift is None:
        return {}
    # More than 0: with a tolerance, batches of a window may differ from each other.
    strict = replace(rule, drift=replace(rule.drift, tolerance=_LARGER))
    needed: dict[str, float] = {}
    for _, found in drift_looks(timeline, strict):
        for alarm in found.alarms:
            if alarm.test == DISTRIBUTION:
                beyond = alarm.distance - alarm.threshold + _LARGER
                needed[alarm.feature] = max(needed.get(alarm.feature, 0.0), beyond)
    return dict(sorted(needed.items(), key=lambda pair: (-pair[1], pair[0])))


_TRIGGERS: Mapping[str, Callable[[Timeline, RetrainingRule], Firing]] = {
    NEW_ROWS: _new_rows,
    NEW_LABELS: _new_labels,
    DEGRADATION: _degradation,
    DRIFT: _drift,
}
