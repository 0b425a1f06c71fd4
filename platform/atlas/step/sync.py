"""Sending the runs that wait in the outbox."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, PlatformError
from atlas.step.delivery import put_off, sending, track
from atlas.step.finish import amend, finished_run
from atlas.step.finished import Finished
from atlas.step.outcome import FAILED
from atlas.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.tracking.outbox import Outbox, Pending
    from atlas.tracking.registry import Tracker


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one run in the outbox.

    Attributes:
        pipeline: the Plan's name.
        run: the run's id.
        tracked: MLflow's id of it; empty when it wasn't sent.
        finished: how it ended, and what was registered; None when it wasn't sent.
        problem: why it wasn't sent.
        failed: whether that is a fault that somebody has to mend.
    """

    pipeline: str
    run: str
    tracked: str = ""
    finished: Finished | None = None
    problem: str = ""
    failed: bool = False

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        names = ("pipeline", "run", "tracked", "problem")
        return {name: getattr(self, name) for name in names}

    def line(self) -> str:
        """Return it in words."""
        kept = "; it stays in the outbox" if self.failed else ""
        words = self.finished.lines() if self.finished else [f"not sent: {self.problem}{kept}"]
        return f"{self.pipeline} {self.run}: {'; '.join(words) or 'sent'}"


def summary(sent: Sequence[Synced], where: str) -> str:
    """Return in words how many runs were sent, and where to."""
    number = sum(bool(run.tracked) for run in sent)
    return f"{number} of {len(sent)} runs sent to {where}" if sent else "no run waits to be sent"


def sync(outbox: Outbox, tracker: Tracker, *, refused: bool = True) -> Iterator[Synced]:
    """Send every run that waits and doesn't run any more, the oldest first.

    Any number of processes may do so at once: each run is sent by one of them. A run that MLflow
    refuses stays in the outbox, with the reason, and the next one is sent.

    Args:
        outbox: where they wait.
        tracker: where to.
        refused: whether to try those again that MLflow has refused before.

    Raises:
        PlatformError: MLflow doesn't answer, or not to this sender; what was sent so far is out of
            the outbox.
    """
    for pending in list(outbox.pending()):
        if pending.is_running:
            yield Synced(pending.pipeline, pending.run, problem="it runs")
        elif pending.seconds_left > 0:
            yield Synced(pending.pipeline, pending.run, problem=_late(pending))
        elif refused or not pending.problem:
            yield from _send(outbox, pending, tracker)


def _late(pending: Pending) -> str:
    seconds = f"{pending.seconds_left:.0f} s"
    return f"MLflow took too long, and may still do what it was asked; sent again after {seconds}"


def _send(outbox: Outbox, pending: Pending, tracker: Tracker) -> Iterator[Synced]:
    """Send one run, unless another process is at it or has done it meanwhile."""
    place = (pending.pipeline, pending.run)
    try:
        store = open_store(pending.store)
        with sending(store, *place) as is_mine:
            if not is_mine:
                yield Synced(*place, problem="another process is sending it")
                return
            if outbox.find(pending) is None:
                return
            run = store.run(*place)
            plan = store.plan(run.plan)
            ended = replace(finished_run(store, run) or Finished(FAILED), warnings=())
            sent = track(store, plan, run, ended, tracker, parent=pending.parent)
            from atlas.step.registering import registered

            finished = registered(store, plan, run, tracker, sent)
            if not finished.waits:
                amend(store, run, finished)
            outbox.remove(pending)
    except PlatformError as error:
        later = put_off(pending, error)
        outbox.add(later)
        if not later.problem:
            raise
        yield Synced(*place, problem=str(error), failed=True)
    except AtlasError as error:
        yield Synced(*place, problem=str(error), failed=True)
    else:
        yield Synced(*place, finished.tracked, finished)
