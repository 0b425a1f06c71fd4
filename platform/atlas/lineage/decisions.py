"""The decisions on a model's versions: its champion log, with an index of which entry is on what.

The index is a copy that is safe to lose, and a check besides: it keeps the digest that each entry
had when it was first read. Of the entries on a version, each is read again and compared with that
digest, and with the one that the next entry has of it. `atlas champion` checks the whole log.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.lineage.plain import read_object
from atlas.models import log
from atlas.models.log import ChampionLog, LogEntry
from atlas.models.log_folder import FOLDER
from atlas.store.keys import INDEX
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Location

_COPY = "store"
"""The registry whose log counts least: where MLflow has the models, it is a copy of MLflow's."""
MEANINGS = {
    log.PROMOTED: "promoted",
    log.KEPT: "judged and didn't promote",
    log.ABANDONED: "was to promote",
    log.NOTICED: "noticed a move by hand to",
    log.INTENDED: "is to promote",
    log.DAMAGED: "found the log damaged at",
}
"""Action of an entry → how it is linked with the version."""


@dataclass(frozen=True, slots=True)
class IndexedDecision:
    """An entry of a log, as the index knows it.

    Attributes:
        folder: of the log.
        number: of the entry.
        action: what was decided.
        version: the version that it is on.
        digest: of the entry when it was first read.
    """

    folder: str
    number: int
    action: str
    version: str
    digest: str

    @property
    def key(self) -> str:
        """Its place in the store, without an ending: what names its node."""
        return f"{self.folder}/{self.number}"

    @property
    def meaning(self) -> str:
        """How it is linked with the version."""
        return MEANINGS.get(self.action, self.action)


@dataclass(frozen=True)
class Decisions:
    """The decisions on one model.

    Attributes:
        every: the oldest first.
        faults: what shows that entries were removed, or altered before they were first read.
    """

    every: tuple[IndexedDecision, ...] = ()
    faults: tuple[str, ...] = ()

    def on(self, version: str) -> list[IndexedDecision]:
        """Return the decisions on a version; an intent that was carried out is part of that."""
        own = [decision for decision in self.every if decision.version == version]
        settled = {
            (decision.folder, decision.number - 1)
            for decision in own
            if decision.action in (log.PROMOTED, log.ABANDONED)
        }
        return [
            decision
            for decision in own
            if decision.action != log.INTENDED or (decision.folder, decision.number) not in settled
        ]

    def numbered(self, folder: str, number: int) -> IndexedDecision | None:
        """Return a decision by its place."""
        return next((d for d in self.every if (d.folder, d.number) == (folder, number)), None)


def decisions_of(location: Location, model: str) -> Decisions:
    """Return the decisions on a model, from the log of each registry that it is in."""
    logs = [f"{FOLDER}/{registry}/{model}" for registry in location.names(FOLDER)]
    logs = [folder for folder in logs if location.exists(f"{folder}/log")]
    served = [folder for folder in logs if folder.split("/")[1] != _COPY]
    own = [_indexed(location, folder) for folder in served or logs]
    return Decisions(
        tuple(decision for decisions in own for decision in decisions.every),
        tuple(fault for decisions in own for fault in decisions.faults),
    )


def _indexed(location: Location, folder: str) -> Decisions:
    """Return every entry of a log, of which only the new ones are read.

    A log with a fault isn't indexed any further, so that the fault is found each time.
    """
    key, champions = f"{INDEX}/{folder}.json", ChampionLog(location, folder)
    rows = _load(location, key)
    names = location.names(f"{folder}/log")
    numbers = {int(name[:-5]) for name in names if name[:-5].isdecimal()}
    known = len(rows)
    faults = [f"entry {row[0]} was removed" for row in rows if row[0] not in numbers]
    for number in range(known + 1, max(numbers, default=0) + 1):
        faults += _add(champions, number, rows)
    missing = champions.misses(champions.head())
    faults += [f"the log's head: {missing}"] if missing else []
    if len(rows) > known and not faults:
        text = json.dumps({"digest": digest(rows), "entries": rows}, separators=(",", ":"))
        with suppress(StoreError):
            location.write(key, text.encode())
    return Decisions(tuple(IndexedDecision(folder, *row) for row in rows), tuple(faults))


def _add(champions: ChampionLog, number: int, rows: list[list[Any]]) -> Iterator[str]:
    """Read the next entry into the rows, and give what is wrong with it."""
    before = rows[-1][3] if rows else ""
    try:
        entry = champions.entry(number)
    except StoreError as error:
        rows.append([number, "", "", ""])
        yield str(error)
        return
    rows.append([entry.number, entry.action, entry.version, entry.digest])
    if before != entry.previous and (before or number == 1):
        yield f"entry {number} doesn't follow the one before it, so one of the two was altered"


def _load(location: Location, key: str) -> list[list[Any]]:
    raw = read_object(location, key) or {}
    rows: list[list[Any]] = raw.get("entries", [])
    return rows if raw.get("digest") == digest(rows) else []


def faults_of(location: Location, decision: IndexedDecision) -> Iterator[str]:
    """Give what is wrong with an entry, or between it and its neighbours."""
    champions = ChampionLog(location, decision.folder)
    entry = champions.entry(decision.number)
    if entry.digest != decision.digest:
        yield f"sha256 {entry.digest}; {decision.digest} when it was first read"
    if decision.number > 1:
        before = champions.entry(decision.number - 1)
        if entry.previous != before.digest:
            yield f"it follows {entry.previous[:12]}…, and the entry before it is {before.digest}"
    after = _next(champions, decision.number)
    if after is not None and after.previous != entry.digest:
        yield f"sha256 {entry.digest}; {after.previous} as the entry behind it says"
    if after is None and champions.head() not in ("", entry.head):
        yield f"it is the last one, {entry.head}; {champions.head()} as the log's head says"


def _next(champions: ChampionLog, number: int) -> LogEntry | None:
    with suppress(StoreError):
        return champions.entry(number + 1)
    return None


def entry_of(location: Location, decision: IndexedDecision) -> tuple[LogEntry, LogEntry]:
    """Return an entry, and the one that says why: the intent before it where it was carried out.

    Raises:
        StoreError: one is gone, or can't be read.
    """
    champions = ChampionLog(location, decision.folder)
    entry = champions.entry(decision.number)
    is_intended = entry.action in (log.PROMOTED, log.ABANDONED) and entry.number > 1
    return entry, champions.entry(entry.number - 1) if is_intended else entry
