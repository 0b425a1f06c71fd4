"""Tags and notes of runs: files beside a run's record, which are added and never changed.

No digest covers them, and no step reads them: to tag a run changes nothing of what it has made.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StoreError
from atlas.models.actor import this_process
from atlas.store import run_key
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.store import Store

_FILE = re.compile(r"annotation-([0-9]{6})\.json")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_LONGEST_VALUE, _LONGEST_NOTE = 500, 4000


@dataclass(frozen=True, slots=True)
class RunAnnotation:
    """What somebody has added to a run.

    Attributes:
        time: when, ISO 8601 in UTC.
        by: who, as ``user@host``.
        tags: key → value; an empty value takes the tag away.
        note: a text, or empty.
    """

    time: str
    by: str
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


def annotate(
    store: Store, pipeline: str, run: str, tags: Mapping[str, str], note: str = ""
) -> RunAnnotation:
    """Add tags and a note to a run.

    Args:
        store: the artifact store.
        pipeline: the Plan's name.
        run: the run's id.
        tags: key → value; an empty value takes the tag away.
        note: a text, or empty.

    Raises:
        AtlasError: a key, a value or the note isn't one.
        StoreError: there is no such run, or it can't be written.
    """
    _check(tags, note)
    store.run(pipeline, run)
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    annotation = RunAnnotation(time, str(this_process()), dict(tags), note)
    content = canonical(asdict(annotation)).encode("utf-8", "replace")
    folder = run_key(pipeline, run)
    number = max(_numbers(store, folder), default=0) + 1
    while not store.location.create(f"{folder}/annotation-{number:06}.json", content):
        number += 1
    store.note_changed(pipeline, run)
    return annotation


def annotations_of(store: Store, pipeline: str, run: str) -> list[RunAnnotation]:
    """Return what was added to a run, the oldest first.

    Raises:
        StoreError: a file isn't what Atlas writes.
    """
    folder = run_key(pipeline, run)
    return [_read(store, f"{folder}/annotation-{n:06}.json") for n in _numbers(store, folder)]


def tags_in(annotations: Iterable[RunAnnotation]) -> dict[str, str]:
    """Return the tags that hold after some annotations: of one key, the last."""
    tags: dict[str, str] = {}
    for annotation in annotations:
        tags |= annotation.tags
    return {key: value for key, value in tags.items() if value}


def notes_in(annotations: Iterable[RunAnnotation]) -> tuple[dict[str, str], ...]:
    """Return the notes of some annotations, with when they were written and by whom."""
    return tuple(
        {"time": annotation.time, "by": annotation.by, "note": annotation.note}
        for annotation in annotations
        if annotation.note
    )


def parse_tags(texts: Iterable[str]) -> dict[str, str]:
    """Return the tags of ``KEY=VALUE`` texts.

    Raises:
        AtlasError: one isn't such a text.
    """
    tags: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise AtlasError(f"--tag: found '{text}', expected KEY=VALUE (KEY= takes a tag away)")
        tags[key] = value
    return tags


def _check(tags: Mapping[str, str], note: str) -> None:
    for key, value in tags.items():
        if not _KEY.fullmatch(key):
            text = "expected letters, digits, _ . and -, at most 63"
            raise AtlasError(f"--tag: '{key[:80]}' can't be a tag's key; {text}")
        if not value.isprintable() or len(value) > _LONGEST_VALUE:
            text = f"expected one line of at most {_LONGEST_VALUE} characters"
            raise AtlasError(f"--tag: the value of '{key}' can't be a tag's; {text}")
    if len(note) > _LONGEST_NOTE:
        text = f"has {len(note)} characters, expected at most {_LONGEST_NOTE}"
        raise AtlasError(f"--note: {text}")


def _numbers(store: Store, folder: str) -> Iterator[int]:
    matches = map(_FILE.fullmatch, store.location.names(folder))
    return (int(match[1]) for match in matches if match)


def _read(store: Store, key: str) -> RunAnnotation:
    try:
        annotation = RunAnnotation(**json.loads(store.location.read(key)))
    except (FileNotFoundError, ValueError, TypeError, RecursionError):
        raise StoreError(f"{store.url}/{key}: isn't an annotation of a run; remove it") from None
    texts = (annotation.time, annotation.by, annotation.note)
    is_whole = isinstance(annotation.tags, dict) and all(isinstance(text, str) for text in texts)
    if not is_whole or not all(isinstance(value, str) for value in annotation.tags.values()):
        raise StoreError(f"{store.url}/{key}: isn't an annotation of a run; remove it")
    return annotation
