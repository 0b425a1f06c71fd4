"""Requests for a release: what a retraining leaves in an Environment that takes only releases.

    requests/<environment>/<pipeline>/<event>.json         what is asked for; never changes
                                     /<event>.taken.json   the release that has it

A release takes a request up: it pins the version that was asked for.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.monitor.events import TriggerEvent
    from atlas.retraining.records import RetrainingEnd
    from atlas.store import Store
    from atlas.tracking.registry import ModelRegistry

FOLDER = "requests"
_TAKEN = ".taken.json"


@dataclass(frozen=True, slots=True)
class RequestedRelease:
    """A version that a release should pin.

    Attributes:
        environment: the Environment's name.
        pipeline: the pipeline's name, with the Environment's prefix.
        event: the event that it was made for.
        model: the model's registered name.
        version: the version that was made.
        digest: digest of its parts (`atlas.store.ModelVersion.digest`).
        champion: the version that it is to replace.
        why: why it passes its rule.
        created: when it was asked for, ISO 8601 in UTC.
    """

    environment: str
    pipeline: str
    event: str
    model: str
    version: str
    digest: str
    champion: str
    why: str = ""
    created: str = ""

    @classmethod
    def of(
        cls,
        registry: ModelRegistry,
        environment: str,
        event: TriggerEvent,
        end: RetrainingEnd,
        now: str,
    ) -> RequestedRelease:
        """Return the request for the version that a retraining has made."""
        registered = registry.find(end.model, end.version)
        digest = registered.resolved().digest if registered else ""
        names = (environment, event.pipeline, event.id, end.model, end.version, digest)
        return cls(*names, event.version, end.why, now)

    @property
    def key(self) -> str:
        """Where it is in the store."""
        return f"{FOLDER}/{self.environment}/{self.pipeline}/{self.event}.json"


def request_release(store: Store, request: RequestedRelease) -> None:
    """Leave a request; the same one twice is once."""
    store.location.create(request.key, canonical({"format": 1, **asdict(request)}).encode())


def release_requests(store: Store, environment: str, pipeline: str) -> list[RequestedRelease]:
    """Return the requests for a pipeline that no release has taken up, the oldest first.

    Raises:
        StoreError: one can't be read.
    """
    return sorted(_open(store, environment, pipeline), key=lambda one: (one.created, one.event))


def take_up(store: Store, request: RequestedRelease, release: str) -> None:
    """Record the release that a request is part of."""
    key = f"{request.key.removesuffix('.json')}{_TAKEN}"
    store.location.create(key, canonical({"format": 1, "release": release}).encode())


def _open(store: Store, environment: str, pipeline: str) -> Iterator[RequestedRelease]:
    folder = f"{FOLDER}/{environment}/{pipeline}"
    names = store.location.names(folder)
    for name in names:
        event = name.removesuffix(".json")
        if not name.endswith(_TAKEN) and f"{event}{_TAKEN}" not in names:
            yield _read(store, f"{folder}/{name}", (environment, pipeline, event))


def _read(store: Store, key: str, place: tuple[str, str, str]) -> RequestedRelease:
    try:
        raw = json.loads(store.location.read(key))
        raw.pop("format")
        request = RequestedRelease(**raw)
        texts = asdict(request).values()
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(key)
        if (request.environment, request.pipeline, request.event) != place:
            raise ValueError(key)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        text = "isn't a request for a release; look at who wrote it, and remove it"
        raise StoreError(f"{store.url}/{key}: {text}") from None
    return request
