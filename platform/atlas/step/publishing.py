"""A run's metrics, published once it is over; that they can't be is only a warning."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import AtlasError
from atlas.step.failure import one_line
from atlas.step.outcome import DONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.tracking.metrics_outbox import MetricsOutbox
    from atlas.tracking.pushgateway import Pushgateway

SILENT = ("backfill", "shadow")
"""Triggers whose runs publish nothing: their batch isn't the current one."""
_BUDGET_SECONDS = 0.05
"""For how long a run sends what other runs have left in the outbox."""


def published(store: Store, plan: Plan, run: Run, outcome: Mapping[str, Any]) -> tuple[str, ...]:
    """Publish a run's metrics, or keep them for whoever publishes next.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        outcome: how it ended, as it is recorded.

    Returns:
        Why they aren't published, in a warning; nothing where they are, or where there is no
        Pushgateway. Metrics never fail a run.
    """
    if run.trigger in SILENT:
        return ()
    from atlas.tracking.metrics_outbox import MetricsOutbox

    try:
        return _published(MetricsOutbox(store.location), store, plan, run, outcome)
    except AtlasError as error:
        return (f"metrics not pushed: {error}; {_later()}",)
    except Exception as error:
        return (f"metrics not pushed: {one_line(error)}",)


def push_waiting(store: Store) -> int:
    """Push the metrics that wait in a store, those of all pipelines; return of how many.

    Raises:
        PlatformError: the Pushgateway doesn't answer, or refuses; what isn't sent stays.
        StoreError: the store can't be written.
    """
    from atlas.tracking.metrics_outbox import MetricsOutbox, send_all

    gateway = pushgateway_of_steps()
    return 0 if gateway is None else send_all(MetricsOutbox(store.location), gateway)


def pushgateway_of_steps() -> Pushgateway | None:
    """Return the Pushgateway that variables name, if there is one."""
    url = os.environ.get("ATLAS_PUSHGATEWAY_URL", "")
    if not url:
        return None
    from atlas.tracking.pushgateway import Pushgateway

    return Pushgateway(url)


def _published(
    outbox: MetricsOutbox, store: Store, plan: Plan, run: Run, outcome: Mapping[str, Any]
) -> tuple[str, ...]:
    from atlas.tracking.measured import measured
    from atlas.tracking.metrics_outbox import send_all

    is_done = outcome["status"] == DONE
    waiting = measured(store, plan, run, ended=outcome["ended"], is_done=is_done)
    outbox.add(waiting)
    gateway = pushgateway_of_steps()
    is_sent = outbox.send(waiting.group.digest, gateway)
    if gateway is None:
        return ()
    send_all(outbox, gateway, _BUDGET_SECONDS)
    return () if is_sent else (f"metrics not pushed: another process pushes them; {_later()}",)


def _later() -> str:
    return f"they wait in the store, the next run or {command('runs', '--sync')} sends them"
