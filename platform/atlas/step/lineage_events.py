"""A run's OpenLineage events, sent once it is over; that they can't be is only a warning."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import AtlasError, PlatformError, RefusedError
from atlas.step.failure import one_line

if TYPE_CHECKING:
    from atlas.store import Run, Store
    from atlas.tracking.openlineage.outbox import LineageOutbox
    from atlas.tracking.openlineage.receiver import LineageReceiver

URL = "ATLAS_OPENLINEAGE_URL"
_BUDGET_SECONDS = 2.0
"""For how long a run that is over sends events: its own, and what other runs have left."""


def sent_lineage(store: Store, run: Run) -> tuple[str, ...]:
    """Send a run's events to the platform's OpenLineage endpoint, or keep them for whoever is next.

    Args:
        store: the artifact store.
        run: a run that is over.

    Returns:
        Why they aren't sent, in a warning; nothing where they are, or where there is no endpoint.
        Events never fail a run.
    """
    if not os.environ.get(URL):
        return ()
    from atlas.tracking.openlineage.outbox import LineageOutbox

    try:
        outbox = LineageOutbox(store.location)
        outbox.add(run.pipeline, run.id)
        receiver = _receiver()
        end = time.monotonic() + _BUDGET_SECONDS
        _send(store, outbox, (run.pipeline, run.id), receiver, end)
        for place in outbox.waiting(refused=False):
            if time.monotonic() >= end:
                break
            _send(store, outbox, place, receiver, end)
    except AtlasError as error:
        return (f"OpenLineage events not sent: {error}; {_later()}",)
    except ImportError:
        hint = f"pip install 'atlas-ml[openlineage]' where steps run; {_later()}"
        return (f"OpenLineage events not sent: openlineage-python isn't installed; {hint}",)
    except Exception as error:
        return (f"OpenLineage events not sent: {one_line(error)}",)
    return ()


def send_waiting_lineage(store: Store) -> int:
    """Send the events that wait in a store, those of all pipelines; return of how many runs.

    Raises:
        PlatformError: the endpoint doesn't answer, or refuses, or the client isn't installed; what
            isn't sent stays.
        StoreError: the store can't be written.
    """
    if not os.environ.get(URL):
        return 0
    from atlas.tracking.openlineage.outbox import LineageOutbox

    outbox, receiver, sent = LineageOutbox(store.location), _receiver(), 0
    refusal: RefusedError | None = None
    for place in outbox.waiting(refused=True):
        try:
            sent += _send(store, outbox, place, receiver, float("inf"))
        except RefusedError as error:
            refusal = error
        except ImportError:
            raise PlatformError(
                "openlineage-python isn't installed; pip install 'atlas-ml[openlineage]'"
            ) from None
    if refusal is not None:
        raise refusal
    return sent


def _receiver() -> LineageReceiver:
    from atlas.tracking.openlineage.receiver import LineageReceiver

    return LineageReceiver(os.environ[URL])


def _send(
    store: Store,
    outbox: LineageOutbox,
    place: tuple[str, str],
    receiver: LineageReceiver,
    end: float,
) -> bool:
    """Send the events of one run; those of a run that is removed are forgotten."""
    if store.run_outcome(*place) is None:
        outbox.forget(*place)
        return False
    return outbox.send(place, lambda: _events(store, place), receiver, end - time.monotonic())


def _events(store: Store, place: tuple[str, str]) -> list[dict[str, Any]]:
    """Return a run's events, without secrets."""
    from atlas.models.signature import columns_of
    from atlas.step.secrets import mask_for
    from atlas.tracking.openlineage.events import events

    run = store.run(*place)
    plan = store.plan(run.plan)
    mask = mask_for(plan)
    made = events(store, plan, run, columns_of)
    return [mask.plain(event) for event in made] if mask else made


def _later() -> str:
    return f"they wait in the store, the next run or {command('runs', '--sync')} sends them"
