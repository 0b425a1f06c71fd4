"""What was deployed and when: content-addressed records in the store, and a history for each stack.

<store>/deployments/records/<digest>.json          what a deployment was made of
<store>/deployments/history/<stack>/<number>.json  who deployed which record, and when
"""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.values import canonical, digest
from atlas_deploy.desired.bundle import Part
from atlas_provider.kinds import kind_of_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.store import Location

_RECORDS, _HISTORY = "deployments/records", "deployments/history"
_ADDRESSES = frozenset(
    {"store", "secrets", "credentials", "mlflow", "registry", "rules", "prometheus"}
)
"""Inputs that say where the platform is; a target's kind has others besides.

An older Atlas's records may have some of them.
"""
DEPLOY, ROLLBACK, DESTROY = "deploy", "rollback", "destroy"


@dataclass(frozen=True, slots=True)
class Record:
    """What a deployment was made of, wherever its platform is.

    Attributes:
        parts: its resources, without addresses.
    """

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> Record:
        """Return the record of a stack's resources."""
        return cls(
            tuple(Part(part.kind, part.name, _lasting(part.kind, part.inputs)) for part in parts)
        )

    @property
    def digest(self) -> str:
        """The digest under which it is kept."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {"version": 1, "parts": [asdict(part) for part in self.parts]}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a stack's history.

    Attributes:
        number: counts the stack's deployments from 1.
        action: ``deploy``, ``rollback`` or ``destroy``.
        record: digest of the record; empty for ``destroy``.
        at: when, ISO 8601 in UTC.
        by: the user's name on the machine.
        commit: git commit of the pipeline's folder; empty where it isn't known.
        champions: model → version that its alias pointed at then.
        to: number of the entry that was rolled back to, or 0.
        release: the release that was deployed; empty for none.
    """

    number: int
    action: str
    record: str
    at: str
    by: str
    commit: str = ""
    champions: Mapping[str, str] = field(default_factory=dict)
    to: int = 0
    release: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain data."""
        return asdict(self)


def history(place: Location, stack: str) -> list[Entry]:
    """Return the entries of a stack, the oldest first."""
    folder = f"{_HISTORY}/{stack}"
    return [Entry(**json.loads(place.read(f"{folder}/{name}"))) for name in place.names(folder)]


def is_of(record: Record, parts: Iterable[Part]) -> bool:
    """Tell whether resources are those of a record, in any order and wherever the platform is."""
    recorded, there = Record.of(record.parts), Record.of(parts)
    return _by_name(recorded) == _by_name(there)


def _by_name(record: Record) -> dict[str, Part]:
    return {part.name: part for part in record.parts}


def last(place: Location, stack: str) -> Entry | None:
    """Return the last entry of a stack; None where it has none."""
    folder = f"{_HISTORY}/{stack}"
    names = place.names(folder)
    return Entry(**json.loads(place.read(f"{folder}/{names[-1]}"))) if names else None


def stacks(place: Location) -> list[str]:
    """Return the stacks that have a history, sorted."""
    return place.names(_HISTORY)


def read(place: Location, entry: Entry) -> Record:
    """Return the record of an entry.

    Raises:
        StoreError: it isn't there, or isn't what was written.
    """
    key = f"{_RECORDS}/{entry.record}.json"
    try:
        raw = json.loads(place.read(key))
        record = Record(tuple(Part(**part) for part in raw["parts"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise StoreError(f"{place.url}/{key}: no record of a deployment can be read") from None
    if record.digest != entry.record:
        raise StoreError(f"{place.url}/{key}: isn't the record of its name")
    return record


def add(
    place: Location,
    stack: str,
    action: str,
    record: Record | None,
    *,
    commit: str = "",
    champions: Mapping[str, str] | None = None,
    to: int = 0,
    release: str = "",
) -> Entry | None:
    """Add an entry to a stack's history, unless the last one says the same.

    Args:
        place: the store's place.
        stack: the stack.
        action: what was done.
        record: what was deployed; None for nothing.
        commit: git commit of the pipeline's folder.
        champions: model → version that its alias points at.
        to: number of the entry that was rolled back to.
        release: the release that was deployed; empty for none.

    Returns:
        The new entry; None when nothing is new.
    """
    desired = record.digest if record else ""
    before = last(place, stack)
    if (before.record if before else "") == desired and _release(before) == release:
        return None
    if record:
        place.write(f"{_RECORDS}/{desired}.json", canonical(record.to_json()).encode())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    number = before.number + 1 if before else 1
    while True:
        facts = (commit, dict(champions or {}), to, release)
        entry = Entry(number, action, desired, now, _user(), *facts)
        text = canonical(entry.to_json()).encode()
        if place.create(f"{_HISTORY}/{stack}/{number:06d}.json", text):
            return entry
        number += 1


def _release(entry: Entry | None) -> str:
    return entry.release if entry else ""


def _lasting(kind: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs without what depends on where the platform is."""
    of_target = kind_of_target(kind)
    addresses = _ADDRESSES | of_target.addresses if of_target else _ADDRESSES
    return {name: value for name, value in inputs.items() if name not in addresses}


def _user() -> str:
    """Return the user's name on this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
