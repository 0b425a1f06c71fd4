"""Model registries: where versions and aliases are kept. MLflow's, and the store's own."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import urlsplit

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import PlatformError, clean
from atlas.store import ModelPart, ModelVersion
from atlas.store.manifest import DIGEST
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Store
    from atlas.tracking.record import RunRecord

CHAMPION = "champion"
"""The alias of the version that inference follows."""
CHALLENGER = "challenger"
"""The alias of the version that was judged last and isn't the champion."""
PARTS = "atlas.parts"
"""Tag of a version: JSON, part → uri, sha256 and the manifest's digest. It is data to check: where
parts are read from, the run's store and its Environment say."""
REFERENCE = "atlas.reference"
"""Tag of a version: sha256 of the profiles of what it was trained on (`atlas.monitor.references`);
none where its Config had no ``statistics``."""
METRICS = "atlas.metrics"
"""Tag of a version: JSON, ``step.metric`` → value, from its own training run."""


@dataclass(frozen=True, slots=True)
class ModelRegistration:
    """A new version of a model.

    Attributes:
        model: the registered name.
        run: id of the training run.
        parts: part → artifact.
        tags: what the version is made from: digests, commit, run; plain strings.
        metrics: ``step.metric`` → value.
        is_deployed: whether a deployment has taken the name, so that the model is Atlas's own.
    """

    model: str
    run: str
    parts: Mapping[str, ModelPart]
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    is_deployed: bool = False

    def all_tags(self) -> dict[str, str]:
        """Return the tags with the parts, the metrics and the run in them."""
        parts = {name: _plain(part) for name, part in self.parts.items()}
        own = {PARTS: canonical(parts), METRICS: canonical(dict(self.metrics))}
        return {**self.tags, "atlas.run": self.run, **own}


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A registered version: its number and its tags."""

    model: str
    version: str
    tags: Mapping[str, str]

    def resolved(self) -> ModelVersion:
        """Return it as a Run records it.

        Raises:
            PlatformError: its parts can't be read.
        """
        where = f"model {self.model}, version {self.version}"
        hint = f"it wasn't registered by Atlas; register one by {command('run')} of the training"
        if PARTS not in self.tags:
            raise PlatformError(f"{where}: has no tag '{PARTS}' ({hint})")
        try:
            parts = parsed_parts(self.tags[PARTS])
            return ModelVersion(self.model, self.version, parts, self.reference)
        except (ValueError, RecursionError) as error:
            reason = clean(str(error), 300)
            raise PlatformError(f"{where}: tag '{PARTS}': {reason} ({hint})") from None

    @property
    def reference(self) -> str:
        """Digest of what it was trained on; empty where its tag names none."""
        text = self.tags.get(REFERENCE, "")
        return text if DIGEST.fullmatch(text) else ""

    def uris(self) -> list[str]:
        """Return the URIs of its parts; none when they can't be read."""
        try:
            return [part.uri for part in parsed_parts(self.tags.get(PARTS, "{}")).values()]
        except (ValueError, RecursionError):
            return []

    def metrics(self) -> dict[str, float]:
        """Return the metrics of its training run; none when they can't be read."""
        try:
            raw = json.loads(self.tags.get(METRICS, "{}"))
        except (ValueError, RecursionError):
            return {}
        items = raw.items() if isinstance(raw, dict) else ()
        return {name: float(value) for name, value in items if _is_finite(value)}


def parsed_parts(text: Any) -> dict[str, ModelPart]:
    """Return a model version's parts from the text of its tag; fields of later versions are left.

    Raises:
        ValueError: it isn't a JSON object of parts, each with a URI and a digest.
    """
    raw = json.loads(text) if isinstance(text, str) else None
    if not isinstance(raw, dict) or len(raw) > _MOST_PARTS:
        raise ValueError(f"found {str(text)[:80]!r}, expected a JSON object of parts")
    return {name: _part(name, part) for name, part in raw.items()}


def _part(name: str, raw: Any) -> ModelPart:
    if not name.isprintable() or not isinstance(raw, dict) or not {"uri", "sha256"} <= raw.keys():
        raise ValueError(f"part {name[:80]!r}: expected a JSON object with uri and sha256")
    try:
        return ModelPart(**{key: raw[key] for key in ("uri", "sha256", "manifest") if key in raw})
    except ValueError as error:
        raise ValueError(f"part {name[:80]!r}: {error}") from None


def _plain(part: ModelPart) -> dict[str, str]:
    return {key: value for key, value in asdict(part).items() if value}


def _is_finite(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max


_IDENTITY_DIGITS = 12
_MOST_PARTS = 1000
"""The most parts of a model version."""


def identity_of(kind: str, created: int | None, url: str) -> str:
    """Return the identity of an MLflow registry.

    Args:
        kind: the registry's kind.
        created: when its experiment 0 was made (milliseconds since 1970), which MLflow does as it
            makes its database; None where it has none.
        url: where it is, for a registry without that experiment.
    """
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    return f"{kind}-{digest(address if created is None else created)[:_IDENTITY_DIGITS]}"


class ModelRegistry(Protocol):
    """Keeps versions of models and the aliases that point at them."""

    @property
    def kind(self) -> str:
        """Its kind, for messages: ``store``, ``mlflow`` or ``file``."""

    @property
    def identity(self) -> str:
        """What tells it from every other registry: each has champion logs of its own in a store.

        It is the same from wherever the registry is reached, and a folder's name.
        """

    def register(self, registration: ModelRegistration, source: str = "") -> str:
        """Add a version and return its number; the same run's version is not added twice."""

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias; a missing one is fine."""

    def tag(self, model: str, name: str) -> str:
        """Return a tag of a registered model; empty for none."""

    def set_tag(self, model: str, name: str, value: str) -> None:
        """Set a tag of a registered model."""

    def find(self, model: str, version: str) -> RegisteredVersion | None:
        """Return the version of a number or an alias, or None."""


class Tracker(ModelRegistry, Protocol):
    """A registry that keeps runs too: an MLflow server, or MLflow's file."""

    def send(self, record: RunRecord, *, parent: str = "", again: bool = False) -> str:
        """Write a run and return its id there.

        Args:
            record: the run.
            parent: the tracker's id of the run that it is nested in, or empty.
            again: whether an earlier try may have left something of it there, to be completed.
        """


@dataclass(frozen=True)
class LocalRegistry:
    """A registry in the artifact store, for runs without MLflow; versions are ``local-N``.

    Attributes:
        store: the store.
    """

    store: Store
    kind: ClassVar[str] = "store"
    identity: ClassVar[str] = "store"

    def register(self, registration: ModelRegistration, source: str = "") -> str:
        """Add a version and return its number; the same run's version is not added twice."""
        number = 0
        while True:
            number += 1
            version = f"local-{number}"
            if self.add(registration, version):
                return version
            there = self._read(registration.model, version)
            if there is not None and there.tags.get("atlas.run") == registration.run:
                return version

    def add(self, registration: ModelRegistration, version: str) -> bool:
        """Add a version under a given number, unless there is one; tell whether it was added."""
        content = canonical({"version": version, "tags": registration.all_tags()}).encode()
        key = f"{self._folder(registration.model)}/versions/{version}.json"
        return self.store.location.create(key, content)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        content = canonical({"version": version}).encode()
        self.store.location.write(f"{self._folder(model)}/aliases/{alias}.json", content)

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias; a missing one is fine."""
        self.store.location.remove(f"{self._folder(model)}/aliases/{alias}.json")

    def tag(self, model: str, name: str) -> str:
        """Return a tag of a registered model; empty for none."""
        try:
            return self.store.location.read(f"{self._folder(model)}/tags/{name}").decode()
        except (FileNotFoundError, UnicodeDecodeError):
            return ""

    def set_tag(self, model: str, name: str, value: str) -> None:
        """Set a tag of a registered model."""
        self.store.location.write(f"{self._folder(model)}/tags/{name}", value.encode())

    def find(self, model: str, version: str) -> RegisteredVersion | None:
        """Return the version of a number or an alias, or None."""
        alias = self._json(f"{self._folder(model)}/aliases/{version}.json")
        return self._read(model, str(alias["version"]) if alias else version)

    def models(self) -> list[str]:
        """Return the names of all models."""
        return self.store.location.names("models")

    def versions(self, model: str) -> list[RegisteredVersion]:
        """Return all versions of a model."""
        names = self.store.location.names(f"{self._folder(model)}/versions")
        registered = (self._read(model, name.removesuffix(".json")) for name in names)
        return [version for version in registered if version is not None]

    def _read(self, model: str, version: str) -> RegisteredVersion | None:
        record = self._json(f"{self._folder(model)}/versions/{version}.json")
        if record is None:
            return None
        tags = record.get("tags")
        if record["version"] != version or not isinstance(tags, dict):
            raise PlatformError(f"{self.store.url}/models/{model}: version {version} is damaged")
        return RegisteredVersion(model, version, {str(k): str(v) for k, v in tags.items()})

    def _json(self, key: str) -> dict[str, Any] | None:
        """Return a record of the registry, which names a version; None when there is none.

        Raises:
            PlatformError: it is none of the registry's.
        """
        try:
            record = json.loads(self.store.location.read(key))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            record = None
        version = record.get("version") if isinstance(record, dict) else None
        if not isinstance(version, str) or "/" in version:
            where = f"{self.store.url}/{key}: isn't a record of a model"
            raise PlatformError(f"{where}; remove it, and run the training again")
        return dict(record)

    @staticmethod
    def _folder(model: str) -> str:
        return f"models/{model}"
