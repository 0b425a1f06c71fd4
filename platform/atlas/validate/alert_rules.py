"""Rules about alerts: the flows, steps and metrics that they speak of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.config_alerts import RESERVED, Alerts
from atlas.environment import Environment
from atlas.load import nearest
from atlas.metrics.catalogue import BY_NAME
from atlas.metrics.metric import MONITOR
from atlas.validate.flat import DocumentPath, names
from atlas.validate.gaps import gaps_of
from atlas.validate.schedule import schedule_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.config import Config
    from atlas.config_alerts import AlertRule, Bound
    from atlas.errors import Problem
    from atlas.load import ConfigFile, EnvironmentFile
    from atlas.validate.flat import Flat

_SLICE = "slice"
_TRIGGERS = ("drift", "degradation", "estimate", "new_rows", "new_labels")


def alert_problems(
    file: ConfigFile, flats: Mapping[str, Flat], known: EnvironmentFile | None
) -> Iterator[Problem]:
    """Return what is wrong with a Config's alerts, and with what an Environment has in their place.

    Args:
        file: the Config.
        flats: its Recipes, as far as they could be read.
        known: the Environment; None where it can't be read.
    """
    environment = known.environment if known else Environment()
    place = DocumentPath(file.document, ("alerts",))
    yield from _problems(place, file.config, environment, flats)
    if known is not None and known.document is not None:
        place = DocumentPath(known.document, ("alerts", file.config.name))
        yield from _problems(place, file.config, environment, flats)


def _problems(
    place: DocumentPath, config: Config, environment: Environment, flats: Mapping[str, Flat]
) -> Iterator[Problem]:
    """Return what is wrong with alerts, wherever they are written."""
    written = _written(place)
    if not written:
        return
    alerts = Alerts.parse({key: value for key, value in written.items() if value is not None})
    is_whole = len(flats) == len(config.recipes) and all(flat.is_whole for flat in flats.values())
    steps = {flow: [*flat.steps] for flow, flat in flats.items()} if is_whole else None
    yield from _late(place / "late", alerts, config, environment)
    yield from _stale(place / "stale", alerts, config, environment)
    yield from _retraining(place / "retraining", alerts, written, config)
    for number, rule in enumerate(alerts.metrics):
        if rule.bound is not None:
            yield from _metric(place / "metrics" / number, rule.bound, config, steps)
    yield from _twice(place / "metrics", alerts.metrics)
    yield from _labels(place / "labels", alerts)


def _written(place: DocumentPath) -> Mapping[str, object]:
    """Return what stands at a place of a document; nothing where that is nothing or null."""
    value = place.document.value
    for part in place.at:
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _late(
    place: DocumentPath, alerts: Alerts, config: Config, environment: Environment
) -> Iterator[Problem]:
    """Check that something is due: where an Environment takes the schedule away, nothing is."""
    flows = {*config.schedule, *environment.schedules.get(config.name, {})}
    if alerts.late is not None and not flows & {*config.recipes}:
        message = "no flow of the Config has a schedule, so that no run can be late"
        hint = "give it a schedule, or use `stale`"
        yield place.problem("A001", message, expected="schedule.inference", hint=hint)


def _stale(
    place: DocumentPath, alerts: Alerts, config: Config, environment: Environment
) -> Iterator[Problem]:
    """Warn of a time that passes between two runs anyhow."""
    watched = "inference" if "inference" in config.recipes else "training"
    flows = {**config.schedule, **environment.schedules.get(config.name, {})}
    schedule = flows.get(watched)
    if alerts.stale is None or not schedule or [*schedule_problems(place, schedule)]:
        return
    longest = gaps_of(schedule).longest
    if alerts.stale.seconds < longest:
        message = f"{watched} runs up to {longest} s apart, and the alert fires in between"
        expected = f"at least {longest}s"
        yield place.problem("N010", message, severity="warning", expected=expected)


def _retraining(
    place: DocumentPath, alerts: Alerts, written: Mapping[str, object], config: Config
) -> Iterator[Problem]:
    """Check that there is a monitor, and that it has the triggers that are named."""
    if alerts.retraining is None:
        return
    if not config.retraining:
        message = "the Config has no `retraining`, so that nothing is monitored"
        hint = "say what starts a new training, or leave these alerts out"
        yield place.problem("A006", message, expected="retraining", hint=hint)
        return
    options = written["retraining"]
    named = options.get("triggers", ()) if isinstance(options, dict) else ()
    for number, name in enumerate(named):
        if name not in config.retraining:
            message = f"the Config's retraining has no '{name}'"
            expected = names(sorted(config.retraining.keys() & {*_TRIGGERS}))
            at = place / "triggers" / number
            yield at.problem("A006", message, found=name, expected=expected)


def _metric(
    place: DocumentPath, bound: Bound, config: Config, steps: Mapping[str, list[str]] | None
) -> Iterator[Problem]:
    """Check one metric: its bounds, where it comes from, its labels."""
    low, high = bound.below, bound.above
    if low is None and high is None:
        yield place.problem("A003", "the metric has no bound", expected="below, above or both")
    elif low is not None and high is not None and low > high:
        message = f"every value is below {low} or above {high}"
        yield place.problem("A003", message, expected="below at most above")
    yield from _source(place, bound, config, steps)
    if bound.series in BY_NAME:
        yield from _where(place / "where", bound)


def _source(
    place: DocumentPath, bound: Bound, config: Config, steps: Mapping[str, list[str]] | None
) -> Iterator[Problem]:
    """Check that there is such a metric, of such a flow."""
    at, expected = place / "metric", ""
    if bound.flow and bound.flow not in config.recipes:
        message = f"the Config has no Recipe for {bound.flow}"
        expected = names(config.recipes)
        yield (place / "flow").problem("A002", message, found=bound.flow, expected=expected)
    elif bound.step:
        yield from _step(at, bound, steps)
    elif bound.metric not in BY_NAME:
        message = f"Atlas gives Prometheus no metric '{bound.metric}'"
        hint, expected = nearest(bound.metric, BY_NAME), "step.metric, or one of Atlas's own"
        yield at.problem("A002", message, found=bound.metric, expected=expected, hint=hint)
    elif BY_NAME[bound.metric].part == MONITOR:
        yield from _of_monitor(place, bound, config)


def _of_monitor(place: DocumentPath, bound: Bound, config: Config) -> Iterator[Problem]:
    """Check a metric of the monitor, which isn't a flow's."""
    if not config.retraining:
        message = f"'{bound.metric}' is the monitor's, and the Config has no `retraining`"
        yield (place / "metric").problem("A006", message, found=bound.metric, expected="retraining")
    if bound.flow:
        message = f"'{bound.metric}' is the monitor's, and of no flow"
        hint = "leave `flow` out"
        yield (place / "flow").problem("A002", message, found=bound.flow, hint=hint)


def _step(
    place: DocumentPath, bound: Bound, steps: Mapping[str, list[str]] | None
) -> Iterator[Problem]:
    """Check that a metric's step is there."""
    flows = {} if steps is None else {bound.flow: steps[bound.flow]} if bound.flow else steps
    known = dict.fromkeys(name for own in flows.values() for name in own)
    if steps is None or bound.step in known:
        return
    who = bound.flow or "no Recipe of the Config"
    message = f"{who} has {'no' if bound.flow else 'a'} step '{bound.step}'"
    hint, expected = nearest(bound.step, known), names(known)
    yield place.problem("A002", message, found=bound.metric, expected=expected, hint=hint)


def _where(place: DocumentPath, bound: Bound) -> Iterator[Problem]:
    """Check that a metric has the labels that it is chosen by."""
    labels = (_SLICE,) if bound.step else BY_NAME[bound.series].labels
    for name in bound.where:
        if name not in labels:
            message = f"the metric '{bound.metric}' has no label '{name}'"
            hint, expected = nearest(name, labels), names(labels) or "no labels"
            yield (place / name).problem("A004", message, found=name, expected=expected, hint=hint)


def _twice(place: DocumentPath, rules: tuple[AlertRule, ...]) -> Iterator[Problem]:
    """Check that no two rules give alerts that can't be told apart."""
    seen: dict[object, int] = {}
    for number, rule in enumerate(rules):
        bound = rule.bound
        if bound is None:
            continue
        key = (bound.metric, tuple(sorted(bound.where.items())), bound.flow, rule.severity)
        if seen.setdefault(key, number) != number:
            message = f"'{bound.metric}' has two rules of severity {rule.severity}"
            hint = "give both bounds in one rule, or another severity"
            yield (place / number).problem("A005", message, found=bound.metric, hint=hint)


def _labels(place: DocumentPath, alerts: Alerts) -> Iterator[Problem]:
    """Check that labels aren't those that alerts have by themselves."""
    for name in alerts.labels:
        if name in RESERVED or name.startswith("__"):
            message = f"alerts have a label '{name}' by themselves"
            yield (place / name).problem("A004", message, found=name, hint="choose another name")
