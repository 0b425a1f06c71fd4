"""A Config's ``alerts``, as an Environment has them: when somebody has to look at a pipeline."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.values import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.config import Config
    from atlas.environment import Environment

STEP_METRIC = "atlas_model_metric"
"""The metric of Prometheus that has the metrics that steps record, by their names."""
_OF_PIPELINES = ("config", "environment", "flow", "job", "pipeline")
_OF_MONITORS = ("trigger",)
RESERVED = frozenset(
    ("alertname", "metric", "reason", "severity", "slice", *_OF_MONITORS, *_OF_PIPELINES)
)
"""Labels that alerts have by themselves."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric and the bounds that it has to keep.

    Attributes:
        metric: ``step.metric``, or the name of a metric that Atlas gives Prometheus.
        below: the alert fires below this; None for no such bound.
        above: the alert fires above this; None for no such bound.
        where: values of the metric's labels.
        flow: whose metric it is; empty for each flow that has it.
        missing: whether a successful run without the metric counts as out of bounds.
    """

    metric: str
    below: float | None = None
    above: float | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    flow: str = ""
    missing: bool = True

    @property
    def step(self) -> str:
        """Full name of the step that records it; empty for a metric of Prometheus."""
        return self.metric.rpartition(".")[0]

    @property
    def series(self) -> str:
        """The metric's name in Prometheus."""
        return STEP_METRIC if self.step else self.metric


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule.

    Attributes:
        severity: the label that Alertmanager routes by.
        runbook: URL of the page that says what to do; empty for none.
        seconds: after which time it fires.
        bound: of a metric, its bounds; else None.
    """

    severity: str
    runbook: str = ""
    seconds: float = 0.0
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class RetrainingAlerts:
    """Alerts of a pipeline's monitor.

    Attributes:
        rule: severity and runbook of all of them.
        triggers: those of which an alert says that they have fired; ``estimate`` is one, too.
        spent: which share of a risk of a false alarm is nearly all of it, from 0 to 1.
        late: how many seconds a batch may wait for the monitor.
        waiting: how many seconds an event may wait for the end of its retraining.
    """

    rule: AlertRule
    triggers: tuple[str, ...] = ("drift", "degradation", "estimate")
    spent: float = 0.9
    late: float = 3600.0
    waiting: float = 259_200.0


@dataclass(frozen=True, slots=True)
class Alerts:
    """What a Config asks for.

    Attributes:
        late: no successful run so long after an interval's end; None for no such rule.
        failed: the last run failed; None for no such rule.
        stale: nothing pushed for so long; None for no such rule.
        retraining: the monitor and what it has led to; None for no such rules.
        metrics: metrics out of bounds.
        labels: of every alert, besides its own.
        annotations: of every alert, besides its own.
    """

    late: AlertRule | None = None
    failed: AlertRule | None = None
    stale: AlertRule | None = None
    retraining: RetrainingAlerts | None = None
    metrics: tuple[AlertRule, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is any rule."""
        return any((self.late, self.failed, self.stale, self.retraining, self.metrics))

    def names(self) -> list[str]:
        """Return what is asked for, in words: ``late``, and the names of metrics."""
        own = {name: getattr(self, name) for name in ("late", "failed", "stale", "retraining")}
        metrics = [rule.bound.metric for rule in self.metrics if rule.bound is not None]
        return [*(name for name, rule in own.items() if rule is not None), *dict.fromkeys(metrics)]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Alerts:
        """Build them from JSON that the schema has accepted."""
        shared = {"severity": raw.get("severity") or "warning", "runbook": raw.get("runbook", "")}
        return cls(
            late=_rule(raw.get("late"), shared),
            failed=_rule(raw.get("failed"), shared),
            stale=_rule(raw.get("stale"), shared),
            retraining=_retraining(raw.get("retraining"), shared),
            metrics=tuple(_bounded(metric, shared) for metric in raw.get("metrics", ())),
            labels=raw.get("labels", {}),
            annotations=raw.get("annotations", {}),
        )


def alerts_of(config: Config, environment: Environment) -> Alerts:
    """Return what a Config asks for in an Environment, each key of which replaces the Config's."""
    own = environment.alerts.get(config.name, {})
    if own is None:
        return Alerts()
    merged = {**config.alerts, **own}
    return Alerts.parse({key: value for key, value in merged.items() if value is not None})


def _rule(raw: Any, shared: Mapping[str, str]) -> AlertRule | None:
    """Return the rule of ``late``, ``failed`` or ``stale``; None where it is off."""
    if raw is None or raw is False:
        return None
    options: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    after = raw if isinstance(raw, str) else options.get("after", "0s")
    return AlertRule(*_own(options, shared), seconds(after))


def _retraining(raw: Any, shared: Mapping[str, str]) -> RetrainingAlerts | None:
    """Return the rules of ``retraining``; None where they are off."""
    if raw is None or raw is False:
        return None
    options: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    plain = {name: options[name] for name in ("spent",) if name in options}
    plain |= {name: seconds(options[name]) for name in ("late", "waiting") if name in options}
    plain |= {"triggers": tuple(options["triggers"])} if "triggers" in options else {}
    return RetrainingAlerts(AlertRule(*_own(options, shared)), **plain)


def _bounded(raw: Mapping[str, Any], shared: Mapping[str, str]) -> AlertRule:
    """Return the rule of one of ``metrics``."""
    names = ("metric", "below", "above", "where", "flow", "missing")
    bound = Bound(**{name: raw[name] for name in names if name in raw})
    return AlertRule(*_own(raw, shared), seconds(raw.get("for", "0s")), bound)


def _own(raw: Mapping[str, Any], shared: Mapping[str, str]) -> tuple[str, str]:
    """Return a rule's own severity and runbook, or else those of all."""
    severity, runbook = (raw.get(name) or shared[name] for name in ("severity", "runbook"))
    return severity, runbook
