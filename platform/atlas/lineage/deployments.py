"""Deployments as the store has recorded them: what each stack was given, when, and by whom."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.lineage.plain import mapping_in, read_object
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Location

_RECORDS, _HISTORY = "deployments/records", "deployments/history"


@dataclass(frozen=True, slots=True)
class DeploymentEntry:
    """One deployment of a stack.

    Attributes:
        stack: ``<config>.<environment>``.
        number: counts the stack's deployments from 1.
        action: ``deploy``, ``rollback`` or ``destroy``.
        record: digest of what was deployed; empty for ``destroy``.
        at: when, ISO 8601 in UTC.
        by: the user's name on the machine.
        commit: git commit of the pipeline's folder.
        champions: model → version that its alias pointed at then.
        release: name of the release that was deployed; empty for none.
        source: where it was read.
    """

    stack: str
    number: int
    action: str = ""
    record: str = ""
    at: str = ""
    by: str = ""
    commit: str = ""
    champions: Mapping[str, str] = field(default_factory=dict)
    release: str = ""
    source: str = ""

    @property
    def key(self) -> str:
        """What names it among all: ``prices.prod#3``."""
        return f"{self.stack}#{self.number}"


@dataclass(frozen=True, slots=True)
class DeployedRecord:
    """What a deployment was made of.

    Attributes:
        plans: digest of each Plan → the member that it is deployed as.
        images: references of the images, without a registry's host.
        digest: of the record as it is now.
    """

    plans: Mapping[str, str]
    images: tuple[str, ...]
    digest: str


def stacks(place: Location) -> list[str]:
    """Return the stacks that have a history."""
    return place.names(_HISTORY)


def entries_of(place: Location, stack: str) -> list[DeploymentEntry]:
    """Return the deployments of a stack, the oldest first; what can't be read is left out."""
    names = place.names(f"{_HISTORY}/{stack}")
    entries = (_entry(place, stack, f"{_HISTORY}/{stack}/{name}") for name in names)
    return [entry for entry in entries if entry]


def _entry(place: Location, stack: str, key: str) -> DeploymentEntry | None:
    raw = read_object(place, key)
    if raw is None or type(raw.get("number")) is not int:
        return None
    texts = {name: str(raw.get(name) or "") for name in _TEXTS}
    champions = {name: str(value) for name, value in mapping_in(raw, "champions").items()}
    source = f"{place.url}/{key}"
    return DeploymentEntry(stack, raw["number"], champions=champions, source=source, **texts)


_TEXTS = ("action", "record", "at", "by", "commit", "release")


def record_key(entry: DeploymentEntry) -> str:
    """Return the key of what a deployment was made of."""
    return f"{_RECORDS}/{entry.record}.json"


def read_record(place: Location, entry: DeploymentEntry) -> DeployedRecord:
    """Return what a deployment was made of, whether or not its digest is that of its name.

    Raises:
        StoreError: it isn't there, or isn't a record.
    """
    key = record_key(entry)
    if not place.exists(key):
        raise StoreError(f"{place.url}/{key}: there is no such record")
    raw = read_object(place, key)
    if raw is None or not isinstance(raw.get("parts"), list):
        raise StoreError(f"{place.url}/{key}: isn't a record of a deployment")
    parts = [part for part in raw["parts"] if isinstance(part, dict)]
    inputs = [mapping_in(part, "inputs") for part in parts]
    plans = {str(plan): name for own in inputs for name, plan in mapping_in(own, "plans").items()}
    members = (value for own in inputs for value in mapping_in(own, "members").values())
    images = {value for value in members if isinstance(value, str) and "@sha256:" in value}
    return DeployedRecord(plans, tuple(sorted(images)), digest(raw))
