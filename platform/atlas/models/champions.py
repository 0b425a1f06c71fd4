"""The champion of a model: one way to move it, whatever is at work at the same time.

Whoever moves it holds the model's lease, writes the intent to the log, moves the alias, reads it
back and confirms it in the log. Whoever comes next finds an intent that wasn't confirmed, and
completes it, or abandons it; so a crash between any two of these leaves the old champion or the new
one, never none.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import PlatformError, RefusedError, StoreError
from atlas.models import log
from atlas.models.actor import Actor, this_process
from atlas.models.lease import WAIT_SECONDS, leased
from atlas.models.log import ChampionLog, LogEntry
from atlas.models.log_folder import FOLDER, HEAD, keep_owner, log_folder
from atlas.tracking.registry import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.models.lease import Lease
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry, RegisteredVersion

_OTHERS = "others have written them"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided of a version.

    Attributes:
        passes: whether it is to be the champion.
        reason: why, or why not, in words.
        rule: the Config's promotion rule.
        evidence: what the decision was made of; plain data.
        on_hold: whether it would pass, and waits for somebody's decision.
    """

    passes: bool
    reason: str
    rule: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    on_hold: bool = False


@dataclass(frozen=True)
class Champions:
    """The champion of one model in one registry, and the log of it.

    Attributes:
        store: the store that has the log.
        registry: the registry that has the alias.
        model: the registered name.
        actor: who acts.
    """

    store: Store
    registry: ModelRegistry
    model: str
    actor: Actor = field(default_factory=this_process)

    @cached_property
    def folder(self) -> str:
        """Its folder in the store."""
        return log_folder(self.store.location, self.registry, self.model)

    @cached_property
    def log(self) -> ChampionLog:
        """The log."""
        return ChampionLog(self.store.location, self.folder)

    def current(self) -> RegisteredVersion | None:
        """Return the champion, as the registry has it."""
        return self.registry.find(self.model, CHAMPION)

    @contextmanager
    def held(self, *, wait: float = WAIT_SECONDS) -> Iterator[Lease]:
        """Hold the lease; what was begun before is completed first.

        Args:
            wait: seconds to wait for another holder.

        Raises:
            PlatformError: another process holds it, or the registry doesn't answer.
        """
        with leased(self.store.location, f"{self.folder}/lease", wait=wait) as lease:
            keep_owner(self.store.location, self.registry, self.model, self.folder)
            self.settle(lease)
            yield lease

    # What was begun before ------------------------------------------------------------------

    def settle(self, lease: Lease) -> None:
        """Bring log and alias together: whoever holds the lease does so before anything else."""
        self._check_end()
        unconfirmed = self.log.ahead(self.registry.tag(self.model, HEAD))
        version = self._version()
        last = self.log.last()
        if last is not None and last.action == log.INTENDED:
            last = self._complete(last, version, lease)
            version = self._version()
        if (last.champion if last else "") != version:
            self._notice(last, version)
        if unconfirmed and last is not None:
            self._report_unconfirmed(unconfirmed)

    def _report_unconfirmed(self, count: int) -> None:
        """Record that the registry had no head of the log's last entries.

        A process that is killed between entry and head leaves one such entry, and so does whoever
        may write the store and not the registry.
        """
        last = self.log.last()
        champion = last.champion if last else ""
        what = f"the last {count} entries" if count > 1 else "the last entry"
        reason = (
            f"the registry's head didn't name {what} before: a process was killed, or {_OTHERS}"
        )
        self._append(LogEntry(log.UNCONFIRMED, champion, reason=reason))

    def _version(self) -> str:
        champion = self.current()
        return champion.version if champion else ""

    def _check_end(self) -> None:
        """Record it when entries are missing at the end of the log, or were replaced."""
        for head in (self.log.head(), self.registry.tag(self.model, HEAD)):
            missing = self.log.misses(head)
            if missing:
                last = self.log.last()
                champion = last.champion if last else ""
                reason = f"entries are missing here, or were replaced: {missing}"
                self._append(LogEntry(log.DAMAGED, champion, reason=reason))
                return

    def _complete(self, intent: LogEntry, version: str, lease: Lease) -> LogEntry:
        """Carry out an intent that was left, unless it can't be or isn't wanted any more."""
        if intent.family and not is_decided(self.store, intent.family, commit=False):
            return self.abandon(intent, "its family wasn't promoted as a whole")
        if version not in (intent.before, intent.version):
            return self.abandon(intent, f"the alias was moved to version {version or 'none'}")
        try:
            return self.move(intent, lease)
        except RefusedError as error:
            return self.abandon(intent, str(error))

    def abandon(self, intent: LogEntry, reason: str) -> LogEntry:
        """Record that an intent won't be carried out."""
        draft = LogEntry(
            log.ABANDONED,
            intent.before,
            intent.version,
            intent.before,
            reason,
            family=intent.family,
        )
        return self._append(draft, after=intent)

    def _notice(self, last: LogEntry | None, version: str) -> None:
        """Record that the alias isn't where the log has it."""
        before = last.champion if last else ""
        reason = "it was the champion before the log began"
        if last is not None:
            reason = f"the alias was moved by hand from version {before or 'none'}"
            reason = reason if version else f"version {before} or its alias was removed by hand"
        self._append(LogEntry(log.NOTICED, version, version, before, reason))

    # Moving it ------------------------------------------------------------------------------

    def keep(self, version: str, ruling: Ruling, champion: str) -> None:
        """Record that a version was judged and isn't the champion; the same twice is once.

        It becomes the challenger, where the registry still has it.

        Args:
            version: its number.
            ruling: why it isn't.
            champion: the version that is and stays the champion, or empty.
        """
        last = self.log.last()
        draft = self._draft(log.KEPT, champion, version, ruling)
        if last is None or _facts(last) != _facts(draft):
            self._append(draft)
        if self.registry.find(self.model, version) is not None:
            self.registry.set_alias(self.model, CHALLENGER, version)

    def intend(self, version: str, ruling: Ruling, champion: str, *, family: str = "") -> LogEntry:
        """Write the intent to make a version the champion.

        Args:
            version: its number.
            ruling: why.
            champion: the version that is the champion now, or empty.
            family: id of the promotion of the family that it is part of, or empty.
        """
        return self._append(self._draft(log.INTENDED, champion, version, ruling, family))

    def move(self, intent: LogEntry, lease: Lease) -> LogEntry:
        """Carry out an intent: move the alias, read it back, and confirm it in the log.

        Raises:
            PlatformError: the registry doesn't answer or refuses; the lease is over; or the alias
                isn't where it was moved to.
        """
        lease.check()
        self.registry.set_alias(self.model, CHAMPION, intent.version)
        version = self._version()
        if version != intent.version:
            what = f"is at version {version or 'none'} after it was moved to {intent.version}"
            raise PlatformError(f"model {self.model}: the alias {what}; another program moves it")
        self.registry.remove_alias(self.model, CHALLENGER)
        draft = LogEntry(
            log.PROMOTED, intent.version, intent.version, intent.before, family=intent.family
        )
        try:
            return self._append(draft, after=intent)
        except StoreError as error:
            self._give_way(intent)
            message = f"another process has taken over: {error}; run it again"
            raise PlatformError(f"model {self.model}: {message}") from error

    def _give_way(self, intent: LogEntry) -> None:
        """Put the alias back to what those have decided who took over."""
        last = self.log.last()
        if last is not None and last.champion and self._version() == intent.version:
            self.registry.set_alias(self.model, CHAMPION, last.champion)

    def _draft(
        self, action: str, champion: str, version: str, ruling: Ruling, family: str = ""
    ) -> LogEntry:
        entry = LogEntry(action, champion, version, champion, ruling.reason, family=family)
        return replace(entry, rule=dict(ruling.rule), evidence=dict(ruling.evidence))

    def _append(self, draft: LogEntry, *, after: LogEntry | None = None) -> LogEntry:
        entry = self.log.append(replace(draft, who=self.actor.to_json()), after=after)
        self.registry.set_tag(self.model, HEAD, entry.head)
        return entry

    # Looking at it --------------------------------------------------------------------------

    def faults(self) -> list[str]:
        """Return all that shows that the log was altered or the alias moved by hand."""
        heads = {
            f"{self.store.url}/{self.folder}/head": self.log.head(),
            f"{self.registry.kind} tag {HEAD}": self.registry.tag(self.model, HEAD),
        }
        faults = self.log.faults(heads)
        if faults:
            return faults
        ahead = self.log.ahead(self.registry.tag(self.model, HEAD))
        if ahead > 1:  # One is that of a promotion under way.
            where = f"{self.registry.kind} tag {HEAD}"
            faults.append(
                f"{where}: doesn't name the last {ahead} entries: it was removed, or {_OTHERS}"
            )
        last, version = self.log.last(), self._version()
        if last is not None and version not in (last.champion, _intended(last)):
            logged = f"the log has version {last.champion or 'none'} as the champion"
            faults.append(f"{logged}, the registry {version or 'none'}: it was moved by hand")
        return faults


def _intended(last: LogEntry) -> str:
    """Return the version of an intent that is under way."""
    return last.version if last.action == log.INTENDED else last.champion


def _facts(entry: LogEntry) -> tuple[Any, ...]:
    return entry.action, entry.version, entry.before, entry.rule, entry.evidence


def is_decided(store: Store, family: str, *, commit: bool) -> bool:
    """Decide once and for all whether a family is promoted, and return what was decided first.

    Args:
        store: the store.
        family: id of the promotion.
        commit: what to decide if nothing is decided yet.
    """
    key = f"{FOLDER}/families/{family}"
    decision = b"commit" if commit else b"abandon"
    store.location.create(key, decision)
    return store.location.read(key) == b"commit"
