"""Sending a run that is over to MLflow: the one place that does it, and one process at a time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import PlatformError, RefusedError, UnreachableError
from atlas.http.service import timeout
from atlas.step.secrets import mask_for
from atlas.store.exclusive import exclusive
from atlas.tracking.record import family_record, record_of
from atlas.tracking.trials import trial_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.plan import Plan
    from atlas.step.finished import Finished
    from atlas.store import Run, Store
    from atlas.tracking.outbox import Pending
    from atlas.tracking.record import RunRecord
    from atlas.tracking.registry import Tracker

WAIT_SECONDS = 60.0
"""For how long to wait for a process that sends the same run, or registers the same model."""
_OF_THE_RECORD = range(400, 500)
"""Statuses by which MLflow refuses what is sent, and would refuse it again."""
_OF_THE_SENDER = (401, 403, 407, 408, 429)
"""Those among them that are of who sends, or when."""
_SHOWN = 3

_families: dict[tuple[str, str, str], str] = {}


@contextmanager
def sending(store: Store, pipeline: str, run: str, *, wait: float = 0.0) -> Iterator[bool]:
    """Hold the right to send one run, whoever else knows of it: other processes, other machines.

    Args:
        store: the run's store, which is what all of them share.
        pipeline: the Plan's name.
        run: the run's id.
        wait: seconds to wait for another one that has it.

    Yields:
        Whether it is held.
    """
    with exclusive(store.location, f"send {pipeline}/{run}", wait=wait) as is_held:
        yield is_held


def track(
    store: Store,
    plan: Plan,
    run: Run,
    finished: Finished,
    tracker: Tracker,
    *,
    parent: str = "",
    again: bool = True,
) -> Finished:
    """Send a run that is over to MLflow; whoever calls this holds `sending`.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        finished: how it ended.
        tracker: where to.
        parent: name of the family's run that it is nested in, or empty.
        again: whether something of the run may be there already.

    Raises:
        PlatformError: MLflow doesn't answer, or refuses; sent again, it is completed.
    """
    from atlas.tracking.limits import changes

    record = record_of(store, plan, run).masked(mask_for(plan))
    outer = _family(store, tracker, record, parent) if parent else ""
    tracked = tracker.send(record, parent=outer, again=again)
    for trial in trial_records(store, plan, run, record):
        tracker.send(trial.masked(mask_for(plan)), parent=tracked, again=again)
    warnings = (*finished.warnings, *_told(changes(record)))
    return replace(finished, tracked=tracked, warnings=warnings)


def put_off(pending: Pending, error: PlatformError) -> Pending:
    """Return what the outbox keeps of a run that couldn't be sent.

    A request that timed out may be carried out yet, so the run is looked for only after a while.
    """
    problem = str(error) if is_refusal(error) else ""
    is_late = isinstance(error, UnreachableError) and error.timed_out
    until = str(time.time() + timeout()) if is_late else ""
    return replace(pending, process="", problem=problem, not_before=until)


def is_refusal(error: PlatformError) -> bool:
    """Tell whether MLflow has refused this run, and not everything or everybody."""
    if not isinstance(error, RefusedError):
        return False
    return error.status in _OF_THE_RECORD and error.status not in _OF_THE_SENDER


def _family(store: Store, tracker: Tracker, record: RunRecord, name: str) -> str:
    """Return MLflow's id of a family's run, which its members make together.

    Raises:
        PlatformError: it can't be made, or another process is making it for too long.
    """
    key = (repr(tracker), record.experiment, name)
    if key in _families:
        return _families[key]
    with exclusive(store.location, f"family {record.experiment}/{name}", wait=WAIT_SECONDS) as held:
        if not held:
            raise PlatformError(f"family {name}: another process is sending its run to MLflow")
        _families[key] = tracker.send(family_record(record, name), again=True)
    return _families[key]


def _told(changes: Iterator[str]) -> Iterator[str]:
    """Return a few examples for a message."""
    examples = [*changes]
    if examples:
        more = f", and {len(examples) - _SHOWN} more" if len(examples) > _SHOWN else ""
        where = "the run's artifact exact.json in MLflow has all of it"
        yield f"MLflow can't hold all as it is: {'; '.join(examples[:_SHOWN])}{more} ({where})"
