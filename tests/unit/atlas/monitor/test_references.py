"""References: equal bytes for equal rows, found by their digest, and refused when altered."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from atlas.errors import StoreError
from atlas.monitor.estimate import Calibration
from atlas.monitor.references import (
    FEATURES,
    PREDICTIONS,
    LearntTable,
    copy_reference,
    has_reference,
    keep_profile,
    keep_reference,
    load_profile,
    load_reference,
    profiles_of,
)
from atlas.monitor.tolerance import Tolerances
from atlas.profiles.codec import to_bytes
from atlas.profiles.measure import batch, reference
from atlas.profiles.profile import Profile
from atlas.store import open_store

CALIBRATION = Calibration((0.5,), (60, 40), (6, 30), 0.0, 1.0)
TOLERANCES = Tolerances({"age": 0.02, "region": 0.0}, {"age": 0.01, "region": 0.0}, 12)


@pytest.fixture
def store(tmp_path):
    return open_store((tmp_path / "store").as_uri())


def rows(count=500, seed=1):
    rng = np.random.default_rng(seed)
    return {"age": rng.normal(40, 9, count), "region": rng.choice(["emea", "apac"], count)}


def kept(store):
    features = keep_profile(store, reference(rows()))
    scores = keep_profile(store, reference({"score": rows()["age"]}))
    tables = {
        FEATURES: LearntTable(features, 500, "load.rows", TOLERANCES, "day", 86_400.0),
        PREDICTIONS: LearntTable(
            scores, 500, "evaluate.scored", score="score", calibration=CALIBRATION
        ),
    }
    return keep_reference(store, tables)


def test_a_reference_is_read_back_with_all_that_was_learnt(store):
    found = load_reference(store, kept(store))
    assert to_bytes(found.features) == to_bytes(reference(rows()))
    assert found.schema(FEATURES) == {"age": "number", "region": "category"}
    assert found.features.features["age"].counts.sum() == 500
    assert found.tolerances(FEATURES) == TOLERANCES
    assert found.tolerances(PREDICTIONS) is None
    assert found.calibration == CALIBRATION
    assert found.tables[FEATURES].block_seconds == 86_400.0
    assert set(found.predictions.features) == {"score"}


def test_equal_rows_have_one_digest_in_every_store(store, tmp_path):
    other = open_store((tmp_path / "other").as_uri())
    first = kept(store)
    assert kept(store) == first == kept(other)
    assert len(store.location.names("profiles/references")) == 1
    assert len(store.location.names("profiles/counts")) == 2


def test_a_table_without_a_reference(store):
    found = load_reference(
        store, keep_reference(store, {FEATURES: LearntTable(keep_profile(store, Profile({})), 0)})
    )
    assert found.predictions is None
    assert found.schema(PREDICTIONS) == {}
    assert found.calibration is None


def test_a_batch_is_read_beside_its_reference_only(store):
    first = reference(rows())
    sha256 = keep_profile(store, first)
    counts = batch(rows(50, seed=2), first)
    of_batch = keep_profile(store, counts, sha256)
    again = load_profile(store, of_batch, first, sha256)
    assert again.features["age"].counts.tolist() == counts.features["age"].counts.tolist()
    other = reference(rows(40, seed=3))
    with pytest.raises(StoreError, match="counted beside another reference"):
        load_profile(store, of_batch, other, keep_profile(store, other))


@pytest.mark.parametrize("folder", ["references", "counts"])
def test_what_was_altered_is_refused(store, folder):
    sha256 = kept(store)
    for name in store.location.names(f"profiles/{folder}"):
        key = f"profiles/{folder}/{name}"
        store.location.write(key, store.location.read(key).replace(b"a", b"b"))
    with pytest.raises(StoreError, match=r"its sha256 is .*, expected .*train the model again"):
        load_reference(store, sha256)
    assert (folder == "counts") == bool(profiles_of(store, sha256))


@pytest.mark.parametrize("folder", ["references", "counts"])
def test_what_is_gone_is_said(store, folder):
    sha256 = kept(store)
    assert has_reference(store, sha256)
    store.location.remove(f"profiles/{folder}")
    assert not has_reference(store, sha256)
    with pytest.raises(StoreError, match="isn't there; it was removed, train the model again"):
        load_reference(store, sha256)


@pytest.mark.parametrize("sha256", ["", "../x", "A" * 64, "a" * 63])
def test_a_name_that_is_no_digest(store, sha256):
    with pytest.raises(StoreError, match="expected a sha256"):
        load_reference(store, sha256)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": "many"},
        {"source": 1},
        {"tolerances": {"distributions": {"age": 2.0}, "missing": {}, "blocks": 8}},
        {"tolerances": {"distributions": [], "missing": {}, "blocks": 8}},
        {"tolerances": []},
        {"calibration": 1},
        {"outside": {"age": "much"}},
        {"gaps": {"age": -1}},
        {"varying": [1]},
        {"profile": 1},
    ],
    ids="-".join,
)
def test_a_reference_of_another_shape(store, change):
    import hashlib

    raw = json.loads(store.location.read(f"profiles/references/{kept(store)}.json"))
    raw["tables"][FEATURES] |= change
    content = json.dumps(raw).encode()
    sha256 = hashlib.sha256(content).hexdigest()
    store.location.write(f"profiles/references/{sha256}.json", content)
    with pytest.raises(StoreError, match=r"isn't a reference|expected a sha256"):
        load_reference(store, sha256)


def test_fields_of_a_later_version_are_left():
    table = LearntTable("a" * 64, 5, tolerances=TOLERANCES)
    assert LearntTable.from_json({**table.to_json(), "new": 1}) == table
    assert "calibration" not in replace(table, rows=0).to_json()


def test_a_reference_is_copied_to_another_store(store, tmp_path):
    sha256, other = kept(store), open_store((tmp_path / "other").as_uri())
    copy_reference(store, other, sha256)
    copy_reference(store, other, sha256)
    assert load_reference(other, sha256).tables == load_reference(store, sha256).tables
