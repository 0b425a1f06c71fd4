"""When a retraining may start: cool-down, `in_flight`, monthly budget; one ledger for a Config.

The ledger is a file that is only read and written by whoever holds its name in the store. A start
is entered before it is recorded (`started.json`), and both while the name is held: of an entry
whose start isn't recorded, a process was killed between the two, nothing has begun, and the entry
is dropped. So a limit is kept by any number of processes, and no crash uses it up.

A clock may jump. Moments that lie in the future were written by a clock that was wrong: they count
as now, so that a wait has an end, and no limit is passed by setting a clock back.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import PlatformError, StoreError
from atlas.monitor.events import RETRAININGS
from atlas.retraining.records import EventRecords
from atlas.store.exclusive import exclusive
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.config_retraining import RetrainingRule
    from atlas.store import Store

_WAIT_SECONDS = 60.0
_KEPT_DAYS = 62
"""For how long an entry is kept: longer than any month, and the last of a pipeline always."""
COOLDOWN, AT_ONCE, PER_MONTH = "cooldown", "in_flight", "per_month"


@dataclass(frozen=True, slots=True)
class StartEntry:
    """A retraining that was started.

    Attributes:
        pipeline: the pipeline's name.
        event: the event's id.
        attempt: which attempt.
        started: when, ISO 8601 in UTC.
        ended: when, or empty while it is under way.
    """

    pipeline: str
    event: str
    attempt: int
    started: str
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a retraining can't start now.

    Attributes:
        term: which of the terms says so.
        why: in words.
        until: when it may start at the earliest, ISO 8601; empty where that isn't known.
    """

    term: str
    why: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class StartLedger:
    """The starts of a Config's retrainings.

    Attributes:
        store: the store.
        config: the Config's name, with the Environment's prefix.
    """

    store: Store
    config: str

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the ledger: nobody else starts a retraining of the Config meanwhile.

        Raises:
            PlatformError: another process has held it for too long.
        """
        name = f"retrainings {self.config}"
        with exclusive(self.store.location, name, wait=_WAIT_SECONDS) as is_held:
            if not is_held:
                text = f"another process has been starting one for {_WAIT_SECONDS:.0f} s"
                raise PlatformError(f"retrainings of {self.config}: {text}; repeat the command")
            yield

    def entries(self, now: datetime, *, is_held: bool = True) -> list[StartEntry]:
        """Return the starts, with the ends that are recorded by now.

        A moment that isn't believed is written as what it counts as: else a wait that begins with
        it would begin again each time.

        Args:
            now: the present.
            is_held: whether the ledger is held; else nothing is written.
        """
        before = self._read()
        settled = [entry for entry in map(self._settled, before) if entry is not None]
        entries = [_believed(entry, now) for entry in settled]
        if is_held and entries != settled:
            self._write(entries)
        return entries

    def wait(
        self, entries: Sequence[StartEntry], pipeline: str, rule: RetrainingRule, now: datetime
    ) -> Wait | None:
        """Return why a pipeline's retraining can't start now; None when it can."""
        own = [entry for entry in entries if entry.pipeline == pipeline]
        return (
            _under_way(entries, rule, self.config)
            or _cooldown(own, rule, now)
            or _budget(own, rule, now)
        )

    def enter(self, entries: Sequence[StartEntry], entry: StartEntry, now: datetime) -> None:
        """Enter a start; only while it is held."""
        others = [other for other in entries if not _is_same(other, entry)]
        kept = [other for other in others if _is_kept(other, others, now)]
        self._write([*kept, entry])

    def _write(self, entries: Sequence[StartEntry]) -> None:
        content = {"format": 1, "starts": [asdict(entry) for entry in entries]}
        self.store.location.write(self._key, canonical(content).encode())

    @property
    def _key(self) -> str:
        return f"{RETRAININGS}/{self.config}/ledger.json"

    def _read(self) -> list[StartEntry]:
        try:
            raw = json.loads(self.store.location.read(self._key))
            return [_entry(one) for one in raw["starts"]]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError, KeyError, RecursionError):
            where = f"{self.store.url}/{self._key}"
            text = "isn't the ledger of retrainings: who wrote it? Remove it to begin a new one"
            raise StoreError(f"{where}: {text}") from None

    def _settled(self, entry: StartEntry) -> StartEntry | None:
        """Return an entry with its end, where that is recorded; None if it was never begun."""
        if entry.ended:
            return entry
        records = EventRecords(self.store, entry.pipeline, entry.event)
        started, end = records.started, records.end
        if started is None or started.attempt < entry.attempt:
            return None
        return replace(entry, ended=end.ended) if end else entry


def _entry(raw: Any) -> StartEntry:
    entry = StartEntry(**raw)
    datetime.fromisoformat(entry.started)
    if entry.ended:
        datetime.fromisoformat(entry.ended)
    return entry


def _believed(entry: StartEntry, now: datetime) -> StartEntry:
    """Return an entry without moments that lie in the future."""
    present = now.isoformat()
    started, ended = (
        moment and (present if datetime.fromisoformat(moment) > now else moment)
        for moment in (entry.started, entry.ended)
    )
    return replace(entry, started=started, ended=ended)


def _is_same(some: StartEntry, other: StartEntry) -> bool:
    names = ("pipeline", "event", "attempt")
    return all(getattr(some, name) == getattr(other, name) for name in names)


def _is_kept(entry: StartEntry, others: Sequence[StartEntry], now: datetime) -> bool:
    """Tell whether an entry may still keep a start from being made."""
    last = max((o.ended for o in others if o.pipeline == entry.pipeline), default="")
    is_young = now - datetime.fromisoformat(entry.started) < timedelta(days=_KEPT_DAYS)
    return is_young or not entry.ended or entry.ended == last


def _under_way(entries: Sequence[StartEntry], rule: RetrainingRule, config: str) -> Wait | None:
    under_way = [entry for entry in entries if not entry.ended]
    if len(under_way) < rule.in_flight:
        return None
    first = f"{under_way[0].pipeline}/{under_way[0].event}"
    text = f"{len(under_way)} of {config} under way ({first}), and in_flight is {rule.in_flight}"
    return Wait(AT_ONCE, text)


def _cooldown(own: Sequence[StartEntry], rule: RetrainingRule, now: datetime) -> Wait | None:
    last = max((datetime.fromisoformat(entry.ended) for entry in own if entry.ended), default=None)
    if last is None or not rule.cooldown_seconds:
        return None
    until = last + timedelta(seconds=rule.cooldown_seconds)
    if now >= until:
        return None
    when = until.isoformat(timespec="seconds")
    ended = last.isoformat(timespec="seconds")
    return Wait(COOLDOWN, f"the last one ended at {ended}, and its cool-down ends at {when}", when)


def _budget(own: Sequence[StartEntry], rule: RetrainingRule, now: datetime) -> Wait | None:
    month = [e for e in own if _month(datetime.fromisoformat(e.started)) == _month(now)]
    if len(month) < rule.per_month:
        return None
    following = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
    when = following.replace(day=1).isoformat(timespec="seconds")
    text = f"{len(month)} were started in {now:%Y-%m}, and per_month is {rule.per_month}"
    return Wait(PER_MONTH, f"{text}; the next may begin at {when}", when)


def _month(moment: datetime) -> tuple[int, int]:
    return moment.year, moment.month
