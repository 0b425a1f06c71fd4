"""OpenLineage events on their way to whoever listens: kept in the store until they are taken.

    <store>/openlineage/<pipeline>@<run>.json   a run whose events wait, or some of them
    <store>/<pipeline>/<run>/openlineage.json   which of its events are taken

They are in the store for the same reason as metrics that wait: all that send have it in common. An
event isn't kept itself, for it follows from what the store has of its run.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import RefusedError
from atlas.http.service import Patience
from atlas.store.exclusive import exclusive
from atlas.store.keys import run_key
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from atlas.store import Location
    from atlas.tracking.openlineage.receiver import LineageReceiver

    Events = Callable[[], list[dict[str, Any]]]

FOLDER = "openlineage"
_TAKEN = "openlineage.json"
_ENDPOINT = "api/v1/lineage"
"""Where OpenLineage's own receivers take events."""
_SECONDS = 2.0
_ONCE = Patience(refused=0.0, unanswered=0.0, busy=0.0, failed=0.0)
_OK = range(200, 300)
_OF_THE_EVENT = (400, 413, 415, 422)
"""Statuses by which a receiver refuses what it was sent, and would refuse it again."""


@dataclass(slots=True)
class _Refusals:
    """Sends events, and goes on after one that the receiver refuses for what it is."""

    last: RefusedError | None = None

    def send(self, receiver: LineageReceiver, event: dict[str, Any]) -> bool:
        """Send an event; tell whether it is taken.

        Raises:
            PlatformError: the receiver doesn't answer, or refuses whatever it is sent.
        """
        try:
            receiver.send(event)
        except RefusedError as error:
            if error.status not in _OF_THE_EVENT:
                raise
            self.last = error
            return False
        return True


@dataclass(frozen=True, slots=True)
class LineageOutbox:
    """The runs in a store whose events wait.

    Attributes:
        location: where the store's files are.
    """

    location: Location

    def add(self, pipeline: str, run: str, problem: str = "") -> None:
        """Keep that a run's events are to be sent.

        Args:
            pipeline: the Plan's name.
            run: the run's id.
            problem: why one of them was refused, where it was.

        Raises:
            StoreError: the store can't be written.
        """
        text = canonical({"pipeline": pipeline, "run": run, "problem": problem})
        self.location.write(_waiting_key(pipeline, run), text.encode())

    def waiting(self, *, refused: bool) -> Iterator[tuple[str, str]]:
        """Return the runs whose events wait: pipeline and run; what is none is removed.

        Args:
            refused: whether those are among them of which an event was refused before.
        """
        for name in sorted(self.location.names(FOLDER)):
            try:
                raw = json.loads(self.location.read(f"{FOLDER}/{name}"))
                pipeline, run, problem = raw["pipeline"], raw["run"], raw["problem"]
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError, RecursionError):
                pipeline = run = problem = ""
            if not (isinstance(pipeline, str) and isinstance(run, str) and pipeline and run):
                self.location.remove(f"{FOLDER}/{name}")
            elif refused or not problem:
                yield pipeline, run

    def send(
        self, place: tuple[str, str], events: Events, receiver: LineageReceiver, seconds: float
    ) -> bool:
        """Send what isn't taken yet of a run's events, for at most some seconds.

        Args:
            place: pipeline and run.
            events: makes the run's events; called once nobody else sends them.
            receiver: where to.
            seconds: after which no further event is begun; making them doesn't count.

        Returns:
            Whether nothing waits any more; it may be that another process is sending.

        Raises:
            PlatformError: the receiver doesn't answer, or refuses; what is taken isn't sent again.
            StoreError: the store can't be read or written.
        """
        with exclusive(self.location, f"openlineage {'/'.join(place)}", wait=0.0) as is_held:
            if not is_held:
                return False
            taken = self._taken(*place)
            waiting = {key: event for event in events() if (key := digest(event)[:16]) not in taken}
            before, refusals, end = len(taken), _Refusals(), time.monotonic() + seconds
            try:
                for key, event in waiting.items():
                    if time.monotonic() >= end:
                        return False
                    if refusals.send(receiver, event):
                        taken.append(key)
            finally:
                if len(taken) > before:
                    self._keep_taken(*place, taken)
            if refusals.last is not None:
                self.add(*place, problem=str(refusals.last))
                raise refusals.last
            self.forget(*place)
            return True

    def forget(self, pipeline: str, run: str) -> None:
        """Keep no longer that a run's events are to be sent."""
        self.location.remove(_waiting_key(pipeline, run))

    def _taken(self, pipeline: str, run: str) -> list[str]:
        try:
            raw = json.loads(self.location.read(f"{run_key(pipeline, run)}/{_TAKEN}"))
        except (FileNotFoundError, ValueError, RecursionError):
            return []
        return [str(key) for key in raw] if isinstance(raw, list) else []

    def _keep_taken(self, pipeline: str, run: str, taken: list[str]) -> None:
        text = canonical(taken).encode()
        self.location.write(f"{run_key(pipeline, run)}/{_TAKEN}", text)


def _waiting_key(pipeline: str, run: str) -> str:
    return f"{FOLDER}/{pipeline}@{run}.json"
