"""What a check has found, where people look for it: a page in the store, MLflow, Prometheus.

The page and the facts that `atlas status` shows are written first; that MLflow or the Pushgateway
don't answer fails no check, and is a warning. Metrics wait in the store then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.monitor.event_states import recorded_states
from atlas.monitor.last import FORMAT, LAST, REPORT, file_key
from atlas.monitor.report import html
from atlas.monitor.report.content import QUIET
from atlas.monitor.report.gathering import page_of, state_of
from atlas.monitor.samples import monitor_metrics
from atlas.tracking.metrics_outbox import MetricsOutbox
from atlas.tracking.mlflow import MlflowTracker
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atlas.monitor.checked import CheckedPipeline
    from atlas.monitor.event_states import EventState
    from atlas.monitor.spec import MonitoredPipeline
    from atlas.store import Store
    from atlas.tracking.pushgateway import Pushgateway
    from atlas.tracking.registry import ModelRegistry

PAGE = "monitor.html"
"""What the page is called among the artifacts of the champion's run in MLflow."""
STATE, SPENT, CHECKED = "atlas.monitor", "atlas.monitor.spent", "atlas.monitor.checked"
"""Tags of the champion in MLflow: what has fired, the risks that are spent, and when."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a check is shown.

    Attributes:
        url: of the page in the store.
        page: its HTML.
        warnings: what couldn't be told to whom, and why.
    """

    url: str
    page: str
    warnings: tuple[str, ...] = ()


def publish(
    store: Store,
    registry: ModelRegistry,
    monitored: MonitoredPipeline,
    checked: CheckedPipeline,
    *,
    states: Sequence[EventState] | None = None,
    gateway: Pushgateway | None = None,
) -> Published:
    """Show what a check has found; a repeat replaces it.

    Args:
        store: the artifact store.
        registry: the registry that has the champion.
        monitored: what was checked.
        checked: what was found.
        states: what has become of the pipeline's events; None for what their results say.
        gateway: the Pushgateway; None for none: metrics wait in the store for who has one.

    Raises:
        AtlasError: the registry doesn't answer, or the store can't be read or written.
    """
    known = recorded_states(store, checked.pipeline) if states is None else states
    shown = page_of(store, registry, monitored, checked, known)
    text = html(shown)
    store.location.write(file_key(checked.pipeline, REPORT), text.encode("utf-8", "replace"))
    store.location.write(file_key(checked.pipeline, LAST), _last(checked, known))
    url = f"{store.url}/{file_key(checked.pipeline, REPORT)}"
    outbox, waiting = MetricsOutbox(store.location), monitor_metrics(checked, shown, known)
    outbox.add(waiting)
    warnings = []
    try:
        outbox.send(waiting.group.digest, gateway)
    except AtlasError as error:
        warnings.append(f"metrics not pushed: {error}; they wait in the store")
    try:
        _to_mlflow(registry, checked, text)
    except AtlasError as error:
        warnings.append(f"MLflow doesn't show it: {error}")
    return Published(url, text, tuple(warnings))


def _last(checked: CheckedPipeline, states: Sequence[EventState]) -> bytes:
    raw = checked.to_json()
    for found, state in zip(raw["triggers"], checked.triggers, strict=True):
        found["state"] = state_of(state)
    whole = {"format": FORMAT, **raw, "states": [state.to_json() for state in states]}
    return canonical(whole).encode("utf-8", "replace")


def _to_mlflow(registry: ModelRegistry, checked: CheckedPipeline, page: str) -> None:
    """Attach the page to the champion's version, as its card is."""
    if not isinstance(registry, MlflowTracker) or not checked.champion:
        return
    from atlas.tracking.version_pages import VersionPage, put_page

    noted = [f"{s.name}: {state_of(s)}" for s in checked.triggers if state_of(s) != QUIET]
    spent = [f"{s.name}: {s.spent:.3g} of {s.budget:g}" for s in checked.triggers if s.budget]
    tags = {STATE: ", ".join(noted) or "nothing has fired", CHECKED: checked.checked}
    tags |= {SPENT: ", ".join(spent)} if spent else {}
    artifacts = {PAGE: page.encode("utf-8", "replace")}
    put_page(registry, VersionPage(checked.model, checked.champion, artifacts, tags))
