"""The log of a model's champions: every decision, each with the digest of the one before it.

An entry is a file of its own, numbered, created exclusively and never written again. It holds the
sha256 of the entry before it, so that an entry that was altered or removed doesn't fit the next
one. What no later entry protects, the log's end, is protected by its head: number and digest of the
last entry, kept apart: beside the log, and as a tag of the registered model in MLflow.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import field, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.store import Location

INTENDED = "intended"
"""The champion is about to be moved."""
PROMOTED = "promoted"
"""It was moved, and read back."""
KEPT = "kept"
"""A version was judged, and isn't the champion."""
ABANDONED = "abandoned"
"""An intent that wasn't carried out, and won't be."""
NOTICED = "noticed"
"""The alias isn't where the log has it: somebody, or something else, has moved it."""
DAMAGED = "damaged"
"""The log's end isn't the one that its head names: entries are missing or were replaced."""
UNCONFIRMED = "unconfirmed"
"""The registry's head wasn't that of the last entry: what was written isn't confirmed."""
_DIGITS = 9
"""Of an entry's number."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log.

    Attributes:
        action: ``intended``, ``promoted``, ``kept``, ``abandoned``, ``noticed``, ``damaged`` or
            ``unconfirmed``.
        champion: the version that is the champion after it; empty for none.
        version: the version that was judged or moved.
        before: the champion before it.
        reason: why, in words.
        who: the user, machine and process.
        rule: the Config's promotion rule.
        evidence: run, metrics, comparisons and digests that the decision was made of.
        family: id of the promotion of a whole family that it is part of, or empty.
        number: 1, 2, …
        time: ISO 8601 in UTC; never before that of the entry before it.
        previous: sha256 of the entry before it; empty for the first.
        content: what its file holds.
    """

    action: str
    champion: str
    version: str = ""
    before: str = ""
    reason: str = ""
    who: Mapping[str, str] = field(default_factory=dict)
    rule: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    number: int = 0
    time: str = ""
    previous: str = ""
    content: bytes = field(default=b"", repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {name: getattr(self, name) for name in _NAMES}

    @property
    def digest(self) -> str:
        """The sha256 of its file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def head(self) -> str:
        """What names it as the last one: number and digest."""
        return f"{self.number}:{self.digest}"

    @classmethod
    def parse(cls, content: bytes) -> LogEntry:
        """Read back an entry.

        Raises:
            ValueError: it is none.
        """
        raw = json.loads(content)
        if not isinstance(raw, dict) or not set(_NAMES) <= raw.keys():
            raise ValueError("it isn't an entry of a log")
        texts = ("action", "champion", "version", "before", "reason", "family", "time", "previous")
        objects = ("who", "rule", "evidence")
        if not all(isinstance(raw[name], str) for name in texts) or not all(
            isinstance(raw[name], dict) for name in objects
        ):
            raise ValueError("it isn't an entry of a log")
        return cls(**{name: raw[name] for name in _NAMES}, content=content)


_NAMES = tuple(item.name for item in fields(LogEntry) if item.name != "content")


@dataclass(frozen=True)
class ChampionLog:
    """The log of one model in one registry.

    Attributes:
        location: where the store's files are.
        folder: ``champions/<identity of the registry>/<model>``.
    """

    location: Location
    folder: str

    def last(self) -> LogEntry | None:
        """Return the last entry; None of an empty log.

        Raises:
            StoreError: it can't be read.
        """
        numbers = self._numbers()
        return self.entry(numbers[-1]) if numbers else None

    def entry(self, number: int) -> LogEntry:
        """Return an entry by its number.

        Raises:
            StoreError: it isn't there, or can't be read.
        """
        key = self._key(number)
        try:
            entry = LogEntry.parse(self.location.read(key))
            if entry.number == number:
                return entry
            raise ValueError(f"it says that it is entry {entry.number}")
        except FileNotFoundError:
            raise StoreError(f"{self.location.url}/{key}: the entry is gone") from None
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreError(f"{self.location.url}/{key}: the entry was altered: {error}") from None

    def entries(self) -> Iterator[LogEntry]:
        """Return every entry, the oldest first.

        Raises:
            StoreError: one can't be read.
        """
        return map(self.entry, self._numbers())

    def append(self, draft: LogEntry, *, after: LogEntry | None = None) -> LogEntry:
        """Write an entry behind the last one, and the head.

        Args:
            draft: the entry, without number, time and previous.
            after: the entry that must still be the last one; None for whichever is.

        Raises:
            StoreError: another entry has come in between, or the store can't be written.
        """
        while True:
            before = self.last() if after is None else after
            entry = _chained(draft, before)
            key = self._key(entry.number)
            if self.location.create(key, entry.content):
                self.location.write(f"{self.folder}/head", entry.head.encode())
                return entry
            if after is not None:
                raise StoreError(f"{self.location.url}/{key}: another process has written it")

    def head(self) -> str:
        """Return the head that is kept beside the log; empty for none."""
        try:
            return self.location.read(f"{self.folder}/head").decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def misses(self, head: str) -> str:
        """Return how the log differs from what a head says of it; nothing when it doesn't."""
        number, _, digest = head.partition(":")
        if not head:
            return ""
        if not (number.isascii() and number.isdecimal() and len(number) <= _DIGITS):
            return f"the head {head[:80]!r} isn't a head"
        try:
            return "" if self.entry(int(number)).digest == digest else f"entry {number} is another"
        except StoreError as error:
            return str(error)

    def ahead(self, head: str) -> int:
        """Return how many entries are behind the one that a head names; all of them without one."""
        number, last = head.partition(":")[0], self.last()
        known = int(number) if number.isascii() and number.isdecimal() else 0
        return last.number - known if last else 0

    def faults(self, heads: Mapping[str, str]) -> list[str]:
        """Return all that shows that the log was altered; nothing of a whole one.

        Args:
            heads: where a head is kept → the head.
        """
        faults = [*self._broken_links()]
        faults += [
            f"{where}: {self.misses(head)}" for where, head in heads.items() if self.misses(head)
        ]
        return list(dict.fromkeys(faults))

    def _broken_links(self) -> Iterator[str]:
        """Return what is wrong with each entry, or between it and the one before it."""
        numbers = self._numbers()
        digest: str | None = ""
        for number in range(1, numbers[-1] + 1 if numbers else 1):
            where = f"{self.location.url}/{self._key(number)}"
            try:
                entry = self.entry(number)
            except StoreError as error:
                yield str(error)
                digest = None
                continue
            if digest is not None and entry.previous != digest:
                yield f"{where}: doesn't follow the entry before it, so one of the two was altered"
            if entry.action == DAMAGED:
                yield f"{where}: {entry.reason}"
            digest = entry.digest

    def _numbers(self) -> list[int]:
        names = (name.removesuffix(".json") for name in self.location.names(f"{self.folder}/log"))
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal())

    def _key(self, number: int) -> str:
        return f"{self.folder}/log/{number:0{_DIGITS}}.json"


def _chained(draft: LogEntry, before: LogEntry | None) -> LogEntry:
    """Return a draft as the entry behind another one."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entry = replace(draft, number=1, time=now, previous="")
    if before is not None:
        time = max(now, before.time)
        entry = replace(draft, number=before.number + 1, time=time, previous=before.digest)
    return replace(entry, content=canonical(entry.to_json()).encode("utf-8", "replace"))


def champion_at(entries: Iterator[LogEntry], moment: str) -> LogEntry | None:
    """Return the entry that says which version was the champion at a moment; None before the first.

    Args:
        entries: of a log, the oldest first.
        moment: ISO 8601 in UTC.
    """
    current = None
    for entry in entries:
        if entry.time > moment:
            break
        if current is None or entry.champion != current.champion:
            current = entry
    return current
