"""How an event's retraining stands, in one value: for commands, pages, metrics and monitors."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.retraining.records import EventRecords, events_of

if TYPE_CHECKING:
    from atlas.store import Store

OPEN, WAITING, BLOCKED, RUNNING = "open", "waiting", "blocked", "running"
"""Nobody has looked at it; it waits for its time, its turn or somebody; something is missing that
it takes; it is under way."""
REGISTERED = "registered"
"""Its version passes the rule and waits for an approval."""
PROMOTED, REJECTED, REQUESTED = "promoted", "rejected", "requested"
"""Its version is the champion; isn't, by the rule; is asked for in a release request."""
FAILED, DECLINED, SUPERSEDED = "failed", "declined", "superseded"
"""Training failed; somebody declined it; the champion was another one before it began."""
ENDS = (PROMOTED, REJECTED, REQUESTED, FAILED, DECLINED, SUPERSEDED)
"""Results that are final."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """How an event's retraining stands.

    Attributes:
        event: the event's id.
        pipeline: the pipeline's name.
        trigger: what fired.
        state: one of this module's states.
        why: the reason in words, with what to do where something is to be done.
        until: when it may begin at the earliest, ISO 8601; empty where that isn't known.
        run: the training run's id; empty before it is started.
        target: where it runs.
        plan: digest of the Plan that is trained.
        champion: the version that it is to replace.
        version: the version that it made; empty for none.
        interval_start: start of the data's interval, ISO 8601, or empty.
        interval_end: its end, exclusive.
        attempt: which attempt: 1, or more after a failed one.
        requested: when it was asked for, ISO 8601.
        started: when it was started.
        ended: when it ended.
        page: where the orchestrator shows the run.
    """

    event: str
    pipeline: str
    trigger: str
    state: str
    why: str = ""
    until: str = ""
    run: str = ""
    target: str = ""
    plan: str = ""
    champion: str = ""
    version: str = ""
    interval_start: str = ""
    interval_end: str = ""
    attempt: int = 0
    requested: str = ""
    started: str = ""
    ended: str = ""
    page: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it by itself."""
        return self.state in ENDS

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def retraining_of(store: Store, pipeline: str, event: str) -> Retraining | None:
    """Return how an event's retraining stands, as recorded; None where nobody has looked at it.

    Why it waits, only `retrain` says: it depends on when it is asked.

    Raises:
        StoreError: a record can't be read.
    """
    return stands(EventRecords(store, pipeline, event))


def retrainings_of(store: Store, pipeline: str) -> list[Retraining]:
    """Return how the retrainings of a pipeline stand, the earliest request first."""
    found = (retraining_of(store, pipeline, event) for event in events_of(store, pipeline))
    there = (retraining for retraining in found if retraining is not None)
    return sorted(there, key=lambda retraining: (retraining.requested, retraining.event))


def stands(records: EventRecords) -> Retraining | None:
    """Return how a retraining stands, by its records; None without any."""
    request, started, end = records.request, records.started, records.end
    if request is None and end is None:
        return None
    state = end.result if end else RUNNING if started else WAITING
    note = started.note if started and started.note else ""
    why = "; ".join(filter(None, (end.why if end else "", note)))
    return Retraining(
        records.event,
        records.pipeline,
        trigger=request.trigger if request else "",
        state=state,
        why=why,
        run=started.run if started else "",
        target=started.target if started else request.target if request else "",
        plan=started.plan if started else request.plan if request else "",
        champion=request.version if request else "",
        version=end.version if end else "",
        interval_start=request.interval_start if request else "",
        interval_end=request.interval_end if request else "",
        attempt=started.attempt if started else 0,
        requested=request.created if request else "",
        started=started.started if started else "",
        ended=end.ended if end else "",
    )
