"""Promotion: a version, or those of a whole family, judged and made the champion."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import RefusedError
from atlas.models.champions import Ruling, is_decided
from atlas.models.lease import WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.models.champions import Champions
    from atlas.models.lease import Lease
    from atlas.models.log import LogEntry
    from atlas.tracking.registry import RegisteredVersion


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of a version.

    Attributes:
        promoted: whether it is the champion now.
        reason: why, or why not, in words.
        previous: the version that was the champion, or empty.
        waits: whether it isn't decided before other members of its family have a version.
        on_hold: whether it passes its rule, and waits for somebody's decision.
    """

    promoted: bool
    reason: str
    previous: str = ""
    waits: bool = False
    on_hold: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that may become the champion.

    Attributes:
        champions: the model's champion and its log.
        version: the version's number.
        judge: decides, given the champion as it is now.
    """

    champions: Champions
    version: str
    judge: Callable[[RegisteredVersion | None], Ruling]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A candidate, the lease that its model is held by, and what was decided."""

    candidate: Candidate
    lease: Lease
    ruling: Ruling
    previous: str

    @property
    def is_champion(self) -> bool:
        """Whether it is the champion already."""
        return self.previous == self.candidate.version

    @property
    def model(self) -> str:
        return self.candidate.champions.model


def promote(candidates: Sequence[Candidate], *, wait: float = WAIT_SECONDS) -> list[Promotion]:
    """Make versions the champions if all of them pass; else none of them becomes it.

    Args:
        candidates: a version of a model, or one of each member of a family.
        wait: seconds to wait for another process that promotes a version of one of the models.

    Returns:
        What became of each, in the order given.

    Raises:
        PlatformError: another process promotes for too long, or the registry doesn't answer; the
            next call completes what was begun.
    """
    with ExitStack() as stack:
        leases = {}
        for candidate in sorted(candidates, key=lambda member: member.champions.folder):
            held = candidate.champions.held(wait=wait)
            leases[candidate.champions.folder] = stack.enter_context(held)
        judged = [_judged(member, leases[member.champions.folder]) for member in candidates]
        if all(member.ruling.passes for member in judged):
            return _moved(judged)
        return [_kept(member, judged) for member in judged]


def preview(candidates: Sequence[Candidate]) -> list[Promotion]:
    """Return what `promote` would do; nothing is changed, and nobody is waited for."""
    judged = []
    for candidate in candidates:
        champion = candidate.champions.current()
        previous = champion.version if champion else ""
        ruling = _ruling(candidate, champion)
        judged.append((candidate, ruling, previous))
    failed = [member.champions.model for member, ruling, _ in judged if not ruling.passes]
    return [
        Promotion(not failed, _reason(member.champions.model, ruling, failed), previous)
        for member, ruling, previous in judged
    ]


def _judged(candidate: Candidate, lease: Lease) -> _Judged:
    champion = candidate.champions.current()
    ruling = _there(candidate) or _ruling(candidate, champion)
    return _Judged(candidate, lease, ruling, champion.version if champion else "")


def _there(candidate: Candidate) -> Ruling | None:
    """Return why a version can't be promoted that isn't in the registry; nothing of one that is.

    Known before an alias moves, so that it keeps the other members of its family where they are.
    """
    champions, version = candidate.champions, candidate.version
    if champions.registry.find(champions.model, version) is not None:
        return None
    return Ruling(False, f"the registry has no version {version} of it any more")


def _ruling(candidate: Candidate, champion: RegisteredVersion | None) -> Ruling:
    if champion is not None and champion.version == candidate.version:
        return Ruling(True, "it is the champion already")
    return candidate.judge(champion)


def _kept(member: _Judged, every: Sequence[_Judged]) -> Promotion:
    """Record that a version isn't promoted: for its own sake, or for another member's."""
    failed = [other.model for other in every if not other.ruling.passes]
    reason = _reason(member.model, member.ruling, failed)
    if not member.is_champion:
        ruling = replace(member.ruling, passes=False, reason=reason)
        member.candidate.champions.keep(member.candidate.version, ruling, member.previous)
    return Promotion(member.is_champion, reason, member.previous, on_hold=member.ruling.on_hold)


def _reason(model: str, ruling: Ruling, failed: Sequence[str]) -> str:
    if not failed or model in failed:
        return ruling.reason
    return f"a family is promoted as a whole, and {failed[0]} doesn't pass; {ruling.reason}"


def _moved(judged: Sequence[_Judged]) -> list[Promotion]:
    """Move the aliases of all that aren't there yet: first every intent, then every move."""
    new = [member for member in judged if not member.is_champion]
    family = secrets.token_hex(16) if len(new) > 1 else ""
    intents = {
        member.model: member.candidate.champions.intend(
            member.candidate.version, member.ruling, member.previous, family=family
        )
        for member in new
    }
    if family and not is_decided(new[0].candidate.champions.store, family, commit=True):
        reason = "another process has abandoned the promotion of the family; run it again"
        for member in new:
            member.candidate.champions.abandon(intents[member.model], reason)
        return [Promotion(member.is_champion, reason, member.previous) for member in judged]
    return [_move(member, intents.get(member.model)) for member in judged]


def _move(member: _Judged, intent: LogEntry | None) -> Promotion:
    """Move one alias; a registry that refuses leaves the old champion."""
    if intent is None:
        return Promotion(True, member.ruling.reason, member.previous)
    champions = member.candidate.champions
    try:
        champions.move(intent, member.lease)
    except RefusedError as error:
        champions.abandon(intent, str(error))
        return Promotion(False, str(error), member.previous)
    return Promotion(True, member.ruling.reason, member.previous)
