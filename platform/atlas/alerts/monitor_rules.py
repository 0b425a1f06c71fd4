"""The rules of a pipeline's monitor: what starts its next training, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.alerts.making import GroupRules, Rule, labels_of
from atlas.alerts.promql import by, either, number, selector
from atlas.metrics.catalogue import BY_NAME
from atlas.metrics.metric import MONITOR
from atlas.validate.gaps import gaps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.config_alerts import RetrainingAlerts

TRIGGERED, ESTIMATE = "AtlasRetrainingTriggered", "AtlasModelEstimateLow"
SPENT, CHECK_LATE = "AtlasFalseAlarmBudgetSpent", "AtlasMonitorLate"
FAILED, WAITING = "AtlasRetrainingFailed", "AtlasRetrainingWaiting"
_CHECKED, _SCORED = "atlas_monitor_check_timestamp_seconds", "atlas_batch_end_timestamp_seconds"
_WHO = "{{ $labels.pipeline }}"
_TRIGGER = "{{ $labels.trigger }}"
_ESTIMATE, _FAILED = "estimate", "failed"


class MonitorRules(GroupRules):
    """Makes the rules of one Config's monitor; the flow's schedule is the monitor's."""

    def _asked(self) -> Iterator[Rule]:
        asked = self.alerts.retraining
        if asked is not None:
            yield from self._triggered(asked)
            yield from self._spent(asked)
            yield from self._late(asked)
            yield from self._failed(asked)
            yield from self._waiting(asked)
        yield from self._metrics()

    def _triggered(self, asked: RetrainingAlerts) -> Iterator[Rule]:
        """Fire when a trigger has fired, and its retraining isn't over."""
        own = [name for name in asked.triggers if name != _ESTIMATE]
        if own:
            text = f"{_TRIGGER} of {_WHO} has fired, and its retraining isn't over"
            yield self._rule(TRIGGERED, self._fired(own), asked.rule, text)
        if _ESTIMATE in asked.triggers:
            text = f"the estimated metric of {_WHO} is worse than it may be; no labels yet"
            yield self._rule(ESTIMATE, self._fired([_ESTIMATE]), asked.rule, text)

    def _fired(self, triggers: Sequence[str]) -> str:
        """Return those of some triggers that have fired."""
        name = "atlas_monitor_trigger_fired"
        each = [self._series(name, "trigger", trigger=trigger) for trigger in triggers]
        return self._of_members(f"{either(each)} == 1")

    def _spent(self, asked: RetrainingAlerts) -> Iterator[Rule]:
        """Fire when a test has hardly any risk of a false alarm left to spend."""
        spent, budget = (
            self._series(f"atlas_monitor_risk_{name}", "trigger") for name in ("spent", "budget")
        )
        share = f"{spent} / ({budget} > 0)"
        expression = self._of_members(f"{share} >= {number(asked.spent)}")
        text = (
            f"{_TRIGGER} of {_WHO} has spent {{{{ $value | humanizePercentage }}}} of its risk of "
            "a false alarm: it sees less and less; retrain, or expect more looks"
        )
        yield self._rule(SPENT, expression, asked.rule, text)

    def _late(self, asked: RetrainingAlerts) -> Iterator[Rule]:
        """Fire when nobody has looked at a batch for too long.

        Only then is a batch later than the last look for so long: whoever looks sees all of them.
        """
        flow = self.flow
        where = {"environment": flow.environment, "flow": "inference"}
        scored = f"max by (pipeline) ({selector(_SCORED, where, flow.pipelines)})"
        seen = f"{self._series(_CHECKED)} >= on (pipeline) {scored}"
        unseen = by(f"{self.members} and on (pipeline) {scored} unless on (pipeline) ({seen})")
        gap = gaps_of(flow.schedule).longest if flow.schedule else 0.0
        text = f"no monitor has looked at the last batch of {_WHO}"
        yield self._rule(CHECK_LATE, unseen, asked.rule, text, seconds=asked.late + gap)

    def _failed(self, asked: RetrainingAlerts) -> Iterator[Rule]:
        """Fire when the training that an event has led to failed."""
        failed = self._series("atlas_monitor_retrainings", state=_FAILED)
        text = f"a retraining of {_WHO} failed, and isn't tried again by itself"
        yield self._rule(FAILED, self._of_members(f"{failed} > 0"), asked.rule, text)

    def _waiting(self, asked: RetrainingAlerts) -> Iterator[Rule]:
        """Fire when nothing has come of an event for too long."""
        since = self._series("atlas_monitor_open_event_timestamp_seconds")
        expression = self._of_members(f"time() - {since} > {number(asked.waiting)}")
        text = f"nothing has come of an event of {_WHO} yet: its retraining waits, or isn't done"
        yield self._rule(WAITING, expression, asked.rule, text)

    def _metrics(self) -> Iterator[Rule]:
        """Fire when a metric of the monitor is out of its bounds."""
        for rule in self.alerts.metrics:
            bound = rule.bound
            if bound is None or bound.step or BY_NAME[bound.series].part != MONITOR:
                continue
            yield self._bounded(rule, bound, labels_of(bound), _CHECKED)
