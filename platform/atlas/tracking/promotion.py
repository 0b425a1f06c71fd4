"""Promotion: when a new version becomes the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas.errors import PlatformError
from atlas.store.run import same_parts
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import ModelVersion
    from atlas.tracking.registry import ModelRegistry, RegisteredVersion


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of a new version.

    Attributes:
        promoted: whether it is the champion now.
        reason: why, or why not, in words.
        previous: the version that was the champion, or empty.
    """

    promoted: bool
    reason: str
    previous: str = ""


def champions(metric: str) -> str:
    """Return the name under which a step records a metric of the champion beside its own."""
    return f"{CHAMPION}.{metric}"


def promote(
    registry: ModelRegistry,
    model: str,
    version: str,
    rule: Mapping[str, Any],
    metrics: Mapping[str, float],
    *,
    rival: ModelVersion | None = None,
) -> Promotion:
    """Make a version the champion if it passes the Config's rule; without a rule it does.

    Args:
        registry: where the model is registered.
        model: the registered name.
        version: the new version's number.
        rule: the Config's ``promotion``.
        metrics: ``step.metric`` → value, of the version's training run.
        rival: the champion that its training run has scored beside it, on the same test set.

    Raises:
        PlatformError: the registry doesn't answer.
    """
    champion = registry.find(model, CHAMPION)
    previous = champion.version if champion else ""
    if previous == version:
        return Promotion(True, "it is the champion already", previous)
    bar = _bar(rule, metrics, champion, rival)
    failure = _failure(rule, metrics, bar) if rule else ""
    if failure:
        return Promotion(False, failure, previous)
    registry.set_alias(model, CHAMPION, version)
    return Promotion(True, _success(rule, metrics, bar), previous)


class _Bar(NamedTuple):
    """What the champion has reached, and on which test set."""

    value: float
    where: str


def _bar(
    rule: Mapping[str, Any],
    metrics: Mapping[str, float],
    champion: RegisteredVersion | None,
    rival: ModelVersion | None,
) -> _Bar | None:
    """Return what is to be beaten: on the new version's test set, else on the champion's own."""
    if champion is None or not rule.get("beats_champion"):
        return None
    step, _, name = rule["metric"].rpartition(".")
    scored = metrics.get(f"{step}.{champions(name)}")
    if scored is not None and rival is not None and _is_same(champion, rival):
        return _Bar(scored, "on the same test set")
    own = champion.metrics().get(rule["metric"])
    return None if own is None else _Bar(own, "on its own test set")


def _is_same(champion: RegisteredVersion, rival: ModelVersion) -> bool:
    """Tell by their parts whether two are the same; a registry gives them numbers of its own."""
    try:
        parts = champion.resolved().parts
    except PlatformError:
        return False
    return same_parts(parts, rival.parts)


def _failure(rule: Mapping[str, Any], metrics: Mapping[str, float], bar: _Bar | None) -> str:
    """Return why the rule isn't passed, or nothing."""
    name = rule["metric"]
    value = metrics.get(name)
    if value is None:
        known = ", ".join(sorted(metrics)) or "none"
        return f"the run has no metric '{name}'; it has {known}"
    if "at_least" in rule and value < rule["at_least"]:
        return f"{name} is {value:.6g}, and must be at least {rule['at_least']:g}"
    if "at_most" in rule and value > rule["at_most"]:
        return f"{name} is {value:.6g}, and must be at most {rule['at_most']:g}"
    return "" if bar is None or _is_better(rule, value, bar.value) else _compared(name, value, bar)


def _is_better(rule: Mapping[str, Any], value: float, champion: float) -> bool:
    smaller = "at_most" in rule and "at_least" not in rule
    return value < champion if smaller else value > champion


def _compared(name: str, value: float, bar: _Bar) -> str:
    return f"{name} is {value:.6g}, and the champion's is {bar.value:.6g} {bar.where}"


def _success(rule: Mapping[str, Any], metrics: Mapping[str, float], bar: _Bar | None) -> str:
    name = rule.get("metric", "")
    if name not in metrics:
        return "the Config has no rule"
    return _compared(name, metrics[name], bar) if bar else f"{name} is {metrics[name]:.6g}"
