"""Events: a trigger has fired, once for one cause, and everything that follows refers to it.

An event is called by what has caused it: the pipeline, the champion, the trigger, and the
watermark, up to which causes are used up. Whoever finds the same cause writes the same file, which
only the first one can; what that one wrote, holds.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, field, fields
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.config_retraining import MANUAL, TRIGGERS
from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.store.keys import run_key
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Store

MONITOR = "monitor"
"""Folder of the store with what monitors have seen."""
RETRAININGS = "retrainings"
"""Folder of the store with what events have led to."""
OVER = frozenset(("promoted", "rejected", "requested", "declined", "superseded"))
"""Results after which nothing more comes of an event."""
ARMED_AGAIN = frozenset(("rejected", "declined", "superseded", "promoted"))
"""Results after which the same trigger may fire again in the same life, by a cause of its own.

After ``promoted`` and ``superseded``, that is when somebody makes the version champion again.
"""
_ID = re.compile(r"[0-9a-f]{16}")
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEvent:
    """A trigger has fired.

    Attributes:
        pipeline: the pipeline's name, with the Environment's prefix.
        model: the model's registered name.
        version: the champion's version.
        digest: digest of its parts (`ModelVersion.digest`).
        trigger: ``new_rows``, ``new_labels``, ``degradation``, ``drift`` or ``manual``.
        watermark: up to where causes are used up: id of the trigger's event before it in this life;
            empty for the first; of ``manual``, the key that it was asked for with.
        interval_end: up to where there are data, ISO 8601 in UTC; empty where that isn't known.
        created: when it was written, ISO 8601 in UTC.
        numbers: what the trigger saw; plain data.
        why: the reason in words.
    """

    pipeline: str
    model: str
    version: str
    digest: str
    trigger: str
    watermark: str = ""
    interval_end: str = ""
    created: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def id(self) -> str:
        """What it is called: 16 hexadecimal digits of its cause's digest."""
        return digest({name: getattr(self, name) for name in _CAUSE})[:16]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, with its id."""
        return {"format": _FORMAT, "id": self.id, **asdict(self)}

    @classmethod
    def from_json(cls, raw: Any) -> TriggerEvent:
        """Read back what `to_json` gave; fields of later versions are left.

        Raises:
            ValueError: it isn't an event.
        """
        if not isinstance(raw, dict) or not {"id", *_CAUSE} <= raw.keys():
            raise ValueError("expected an event with its id and its cause")
        event = cls(**{name: raw[name] for name in _NAMES if name in raw})
        texts = all(isinstance(getattr(event, name), str) for name in _NAMES if name != "numbers")
        if not texts or not isinstance(event.numbers, dict):
            raise ValueError("a field is of another kind than expected")
        if event.trigger not in (*TRIGGERS, MANUAL) or event.id != raw["id"]:
            raise ValueError("its id isn't that of its cause")
        return event


_CAUSE = ("pipeline", "model", "version", "digest", "trigger", "watermark")
_NAMES = tuple(item.name for item in fields(TriggerEvent))


def record_event(store: Store, event: TriggerEvent) -> tuple[TriggerEvent, bool]:
    """Write an event unless it is there; return the one that holds, and whether it is new.

    Args:
        store: the artifact store.
        event: the event.

    Raises:
        StoreError: the store can't be written, or the one that is there can't be read.
    """
    content = canonical(event.to_json()).encode("utf-8", "replace")
    is_new = store.location.create(_key(event.pipeline, event.id), content)
    there = None if is_new else find_event(store, event.pipeline, event.id)
    return there or event, is_new


def find_event(store: Store, pipeline: str, identity: str) -> TriggerEvent | None:
    """Return an event by its id; None where there is none.

    Raises:
        StoreError: it can't be read.
    """
    key = _key(pipeline, identity)
    try:
        found = TriggerEvent.from_json(json.loads(store.location.read(key)))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{store.url}/{key}: isn't an event: {error}; find out who wrote it, and remove it"
        ) from None
    if (found.pipeline, found.id) != (pipeline, identity):
        raise StoreError(f"{store.url}/{key}: is the event of another cause; who wrote it?")
    return found


def event(store: Store, pipeline: str, identity: str) -> TriggerEvent:
    """Return an event by its id.

    Args:
        store: the artifact store.
        pipeline: the pipeline's name, with the Environment's prefix.
        identity: the id.

    Raises:
        StoreError: there is none, or it can't be read.
    """
    found = find_event(store, pipeline, identity)
    if found is None:
        ids = ", ".join(event_ids(store, pipeline)[:10]) or "none"
        text = f"{pipeline}: no event {clean(identity, 80)!r}; found {ids}"
        raise StoreError(f"{text}; {command('monitor')} shows the open ones")
    return found


def event_ids(store: Store, pipeline: str) -> list[str]:
    """Return the ids of all events of a pipeline, sorted."""
    names = store.location.names(_folder(pipeline))
    ids = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return [identity for identity in ids if _ID.fullmatch(identity)]


def events(store: Store, pipeline: str) -> list[TriggerEvent]:
    """Return all events of a pipeline, the oldest first.

    Raises:
        StoreError: one can't be read.
    """
    found = (find_event(store, pipeline, identity) for identity in event_ids(store, pipeline))
    there = (one for one in found if one is not None)
    return sorted(there, key=lambda one: (one.created, one.id))


def open_events(store: Store, pipeline: str) -> list[TriggerEvent]:
    """Return the events of a pipeline that something is still to come of, the oldest first.

    One whose training has failed is open: it may be tried again.

    Raises:
        StoreError: one can't be read.
    """
    every = events(store, pipeline)
    return [one for one in every if result_of(store, pipeline, one.id) not in OVER]


def result_of(store: Store, pipeline: str, identity: str) -> str:
    """Return what has come of an event: the result of its retraining; empty while there is none.

    Raises:
        StoreError: it can't be read.
    """
    _key(pipeline, identity)
    key = f"{RETRAININGS}/{pipeline}/{identity}/outcome.json"
    try:
        result = json.loads(store.location.read(key))["result"]
    except FileNotFoundError:
        return ""
    except (ValueError, TypeError, KeyError, RecursionError):
        result = None
    if not isinstance(result, str):
        raise StoreError(f"{store.url}/{key}: isn't an outcome of a retraining; who wrote it?")
    return result


def _folder(pipeline: str) -> str:
    run_key(pipeline, "events")
    return f"{MONITOR}/{pipeline}/events"


def _key(pipeline: str, identity: str) -> str:
    if not isinstance(identity, str) or not _ID.fullmatch(identity):
        found = clean(str(identity), 80)
        raise StoreError(f"event {found!r}: expected 16 hexadecimal digits")
    return f"{_folder(pipeline)}/{identity}.json"
