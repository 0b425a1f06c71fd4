"""The metrics of pipelines that are taken away: their groups go from the Pushgateway, too.

What is to go is written to the store before anything is taken away, so that a deployment that is
killed, or a Pushgateway that is down, leaves no group behind: whoever pushes next deletes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.config import FLOWS
from atlas.errors import PlatformError
from atlas.http.credentials import basic, read_private
from atlas.metrics.metric import MONITOR
from atlas.store import open_location
from atlas.tracking.metrics_outbox import MetricsOutbox, deletion, send_all
from atlas.tracking.pushgateway import MetricGroup, Pushgateway
from atlas.uris import secret_file
from atlas_deploy.desired.monitors import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas_deploy.apply.options import Say
    from atlas_deploy.platforms.services import Services

PUSHGATEWAY = "pushgateway"


def groups_of(environment: str, resources: Mapping[str, Mapping[str, Any]]) -> set[MetricGroup]:
    """Return the groups of the pipelines that resources deploy.

    Args:
        environment: the Environment's name.
        resources: inputs by the resource's name, which begins with the flow.
    """
    groups = {
        MetricGroup(environment, member.removesuffix(f"-{flow}"), flow)
        for name, inputs in resources.items()
        for flow in FLOWS
        if name.startswith(f"{flow}-")
        for member in inputs.get("plans", ())
    }
    monitored = {group.pipeline for group in groups} if PART in resources else ()
    return groups | {MetricGroup(environment, pipeline, MONITOR) for pipeline in monitored}


def lost_groups(before: Iterable[MetricGroup], after: Iterable[MetricGroup]) -> set[MetricGroup]:
    """Return the groups that go: of a pipeline that goes as a whole, those of all of its flows."""
    left = set(after)
    names = {(group.environment, group.pipeline) for group in left}
    gone = set(before) - left
    whole = {
        MetricGroup(group.environment, group.pipeline, flow)
        for group in gone
        if (group.environment, group.pipeline) not in names
        for flow in (*FLOWS, MONITOR)
    }
    return gone | whole


def keep_deletions(services: Services, groups: Iterable[MetricGroup]) -> None:
    """Keep in the store that groups are to go.

    Raises:
        StoreError: the store can't be written.
    """
    outbox = MetricsOutbox(open_location(services.store))
    for group in groups:
        outbox.add(deletion(group))


def delete_groups(services: Services, groups: Iterable[MetricGroup], say: Say) -> None:
    """Delete groups, and whatever waits to be; a Pushgateway that is down gets it later.

    Raises:
        StoreError: the store can't be written.
    """
    keep_deletions(services, groups)
    if not services.has(PUSHGATEWAY):
        return
    try:
        send_all(MetricsOutbox(open_location(services.store)), _pushgateway(services))
    except PlatformError as error:
        later = f"the next run or {command('runs', '--sync')} sends it"
        say(f"warning: what waits for the Pushgateway wasn't sent: {error}; {later}")


def _pushgateway(services: Services) -> Pushgateway:
    opened = services.opened(PUSHGATEWAY)
    file = secret_file(opened.get("secrets", ""), opened.get("credentials", ""))

    def authorize() -> str:
        return basic(*read_private(file, PUSHGATEWAY)) if file else ""

    return Pushgateway(services.url(PUSHGATEWAY), authorize)
