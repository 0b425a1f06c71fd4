"""What monitors have found last of deployed pipelines, as they have written it; nothing is checked.

One small file a pipeline is read, those of a family at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.monitor.last import last_check
from atlas.monitor.report.content import FIRED, QUIET
from atlas.monitor.report.words import moment, number, percent
from atlas.monitor.spec import monitored_pipelines
from atlas.pages.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.store import Store
    from atlas_deploy.desired.deployment import Deployment

_AT_ONCE = 16
_FEW = 20
"""Up to so many pipelines, each of their triggers has a line; of more, only what is to be known."""
_OVER = frozenset(("promoted", "rejected", "requested", "declined", "superseded"))


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """How a deployment's pipelines stand by their monitor.

    Attributes:
        found: pipeline → what was found last, as `last_check` gives it; None for never.
        errors: pipeline → why that can't be read.
    """

    found: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"found": dict(self.found), "errors": dict(self.errors)}


def monitor_status(deployment: Deployment, store: Store) -> MonitorStatus:
    """Return what monitors have found last of a deployment's pipelines.

    Args:
        deployment: with its pipelines, where these aren't broken.
        store: where monitors write.
    """
    names = [one.pipeline for one in monitored_pipelines(deployment.pipelines)]
    if not names:
        return MonitorStatus()
    errors: dict[str, str] = {}

    def read(name: str) -> Mapping[str, Any] | None:
        try:
            return last_check(store, name)
        except StoreError as error:
            errors[name] = str(error)
            return None

    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        found = dict(zip(names, pool.map(read, names), strict=True))
    return MonitorStatus({name: one for name, one in found.items() if name not in errors}, errors)


def render_monitors(status: MonitorStatus) -> list[str]:
    """Return a line for each trigger and each event that something is still to come of."""
    lines = [f"monitor: {name}: {why}" for name, why in sorted(status.errors.items())]
    checked = {name: found for name, found in status.found.items() if found is not None}
    never = [name for name, found in status.found.items() if found is None]
    is_short = len(status.found) > _FEW
    for name, found in checked.items():
        lines += [*_triggers(name, found, is_short=is_short), *_events(name, found)]
    if is_short:
        lines.append(f"monitor: {len(checked):,} pipelines were looked at; {_said(checked)}")
    if never:
        more = f" and {len(never) - 1} more" if len(never) > 1 else ""
        lines.append(f"monitor: {never[0]}{more}: never looked at; {command('monitor')} does")
    return [visible(line) for line in lines]


def _said(checked: Mapping[str, Mapping[str, Any]]) -> str:
    """Return how many of many pipelines have a trigger that fired."""
    states = [[one.get("state") for one in found["triggers"]] for found in checked.values()]
    fired = sum(FIRED in own for own in states)
    return f"{fired:,} have a trigger that fired, {len(checked) - fired:,} have none"


def _triggers(name: str, found: Mapping[str, Any], *, is_short: bool) -> Iterator[str]:
    for one in found["triggers"]:
        state = str(one.get("state") or QUIET)
        if is_short and state == QUIET:
            continue
        checked = moment(str(found.get("checked", "")))
        head = f"monitor: {name}: {one.get('name', '-')} {state}{_measured(one)}"
        yield f"{head}{_spent(one)}; looked at {checked} UTC"


def _measured(one: Mapping[str, Any]) -> str:
    """Return what a trigger has found, and what that is compared with."""
    value, threshold = one.get("value"), one.get("threshold")
    if not isinstance(value, int | float) or not isinstance(threshold, int | float):
        return ""
    write = percent if one.get("unit") == "distance" else number
    unit = "" if one.get("unit") == "distance" else f" {one.get('unit', '')}"
    return f": {write(value)} against {write(threshold)}{unit}".rstrip()


def _spent(one: Mapping[str, Any]) -> str:
    spent, budget = one.get("spent"), one.get("budget")
    if not isinstance(spent, int | float) or not isinstance(budget, int | float) or not budget:
        return ""
    return f", {spent / budget:.0%} of its risk of a false alarm spent"


def _events(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Give the events that something is still to come of, or that need somebody."""
    for one in found["states"]:
        state = str(one.get("state", ""))
        if state in _OVER:
            continue
        until = f" until {moment(str(one['until']))} UTC" if one.get("until") else ""
        why = f": {one['why']}" if one.get("why") else ""
        yield f"retraining: {name}: {one.get('trigger')} {one.get('id')} {state}{until}{why}"
