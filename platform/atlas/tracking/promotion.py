"""Promotion: when a new version becomes the champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.tracking.registry import Registry


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


def promote(
    registry: Registry,
    model: str,
    version: str,
    rule: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> Promotion:
    """Make a version the champion if it passes the Config's rule; without a rule it does.

    Args:
        registry: where the model is registered.
        model: the registered name.
        version: the new version's number.
        rule: the Config's ``promotion``.
        metrics: ``step.metric`` → value, of the version's training run.

    Raises:
        PlatformError: the registry doesn't answer.
    """
    champion = registry.find(model, CHAMPION)
    previous = champion.version if champion else ""
    if previous == version:
        return Promotion(True, "it is the champion already", previous)
    best = champion.metrics() if champion else {}
    failure = _failure(rule, metrics, best) if rule else ""
    if failure:
        return Promotion(False, failure, previous)
    registry.set_alias(model, CHAMPION, version)
    return Promotion(True, _success(rule, metrics), previous)


def _failure(rule: Mapping[str, Any], metrics: Mapping[str, float], best: Any) -> str:
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
    if rule.get("beats_champion") and name in best:
        return _not_better(rule, value, best[name])
    return ""


def _not_better(rule: Mapping[str, Any], value: float, champion: float) -> str:
    smaller = "at_most" in rule and "at_least" not in rule
    if value < champion if smaller else value > champion:
        return ""
    return f"{rule['metric']} is {value:.6g}, and the champion's is {champion:.6g}"


def _success(rule: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    name = rule.get("metric", "")
    return f"{name} is {metrics[name]:.6g}" if name in metrics else "the Config has no rule"
