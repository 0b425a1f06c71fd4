"""What a model version was trained on, in counts: the reference that batches are compared with.

A training run makes a profile of the table with the features and of one with predictions, as the
Config's ``statistics`` says. A reference names both by their digests, with what else was learnt
from the rows. It is kept under the digest of its own bytes, which don't depend on the run or on the
machine, and a registered version has that digest as its tag ``atlas.reference``.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import ProfileError, StoreError
from atlas.monitor.learnt import LearntTable as LearntTable  # noqa: PLC0414
from atlas.store.keys import PROFILES
from atlas.store.manifest import DIGEST
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.monitor.estimate import Calibration
    from atlas.monitor.tolerance import Tolerances
    from atlas.profiles.profile import Profile
    from atlas.store import Store

FEATURES, PREDICTIONS = "features", "predictions"
TABLES = (FEATURES, PREDICTIONS)
"""The tables that a Config's ``statistics`` may name."""
REFERENCES, COUNTS = f"{PROFILES}/references", f"{PROFILES}/counts"
"""Folders with references, and with the profiles that they and batches consist of."""
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What a model version was trained on.

    Attributes:
        sha256: of its bytes; what it is called.
        tables: ``features`` and ``predictions``, those that there are → what was learnt of them.
        profiles: likewise → their counts.
    """

    sha256: str
    tables: Mapping[str, LearntTable]
    profiles: Mapping[str, Profile]

    @property
    def features(self) -> Profile | None:
        """The profile of the features, if there is one."""
        return self.profiles.get(FEATURES)

    @property
    def predictions(self) -> Profile | None:
        """The profile of the predictions, if there is one."""
        return self.profiles.get(PREDICTIONS)

    def schema(self, table: str) -> dict[str, str]:
        """Return what each column of a table holds: ``number``, ``category`` and so on."""
        profile = self.profiles.get(table)
        return {name: f.kind for name, f in profile.features.items()} if profile else {}

    def tolerances(self, table: str) -> Tolerances | None:
        """Return which differences of a table's columns aren't drift; None where not learnt."""
        return self.tables[table].tolerances if table in self.tables else None

    @property
    def calibration(self) -> Calibration | None:
        """How often labels are positive at each score; None where that wasn't learnt."""
        return self.tables[PREDICTIONS].calibration if PREDICTIONS in self.tables else None


def keep_profile(store: Store, profile: Profile, beside: str = "") -> str:
    """Keep the counts of a table and return their sha256; the same ones again change nothing.

    Args:
        store: the artifact store.
        profile: the counts.
        beside: of a batch, sha256 of the profile that it was counted beside.

    Raises:
        StoreError: they can't be written.
    """
    from atlas.profiles.codec import to_bytes

    content = to_bytes(profile, beside or None)
    sha256 = hashlib.sha256(content).hexdigest()
    store.location.create(_counts_key(sha256), content)
    return sha256


def load_profile(
    store: Store, sha256: str, beside: Profile | None = None, beside_sha256: str = ""
) -> Profile:
    """Return the counts that a sha256 names.

    Args:
        store: the artifact store.
        sha256: the digest.
        beside: of a batch, the profile that it was counted beside.
        beside_sha256: the digest of that one.

    Raises:
        StoreError: they aren't there, or aren't what was written.
    """
    from atlas.profiles.codec import from_bytes

    key = _counts_key(sha256)
    content = _checked(store, key, sha256)
    try:
        return from_bytes(content, beside, beside_sha256 or None)
    except ProfileError as error:
        raise StoreError(f"{store.url}/{key}: {error}") from None


def has_profile(store: Store, sha256: str) -> bool:
    """Tell whether the counts that a sha256 names are there."""
    return store.location.exists(_counts_key(sha256))


def keep_reference(store: Store, tables: Mapping[str, LearntTable]) -> str:
    """Keep a reference and return its sha256; the same one again changes nothing.

    Args:
        store: the artifact store, which has the tables' profiles.
        tables: ``features`` and ``predictions``, or one of them.

    Raises:
        StoreError: it can't be written.
    """
    raw = {name: table.to_json() for name, table in tables.items()}
    content = canonical({"format": _FORMAT, "tables": raw}).encode("utf-8", "surrogatepass")
    sha256 = hashlib.sha256(content).hexdigest()
    store.location.create(_reference_key(sha256), content)
    return sha256


def load_reference(store: Store, sha256: str) -> ModelReference:
    """Return a reference with its profiles.

    Args:
        store: the artifact store.
        sha256: its digest, as a version's tag and a run's model have it.

    Raises:
        StoreError: it isn't there, or isn't what was written.
    """
    tables = _tables(store, sha256)
    profiles = {name: load_profile(store, table.profile) for name, table in tables.items()}
    return ModelReference(sha256, tables, profiles)


def has_reference(store: Store, sha256: str) -> bool:
    """Tell whether a store has a reference, with all its profiles."""
    if not store.location.exists(_reference_key(sha256)):
        return False
    return all(has_profile(store, table.profile) for table in _tables(store, sha256).values())


def check_reference(store: Store, sha256: str) -> None:
    """Compare a reference, and its profiles, with their digests; nothing of them is counted.

    Raises:
        StoreError: it isn't there, or isn't what was written.
    """
    for table in _tables(store, sha256).values():
        _checked(store, _counts_key(table.profile), table.profile)


def copy_reference(source: Store, store: Store, sha256: str) -> None:
    """Copy a reference, with its profiles, from another store.

    Raises:
        StoreError: it isn't there, isn't what was written, or can't be written here.
    """
    for table in _tables(source, sha256).values():
        key = _counts_key(table.profile)
        store.location.create(key, _checked(source, key, table.profile))
    key = _reference_key(sha256)
    store.location.create(key, _checked(source, key, sha256))


def profiles_of(store: Store, sha256: str) -> set[str]:
    """Return the digests of a reference's profiles; none of one that can't be read."""
    try:
        return {table.profile for table in _tables(store, sha256).values()}
    except StoreError:
        return set()


def _tables(store: Store, sha256: str) -> dict[str, LearntTable]:
    key = _reference_key(sha256)
    content = _checked(store, key, sha256)
    try:
        raw = json.loads(content)
        if raw["format"] != _FORMAT:
            raise ValueError(f"its format is {raw['format']!r}, expected {_FORMAT}")
        return {name: LearntTable.from_json(raw["tables"][name]) for name in sorted(raw["tables"])}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        text = f"{store.url}/{key}: isn't a reference: {error}"
        raise StoreError(f"{text}; train the model again") from None


def _checked(store: Store, key: str, sha256: str) -> bytes:
    """Return the bytes of a file that is called by their digest."""
    try:
        content = store.location.read(key)
    except FileNotFoundError:
        text = f"{store.url}/{key}: isn't there"
        raise StoreError(f"{text}; it was removed, train the model again") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        text = f"{store.url}/{key}: its sha256 is {found[:12]}…, expected {sha256[:12]}…"
        raise StoreError(f"{text}; remove it, and train the model again")
    return content


def _reference_key(sha256: str) -> str:
    return f"{REFERENCES}/{_check_digest(sha256)}.json"


def _counts_key(sha256: str) -> str:
    return f"{COUNTS}/{_check_digest(sha256)}.profile"


def _check_digest(sha256: Any) -> str:
    if not isinstance(sha256, str) or not DIGEST.fullmatch(sha256):
        raise StoreError(f"found {str(sha256)[:80]!r}, expected a sha256 of 64 digits")
    return sha256
