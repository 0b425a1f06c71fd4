"""Sending what waits in the spool."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from atlas.errors import AtlasError, PlatformError
from atlas.step.finish import Finished, amend, deliver, finished_run
from atlas.step.outcome import FAILED
from atlas.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.tracking.registry import Tracker
    from atlas.tracking.spool import Pending, Spool


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one run in the spool.

    Attributes:
        pipeline: the Plan's name.
        run: the run's id.
        tracked: MLflow's id of it; empty when it wasn't sent.
        finished: how it ended, and what was registered; None when it wasn't sent.
        problem: why it wasn't sent.
    """

    pipeline: str
    run: str
    tracked: str = ""
    finished: Finished | None = None
    problem: str = ""


def sync(spool: Spool, tracker: Tracker) -> Iterator[Synced]:
    """Send every run that waits and doesn't run any more, the oldest first.

    Raises:
        PlatformError: MLflow doesn't answer; what was sent so far is out of the spool.
    """
    for pending in list(spool.pending()):
        if pending.is_running:
            yield Synced(pending.pipeline, pending.run, problem="it runs")
        else:
            yield _send(spool, pending, tracker)


def _send(spool: Spool, pending: Pending, tracker: Tracker) -> Synced:
    place = (pending.pipeline, pending.run)
    try:
        store = open_store(pending.store)
        run = store.run(*place)
        plan = store.plan(run.plan)
        ended = replace(finished_run(store, run) or Finished(FAILED), warnings=())
        finished = deliver(store, plan, run, ended, pending, tracker=tracker)
    except PlatformError:
        raise
    except AtlasError as error:
        return Synced(*place, problem=str(error))
    if not finished.tracked:
        raise PlatformError(finished.warnings[-1])
    amend(store, run, finished)
    spool.remove(pending)
    return Synced(*place, finished.tracked, finished)
