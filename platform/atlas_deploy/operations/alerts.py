"""The alerts of deployments that fire, as Prometheus has them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas_deploy.platforms.deployed_kinds import ALERTS
from atlas_provider.prometheus import FIRING
from atlas_provider.rule_place import is_place, rule_place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from atlas_deploy.live.state import Resource
    from atlas_deploy.platforms.services import Services
    from atlas_provider.prometheus import Alert, RuleGroup


@dataclass(frozen=True, slots=True)
class ActiveAlerts:
    """The alerts of one deployment.

    Attributes:
        firing: those that fire.
        errors: why rules can't be evaluated, by their names.
    """

    firing: Sequence[Alert] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"firing": [alert.to_json() for alert in self.firing], "errors": dict(self.errors)}


def active_alerts(
    resources: Mapping[str, Sequence[Resource]], services: Services
) -> dict[str, ActiveAlerts]:
    """Return the alerts of deployments by their stacks; Prometheus is asked once, if at all.

    Args:
        resources: of each stack.
        services: their platform.

    Raises:
        PlatformError: Prometheus doesn't answer.
    """
    rules = {
        stack: [resource for resource in own if resource.kind == ALERTS]
        for stack, own in resources.items()
    }
    groups = services.prometheus().groups() if any(rules.values()) else []
    return {stack: _active([*_own_groups(groups, own)]) for stack, own in rules.items()}


def render_alerts(alerts: ActiveAlerts, paused: Collection[str]) -> list[str]:
    """Return a line for each alert that fires, and for each rule that can't be evaluated.

    Args:
        alerts: of a deployment.
        paused: its members that an operator has paused.
    """
    lines = [_line(alert, paused) for alert in alerts.firing]
    errors = sorted(alerts.errors.items())
    return [*lines, *(f"alert rule {name} can't be evaluated: {why}" for name, why in errors)]


def _own_groups(groups: Sequence[RuleGroup], resources: Sequence[Resource]) -> Iterator[RuleGroup]:
    """Return the groups that are of some resources."""
    for resource in resources:
        url = resource.inputs["rules"]
        if is_place(url):
            place, names = rule_place(url, resource.inputs["owner"]), [*resource.inputs["members"]]
            for group in groups:
                if any(place.is_of(group.file, name) for name in names):
                    yield group


def _active(groups: Sequence[RuleGroup]) -> ActiveAlerts:
    """Return what fires of some groups, the oldest first."""
    firing = [alert for group in groups for alert in group.alerts if alert.state == FIRING]
    errors = {name: why for group in groups for name, why in group.errors.items()}
    return ActiveAlerts(sorted(firing, key=lambda alert: alert.since), errors)


def _line(alert: Alert, paused: Collection[str]) -> str:
    """Return an alert for a person."""
    labels, notes = alert.labels, alert.annotations
    member = f"{labels.get('pipeline', '')}-{labels.get('flow', '')}"
    pause = f" ({member} is paused)" if member in paused else ""
    runbook = f"; {notes['runbook_url']}" if notes.get("runbook_url") else ""
    since = f"{alert.since[:19]}Z" if alert.since else "-"
    head = f"alert: {alert.name} ({labels.get('severity', '-')}) since {since}"
    return f"{head}: {notes.get('summary', '')}{pause}{runbook}"
