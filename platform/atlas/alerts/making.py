"""What all groups of rules are made of: their pipelines, and rules with labels and annotations.

A rule over a metric says nothing of a pipeline that has no such series. So each pipeline has a
series of its own in `MEMBERS`, and what has to be there is looked for beside it with ``unless``.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.alerts.promql import by, duration, either, labelled, number, own_labels, plain, selector
from atlas.dataclass import dataclass
from atlas.metrics.exposition import bounded
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from atlas.config_alerts import AlertRule, Alerts, Bound

OUT_OF_BOUNDS = "AtlasMetricOutOfBounds"
MEMBERS = "atlas:alert_members"
"""The recording rule with a series for each pipeline."""
WHO = "{{ $labels.pipeline }} ({{ $labels.flow }})"
_DIGITS = 12
_CHUNK = 500
"""How many pipelines one recording rule has."""
Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RuleFlow:
    """A flow of the pipelines of one Config, as it is deployed.

    Attributes:
        name: the name of its group of rules: ``tumour-inference``.
        config: the Config's name.
        environment: the Environment's name.
        flow: ``training``, ``inference`` or ``monitor``.
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


class GroupRules:
    """Makes the rules of one flow; which there are, a class below says."""

    def __init__(self, flow: RuleFlow, alerts: Alerts) -> None:
        """Take the flow, and what is asked for."""
        self.flow, self.alerts = flow, alerts
        # By the names' digest: what an earlier group recorded is read for five minutes more.
        self.names = sorted(flow.pipelines)
        self.digest = digest(self.names)[:_DIGITS]
        self.members = f'{MEMBERS}{{rules="{flow.name}",members="{self.digest}"}}'

    def rules(self) -> list[Rule]:
        """Return the rules; none where nothing is asked for of this flow."""
        made = [*self._asked()]
        return [*self._records(), *made] if made else []

    def _asked(self) -> Iterator[Rule]:
        """Give the rules that are asked for of this flow."""
        raise NotImplementedError

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

    def _bounded(self, rule: AlertRule, bound: Bound, where: Mapping[str, str], run: str) -> Rule:
        """Return the rule of a metric that is out of its bounds, isn't a number or is missing.

        Args:
            rule: the rule.
            bound: its metric and its bounds.
            where: values of the metric's labels.
            run: the metric of the flow that says that there was something to measure.
        """
        series = self._series(bound.series, *own_labels(bound.series), **where)
        conditions = [f"{series} != {series}"]
        if bound.below is not None:
            conditions.insert(0, f"{series} < {number(bound.below)}")
        if bound.above is not None:
            conditions.insert(0, f"{series} > {number(bound.above)}")
        if bound.missing:
            conditions.append(f"(NaN * {self._series(run)} unless on (pipeline) {series})")
        text = f"{plain(bound.metric)} of {WHO} is {{{{ $value }}}}; expected {_expected(bound)}"
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
        """Return an alerting rule; what users write in labels and annotations isn't a template."""
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


def labels_of(bound: Bound) -> dict[str, str]:
    """Return the values of labels that a metric is chosen by."""
    return {label: bounded(value) for label, value in bound.where.items()}


def _expected(bound: Bound) -> str:
    """Return the bounds of a metric in words."""
    least = [] if bound.below is None else [f"at least {number(bound.below)}"]
    most = [] if bound.above is None else [f"at most {number(bound.above)}"]
    return " and ".join([*least, *most])
