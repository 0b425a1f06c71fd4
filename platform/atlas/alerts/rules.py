"""The rules of one flow: what fires when, right also for series that aren't there.

A rule over a metric says nothing of a pipeline that has no such series. So each pipeline has a
series of its own in `MEMBERS`, and what has to be there is looked for beside it with ``unless``.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.alerts.promql import (
    by,
    duration,
    either,
    labelled,
    number,
    own_labels,
    plain,
    selector,
)
from atlas.dataclass import dataclass
from atlas.metrics.catalogue import BATCH, BY_NAME
from atlas.metrics.exposition import bounded
from atlas.validate.gaps import first_end, gaps_of
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.config_alerts import AlertRule, Alerts, Bound

LATE, FAILED = "AtlasPipelineLate", "AtlasPipelineFailed"
OUT_OF_BOUNDS, STALE = "AtlasMetricOutOfBounds", "AtlasMetricsStale"
MEMBERS = "atlas:alert_members"
"""The recording rule with a series for each pipeline."""
_DIGITS = 12
_CHUNK = 500
"""How many pipelines one recording rule has."""
_ENDED, _INTERVAL = "atlas_run_end_timestamp_seconds", "atlas_batch_interval_end_timestamp_seconds"
_SUCCEEDED, _PUSHED = "atlas_batch_end_timestamp_seconds", "atlas_push_timestamp_seconds"
_WHO = "{{ $labels.pipeline }} ({{ $labels.flow }})"
_NO_RUN = "never"
"""Value of the label ``reason`` where there is no series that says when it was the last time."""
Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RuleFlow:
    """A flow of the pipelines of one Config, as it is deployed.

    Attributes:
        name: the name of its group of rules: ``tumour-inference``.
        config: the Config's name.
        environment: the Environment's name.
        flow: ``training`` or ``inference``.
        pipelines: the deployed names of the pipelines that have the flow.
        schedule: when it runs; empty for no schedule.
        steps: names of its steps.
        keyed: names of those that run once a key, of which each key is a slice.
        is_watched: whether it is the flow that has to push its metrics.
    """

    name: str
    config: str
    environment: str
    flow: str
    pipelines: Sequence[str]
    schedule: Mapping[str, str] = field(default_factory=dict)
    steps: frozenset[str] = frozenset()
    keyed: frozenset[str] = frozenset()
    is_watched: bool = False


class FlowRules:
    """Makes the rules of one flow."""

    def __init__(self, flow: RuleFlow, alerts: Alerts) -> None:
        """Take the flow, and what is asked for."""
        self.flow, self.alerts = flow, alerts
        # By the names' digest: what an earlier group recorded is read for five minutes more.
        self.names = sorted(flow.pipelines)
        self.digest = digest(self.names)[:_DIGITS]
        self.members = f'{MEMBERS}{{rules="{flow.name}",members="{self.digest}"}}'

    def rules(self) -> list[Rule]:
        """Return the rules; none where nothing is asked for of this flow."""
        made = [*self._late(), *self._failed(), *self._stale(), *self._metrics()]
        return [*self._records(), *made] if made else []

    def _records(self) -> Iterator[Rule]:
        """Return the recording rules that name the pipelines, some hundreds each."""
        flow, names = self.flow, self.names
        labels = {
            "rules": flow.name,
            "members": self.digest,
            "config": flow.config,
            "environment": flow.environment,
            "flow": flow.flow,
        }
        for start in range(0, len(names), _CHUNK):
            part = {"part": str(start // _CHUNK)} if start else {}
            terms = [labelled("pipeline", name) for name in names[start : start + _CHUNK]]
            yield {"record": MEMBERS, "expr": either(terms), "labels": {**labels, **part}}

    def _series(self, name: str, *labels: str, **where: str) -> str:
        """Return a metric of the flow: one series for each pipeline and these labels."""
        flow = self.flow
        matched = {"environment": flow.environment, "flow": flow.flow, **where}
        return by(selector(name, matched, flow.pipelines), *labels)

    def _of_members(self, expression: str) -> str:
        """Return what an expression has of the pipelines, and of no other."""
        return f"({expression}) and on (pipeline) {self.members}"

    def _without(self, series: str) -> str:
        """Return the pipelines that have no such series."""
        return by(f"{self.members} unless on (pipeline) {series}")

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
        text = f"{_WHO} has no successful run for the interval that ended last"
        yield self._rule(LATE, self._after(rule.seconds, overdue), rule, text)
        never = self._after(-gaps.longest, self._without(ends))
        text = f"{_WHO} has had no successful run of an interval since its rules were loaded"
        wait = gaps.longest + rule.seconds
        yield self._rule(LATE, never, rule, text, seconds=wait, reason=_NO_RUN)

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
            yield self._rule(FAILED, expression, rule, f"the last run of {_WHO} failed")

    def _stale(self) -> Iterator[Rule]:
        """Fire when nothing was pushed for too long."""
        rule = self.alerts.stale
        if rule is None or not self.flow.is_watched:
            return
        pushed, after = self._series(_PUSHED), duration(rule.seconds)
        old = self._of_members(f"time() - {pushed} > {number(rule.seconds)}")
        text = f"{_WHO} has pushed no metrics for more than {after}"
        yield self._rule(STALE, old, rule, text)
        never = self._without(pushed)
        yield self._rule(STALE, never, rule, text, seconds=rule.seconds, reason=_NO_RUN)

    def _metrics(self) -> Iterator[Rule]:
        """Fire when a metric is out of its bounds, is no number, or is missing after a run."""
        for rule in self.alerts.metrics:
            if rule.bound is not None and self._has(rule.bound):
                yield self._metric(rule, rule.bound)

    def _has(self, bound: Bound) -> bool:
        """Tell whether a metric is this flow's."""
        is_its = not bound.flow or bound.flow == self.flow.flow
        return is_its and (not bound.step or bound.step in self.flow.steps)

    def _metric(self, rule: AlertRule, bound: Bound) -> Rule:
        """Return the rule of one metric."""
        own = own_labels(bound.series)
        where = {"metric": bounded(bound.metric)} if bound.step else {}
        where |= {"slice": ""} if bound.step and bound.step not in self.flow.keyed else {}
        where |= {label: bounded(value) for label, value in bound.where.items()}
        series = self._series(bound.series, *own, **where)
        conditions = [f"{series} != {series}"]
        if bound.below is not None:
            conditions.insert(0, f"{series} < {number(bound.below)}")
        if bound.above is not None:
            conditions.insert(0, f"{series} > {number(bound.above)}")
        if bound.missing:
            run = _SUCCEEDED if BY_NAME[bound.series].part == BATCH else _ENDED
            conditions.append(f"(NaN * {self._series(run)} unless on (pipeline) {series})")
        text = f"{plain(bound.metric)} of {_WHO} is {{{{ $value }}}}; expected {_expected(bound)}"
        return self._rule(
            OUT_OF_BOUNDS,
            self._of_members(" or ".join(conditions)),
            rule,
            text,
            seconds=rule.seconds,
            metric=plain(bound.metric),
        )

    def _rule(
        self,
        name: str,
        expression: str,
        rule: AlertRule,
        text: str,
        *,
        seconds: float = 0.0,
        **labels: str,
    ) -> Rule:
        """Return an alerting rule; what users write in labels and annotations is no template."""
        own = {"severity": plain(rule.severity), "config": self.flow.config, **labels}
        given = {key: plain(value) for key, value in sorted(self.alerts.labels.items())}
        annotations = {
            **{key: plain(value) for key, value in sorted(self.alerts.annotations.items())},
            "summary": text,
            **({"runbook_url": plain(rule.runbook)} if rule.runbook else {}),
        }
        waits = {"for": duration(seconds)} if seconds else {}
        return {
            "alert": name,
            "expr": expression,
            **waits,
            "labels": {**given, **own},
            "annotations": annotations,
        }


def _expected(bound: Bound) -> str:
    """Return the bounds of a metric in words."""
    least = [] if bound.below is None else [f"at least {number(bound.below)}"]
    most = [] if bound.above is None else [f"at most {number(bound.above)}"]
    return " and ".join([*least, *most])
