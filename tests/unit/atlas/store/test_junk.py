"""Records in a store that others have written: one that is none is reported in a line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from atlas.errors import StoreError
from atlas.store import Store
from atlas.store.folder import FolderLocation

JUNK = [
    *(b"", b"[]", b"null", b'"s"', b"{}", b"{", b"\xff", b"[" * 100_000),
    *(b'{"model":{"x":1}}', b'{"status":[1],"plan":5}', b'{"parts":3,"model":[1]}'),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(FolderLocation(tmp_path))


@pytest.mark.parametrize("content", JUNK, ids=lambda one: one[:20].decode("latin-1"))
def test_junk_in_place_of_a_record(store: Store, content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    for key in ("p/r/run.json", "p/r/s/o/manifest.json", f"plans/{digest}.json"):
        store.location.write(key, content)
    for read in (
        lambda: store.run("p", "r"),
        lambda: store.manifest("p", "r", "s", "o"),
        lambda: store.plan(digest),
    ):
        with pytest.raises(StoreError) as told:
            read()
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", JUNK, ids=lambda one: one[:20].decode("latin-1"))
def test_junk_in_place_of_an_outcome_is_none_or_an_object(store: Store, content: bytes) -> None:
    store.location.write("p/r/outcome.json", content)
    store.location.write("p/r/s/outcome.json", content)
    for found in (store.run_outcome("p", "r"), store.outcome("p", "r", "s")):
        assert found is None or isinstance(found, dict)
