"""How groups of alert rules differ, rule by rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MEMBERS = re.compile(r',members="[0-9a-f]+"')
"""What an expression says of the pipelines that it is about: their names' digest."""


def alert_details(old: bytes, new: bytes) -> tuple[str, ...]:
    """Return how a group's alerts differ; of a new group, which it has.

    Args:
        old: its file now; empty for none, or where it isn't known.
        new: its file afterwards; empty for none.
    """
    before, after = _alerts(old), _alerts(new)
    if not before:
        return (", ".join(after),) if after else ()
    return tuple(_changes(before, after)) if after else ()


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Return the alerts that are added, removed and changed."""
    yield from (f"{name} added" for name in after if name not in before)
    yield from (f"{name} removed" for name in before if name not in after)
    same = [name for name in after if name in before]
    yield from (f"{name} changes" for name in same if before[name] != after[name])
    if not any(before.get(name) != after.get(name) for name in {*before, *after}):
        yield "which pipelines it is about"


def _alerts(content: bytes) -> dict[str, list[Any]]:
    """Return the alerting rules of a file, by what a person calls them."""
    import yaml

    if not content:
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    groups = yaml.load(content, loader)["groups"]  # noqa: S506 - either is safe
    alerts: dict[str, list[Any]] = {}
    for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
        rule["expr"] = _MEMBERS.sub("", rule["expr"])
        alerts.setdefault(_name(rule), []).append(rule)
    return alerts


def _name(rule: Mapping[str, Any]) -> str:
    """Return what a person calls a rule: ``AtlasMetricOutOfBounds of evaluate.roc_auc``."""
    labels = rule.get("labels", {})
    metric = f" of {labels['metric']}" if "metric" in labels else ""
    return f"{rule['alert']}{metric} ({labels.get('severity', '-')})"
