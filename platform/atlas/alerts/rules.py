"""The rules of a flow's runs: what fires when, right also for series that aren't there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.alerts.making import MEMBERS, OUT_OF_BOUNDS, WHO, GroupRules, Rule, RuleFlow, labels_of
from atlas.alerts.promql import duration, number
from atlas.metrics.catalogue import BY_NAME
from atlas.metrics.exposition import bounded
from atlas.metrics.metric import BATCH, MONITOR
from atlas.validate.gaps import first_end, gaps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.config_alerts import AlertRule, Bound

LATE, FAILED, STALE = "AtlasPipelineLate", "AtlasPipelineFailed", "AtlasMetricsStale"
_ENDED, _INTERVAL = "atlas_run_end_timestamp_seconds", "atlas_batch_interval_end_timestamp_seconds"
_SUCCEEDED, _PUSHED = "atlas_batch_end_timestamp_seconds", "atlas_push_timestamp_seconds"
NEVER = "never"
"""Value of the label ``reason`` where there is no series that says when it was the last time."""

__all__ = ["MEMBERS", "OUT_OF_BOUNDS", "FlowRules", "RuleFlow"]


class FlowRules(GroupRules):
    """Makes the rules of one flow's runs."""

    def _asked(self) -> Iterator[Rule]:
        yield from self._late()
        yield from self._failed()
        yield from self._stale()
        yield from self._metrics()

    def _late(self) -> Iterator[Rule]:
        """Fire when the run for an interval should have succeeded by now."""
        rule, schedule = self.alerts.late, self.flow.schedule
        if rule is None or not schedule:
            return
        ends, gaps = self._series(_INTERVAL), gaps_of(schedule)
        longer = "".join(
            f" - {gap.more} * ({ends} % {gap.period} == bool {gap.second})" for gap in gaps.longer
        )
        overdue = self._of_members(f"time() - {ends}{longer} > {number(gaps.usual + rule.seconds)}")
        text = f"{WHO} has no successful run for the interval that ended last"
        yield self._rule(LATE, self._after(rule.seconds, overdue), rule, text)
        never = self._after(-gaps.longest, self._without(ends))
        text = f"{WHO} has had no successful run of an interval since its rules were loaded"
        wait = gaps.longest + rule.seconds
        yield self._rule(LATE, never, rule, text, seconds=wait, reason=NEVER)

    def _after(self, seconds: float, expression: str) -> str:
        """Return an expression that has nothing until some time after the first interval's end."""
        end = first_end(self.flow.schedule)
        if not end:
            return expression
        return f"({expression}) and on () vector(time()) > {number(end + seconds)}"

    def _failed(self) -> Iterator[Rule]:
        """Fire when the last run failed."""
        rule = self.alerts.failed
        if rule is not None:
            expression = self._of_members(f"{self._series('atlas_run_success')} == 0")
            yield self._rule(FAILED, expression, rule, f"the last run of {WHO} failed")

    def _stale(self) -> Iterator[Rule]:
        """Fire when nothing was pushed for too long."""
        rule = self.alerts.stale
        if rule is None or not self.flow.is_watched:
            return
        pushed, after = self._series(_PUSHED), duration(rule.seconds)
        old = self._of_members(f"time() - {pushed} > {number(rule.seconds)}")
        text = f"{WHO} has pushed no metrics for more than {after}"
        yield self._rule(STALE, old, rule, text)
        never = self._without(pushed)
        yield self._rule(STALE, never, rule, text, seconds=rule.seconds, reason=NEVER)

    def _metrics(self) -> Iterator[Rule]:
        """Fire when a metric is out of its bounds, isn't a number, or is missing after a run."""
        for rule in self.alerts.metrics:
            if rule.bound is not None and self._has(rule.bound):
                yield self._metric(rule, rule.bound)

    def _has(self, bound: Bound) -> bool:
        """Tell whether a metric is this flow's."""
        is_its = not bound.flow or bound.flow == self.flow.flow
        if not bound.step and BY_NAME[bound.series].part == MONITOR:
            return False
        return is_its and (not bound.step or bound.step in self.flow.steps)

    def _metric(self, rule: AlertRule, bound: Bound) -> Rule:
        """Return the rule of one metric."""
        where = {"metric": bounded(bound.metric)} if bound.step else {}
        where |= {"slice": ""} if bound.step and bound.step not in self.flow.keyed else {}
        run = _SUCCEEDED if BY_NAME[bound.series].part == BATCH else _ENDED
        return self._bounded(rule, bound, where | labels_of(bound), run)
