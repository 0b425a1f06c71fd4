"""The records of retrainings in the store: who asked for what, what was started, how it ended.

    retrainings/<pipeline>/<event>/request.json    what is asked for; never changes
                                  /approval.json   who has approved or declined it; never changes
                                  /started.json    the run, before any target has it
                                  /outcome.json    how it ended

Whoever writes one of the last two holds the event, so each has one writer at a time.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any, TypeVar

from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.monitor.events import RETRAININGS
from atlas.registered import LOCAL_TARGET
from atlas.store.exclusive import exclusive
from atlas.store.keys import is_run_id
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import UnionType

    from atlas.store import Store

APPROVED_TRAINING, APPROVED_PROMOTION, NO_APPROVAL = "training", "promotion", "none"
"""What somebody has to approve: that training begins, that its version is promoted, or nothing."""
_REQUEST, _APPROVAL = "request.json", "approval.json"
_STARTED, _OUTCOME = "started.json", "outcome.json"
_EVENT = re.compile(r"[0-9a-f]{16}")

Record = TypeVar("Record", "RetrainingRequest", "Approval", "StartedRetraining", "RetrainingEnd")


@dataclass(frozen=True, slots=True)
class RetrainingRequest:
    """What an event asks for, decided once by whoever looks at it first.

    Attributes:
        trigger: what fired.
        version: the champion's version, which the retraining is to replace.
        config: the Config's name, with the Environment's prefix: what shares `in_flight`.
        plan: digest of the Plan that made the champion.
        commit: git commit of the code that made it, where it is known.
        champion_run: id of the run that made it.
        interval_start: ISO 8601, or empty.
        interval_end: ISO 8601, exclusive, or empty.
        parameters: those of the champion's training.
        changed: those that the trigger sets.
        approval: what somebody has to approve (`RetrainingRule.approval`).
        hold: what its version waits for before it may be the champion (`Run.hold`).
        promotion: the rule that decides on its version: that of the Config when somebody looked at
            the event first; None for that of the Plan that runs.
        target: where it is to run.
        environment: the Environment's name.
        created: when it was asked for, ISO 8601 in UTC.
    """

    trigger: str
    version: str
    config: str
    plan: str
    commit: str = ""
    champion_run: str = ""
    interval_start: str = ""
    interval_end: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    changed: Mapping[str, Any] = field(default_factory=dict)
    approval: str = "none"
    hold: str = ""
    promotion: Mapping[str, Any] | None = None
    target: str = ""
    environment: str = ""
    created: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody has decided of a retraining.

    Attributes:
        approved: whether it goes on.
        by: who, as ``user@host``.
        at: when, ISO 8601 in UTC.
        reason: why, in their words.
    """

    approved: bool
    by: str = ""
    at: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StartedRetraining:
    """The run of a retraining.

    Attributes:
        run: the run's id.
        attempt: 1; one more for each time that somebody asked for a failed one again.
        target: where it runs.
        plan: digest of the Plan that it runs.
        started: when, ISO 8601 in UTC.
        by: who started it, as ``user@host``.
        note: why that isn't the Plan that made the champion, where it isn't.
    """

    run: str
    attempt: int
    target: str
    plan: str
    started: str
    by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RetrainingEnd:
    """How a retraining ended.

    Attributes:
        result: one of `atlas.retraining.state`'s results.
        why: the reason in words.
        attempt: of which attempt; 0 where none was started.
        model: the model's registered name.
        version: the version that was made; empty for none.
        ended: when that was recorded, ISO 8601 in UTC.
    """

    result: str
    why: str = ""
    attempt: int = 0
    model: str = ""
    version: str = ""
    ended: str = ""


@dataclass(frozen=True, slots=True)
class EventRecords:
    """The records of one event's retraining.

    Attributes:
        store: the store.
        pipeline: the pipeline's name.
        event: the event's id.
    """

    store: Store
    pipeline: str
    event: str

    def held(self, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Hold the event: of all processes, one at a time works on it; tells whether it is held."""
        return exclusive(self.store.location, f"retraining {self.pipeline}/{self.event}", wait=wait)

    @property
    def request(self) -> RetrainingRequest | None:
        """What is asked for; None before anybody has looked at the event."""
        return self._read(_REQUEST, RetrainingRequest)

    @property
    def approval(self) -> Approval | None:
        """What somebody has decided; None while nobody has."""
        return self._read(_APPROVAL, Approval)

    @property
    def started(self) -> StartedRetraining | None:
        """The run; None before it is started."""
        return self._read(_STARTED, StartedRetraining)

    @property
    def end(self) -> RetrainingEnd | None:
        """How it ended, as recorded for the attempt that was started last; None while it hasn't."""
        end, started = self._read(_OUTCOME, RetrainingEnd), self.started
        if end is not None and started is not None and end.attempt < started.attempt:
            return None
        return end

    @property
    def is_elsewhere(self) -> bool:
        """Whether an orchestrator may have the run: it is bound, and isn't this machine's."""
        started = self.started
        is_there = started is not None and started.target != LOCAL_TARGET
        return is_there and self.store.has_run(self.pipeline, started.run if started else "")

    def ask(self, request: RetrainingRequest) -> RetrainingRequest:
        """Record what is asked for, and return what holds: the first writer's."""
        self.store.location.create(self._key(_REQUEST), _text(request))
        return self.request or request

    def decide(self, approval: Approval) -> bool:
        """Record a decision unless there is one; tell whether it was recorded."""
        return self.store.location.create(self._key(_APPROVAL), _text(approval))

    def start(self, started: StartedRetraining) -> None:
        """Record the run that is about to be started."""
        self.store.location.write(self._key(_STARTED), _text(started))

    def finish(self, end: RetrainingEnd) -> None:
        """Record how it ended."""
        self.store.location.write(self._key(_OUTCOME), _text(end))

    def _key(self, name: str) -> str:
        if not is_run_id(self.pipeline) or not _EVENT.fullmatch(self.event):
            found = clean(f"{self.pipeline}/{self.event}", 200)
            raise StoreError(
                f"retraining {found!r}: expected a pipeline and an event's 16 hexadecimal digits"
            )
        return f"{RETRAININGS}/{self.pipeline}/{self.event}/{name}"

    def _read(self, name: str, record: type[Record]) -> Record | None:
        """Return a record; None where there is none.

        Raises:
            StoreError: it is none.
        """
        key = self._key(name)
        try:
            raw = json.loads(self.store.location.read(key))
            raw.pop("format")
            return _checked(record(**raw))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            text = "isn't the record of a retraining; find out who wrote it, and remove it"
            raise StoreError(f"{self.store.url}/{key}: {text}") from None


def events_of(store: Store, pipeline: str) -> list[str]:
    """Return the ids of the events of a pipeline that somebody has looked at, sorted."""
    names = store.location.names(f"{RETRAININGS}/{pipeline}")
    return [name for name in names if _EVENT.fullmatch(name)]


_KINDS: Mapping[str, type | UnionType] = {
    "parameters": dict, "changed": dict, "approved": bool, "attempt": int,
    "promotion": dict | None,
}  # fmt: skip
"""Fields of records that aren't texts."""


def _checked(record: Record) -> Record:
    """Return a record whose fields are of the kinds that they must be.

    Raises:
        TypeError: one is not.
    """
    for name, value in asdict(record).items():
        if not isinstance(value, _KINDS.get(name, str)):
            raise TypeError(name)
    return record


def _text(record: Any) -> bytes:
    return canonical({"format": 1, **asdict(record)}).encode("utf-8", "replace")
