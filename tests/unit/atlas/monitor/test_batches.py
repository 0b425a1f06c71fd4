"""Records of batches: one for each, of the run that scored it last, whatever crashed or ran again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlas.errors import StoreError
from atlas.monitor.batches import (
    BatchRecord,
    batch_profile,
    batches,
    keep_batch,
    record_batch,
    refuse_batch,
    refused_batches,
)
from atlas.monitor.breach import Breach
from atlas.monitor.references import (
    FEATURES,
    LearntTable,
    keep_profile,
    keep_reference,
    load_reference,
)
from atlas.profiles.measure import batch, reference
from atlas.store import ModelVersion, Run, open_store

A, B = "a" * 64, "b" * 64
BREACH = Breach(FEATURES, "age", "missing", "40 % of 100 rows have no value", "at most 3 %", 40)
RECORD = BatchRecord(
    "shop", "inference-1", "2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00",
    "2026-03-02T00:05:00.000+00:00", "shop-model", "3", "c" * 64, A, 100, {FEATURES: "d" * 64},
    (BREACH,), "2026-03-02T00:06:00.000+00:00",
)  # fmt: skip
KEY = f"profiles/batches/shop/{'a' * 16}/20260301T000000Z-20260302T000000Z.json"
LATER = "2026-03-05T00:00:00.000+00:00"


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path.as_uri())


def test_a_record_is_read_back(store):
    assert record_batch(store, RECORD)
    assert store.location.exists(KEY)
    assert batches(store, "shop") == [RECORD] == batches(store, "shop", A)
    assert batches(store, "shop", B) == batches(store, "other") == []


def test_the_same_run_again_changes_nothing(store):
    record_batch(store, RECORD)
    before = store.location.read(KEY)
    assert not record_batch(store, replace(RECORD, recorded=""))
    assert store.location.read(KEY) == before


def test_a_run_that_did_a_step_again_replaces_its_own_record(store):
    record_batch(store, RECORD)
    assert record_batch(store, replace(RECORD, rows=90, recorded=""))
    (record,) = batches(store, "shop")
    assert record.rows == 90
    assert record.recorded > RECORD.recorded


def test_a_back_fill_replaces_a_record_and_an_older_run_doesnt(store):
    record_batch(store, RECORD)
    later = replace(RECORD, run="inference-9", created=LATER, rows=7)
    assert record_batch(store, later)
    assert not record_batch(store, RECORD)
    assert batches(store, "shop") == [later]


def test_a_batch_that_another_model_scored_again_is_counted_once(store):
    record_batch(store, RECORD)
    other = replace(RECORD, run="inference-9", created=LATER, reference=B)
    assert record_batch(store, other)
    assert batches(store, "shop") == [other]
    assert batches(store, "shop", A) == []
    assert not record_batch(store, RECORD)


def test_a_kill_between_record_and_removal_is_mended(store):
    record_batch(store, RECORD)
    other = replace(RECORD, run="inference-9", created=LATER, reference=B)
    record_batch(store, other)
    # What is left when the process dies after the first write.
    from atlas.values import canonical

    store.location.write(KEY, canonical({"format": 1, **RECORD.to_json()}).encode())
    assert batches(store, "shop") == [other]
    assert not record_batch(store, other)
    assert not store.location.exists(KEY)


def test_batches_come_in_the_order_of_time(store):
    second = replace(RECORD, interval_end="2026-03-02T12:00:00+00:00")
    bare = replace(
        RECORD, run="inference-7", interval_start="", interval_end="", reference="",
        created="2026-02-01T00:00:00+00:00", digest="", profiles={},
    )  # fmt: skip
    for record in (second, RECORD, bare):
        record_batch(store, record)
    assert batches(store, "shop") == [bare, RECORD, second]
    assert store.location.exists("profiles/batches/shop/unprofiled/inference-7.json")


def test_a_refused_batch_is_apart_until_it_is_scored(store):
    record_batch(store, RECORD)
    refused = replace(RECORD, run="inference-2", created=LATER)
    assert refuse_batch(store, refused)
    assert not refuse_batch(store, replace(refused, recorded=""))
    assert not refuse_batch(store, RECORD)
    assert batches(store, "shop") == [RECORD]
    assert refused_batches(store, "shop") == [refused]
    record_batch(store, replace(refused, run="inference-3", breaches=()))
    assert refused_batches(store, "shop") == []


def test_the_profiles_of_a_batch_add_up_with_others(store):
    rng = np.random.default_rng(1)
    first = reference({"age": rng.normal(size=400)})
    learnt = LearntTable(keep_profile(store, first), 400)
    known = load_reference(store, keep_reference(store, {FEATURES: learnt}))
    rows = [rng.normal(size=50), rng.normal(size=30)]
    records = [
        replace(
            RECORD,
            reference=known.sha256,
            profiles=keep_batch(store, known, {FEATURES: batch({"age": part}, known.features)}),
        )
        for part in rows
    ]
    profiles = [batch_profile(store, record, FEATURES, known) for record in records]
    whole = batch({"age": np.concatenate(rows)}, known.features)
    both = (profiles[0] + profiles[1]).features["age"]
    assert both.counts.tolist() == whole.features["age"].counts.tolist()
    assert batch_profile(store, records[0], "predictions", known) is None
    store.location.remove("profiles/counts")
    with pytest.raises(StoreError, match="isn't there"):
        batch_profile(store, records[0], FEATURES, known)


def test_a_record_of_a_run():
    run = Run(
        id="inference-1", pipeline="shop", flow="inference", plan="p", created=LATER,
        model=ModelVersion("m", "2", {}, A),
    )  # fmt: skip
    record = BatchRecord.of(run, rows=5)
    assert (record.model, record.version, record.reference) == ("m", "2", A)
    assert record.digest == run.model.digest
    assert record.batch == "inference-1"
    assert BatchRecord.of(replace(run, model=None)).reference == ""


@pytest.mark.parametrize(
    "change",
    [
        {"pipeline": ".."},
        {"pipeline": "a/b"},
        {"pipeline": "profiles"},
        {"run": "../../x", "interval_end": "", "interval_start": ""},
    ],
    ids=lambda change: change.get("run", change.get("pipeline")),
)
def test_a_name_that_leads_elsewhere(store, change):
    for keep in (record_batch, refuse_batch):
        with pytest.raises(StoreError, match="no run can be called"):
            keep(store, replace(RECORD, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"rows": -1},
        {"rows": "1"},
        {"profiles": {"features": "../x"}},
        {"profiles": []},
        {"reference": "x"},
        {"created": 5},
        {"created": "yesterday", "interval_end": ""},
        {"breaches": 1},
        {"breaches": [1]},
        {"breaches": [{"table": "features"}]},
        {"breaches": [{**BREACH.to_json(), "rows": "1"}]},
    ],
    ids=lambda change: "-".join(f"{name}" for name in change),
)
def test_a_damaged_record_is_reported(store, change):
    from atlas.values import canonical

    raw = {"format": 1, **RECORD.to_json(), **change}
    store.location.write(KEY, canonical(raw).encode())
    with pytest.raises(StoreError, match=r"20260302T000000Z\.json: .*; remove it") as told:
        batches(store, "shop")
    assert "__init__" not in str(told.value)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"pipeline": 3}'])
def test_a_file_that_is_no_record(store, text):
    store.location.write(KEY, text.encode())
    with pytest.raises(StoreError, match=r"20260302T000000Z\.json: .*; remove it") as told:
        batches(store, "shop")
    assert "__init__" not in str(told.value)


def test_fields_of_a_later_version_are_left():
    raw = {**RECORD.to_json(), "new": 1, "breaches": [{**BREACH.to_json(), "new": 1}]}
    assert BatchRecord.from_json(raw) == RECORD
    assert (
        str(BREACH)
        == "features: column 'age': 40 % of 100 rows have no value; expected at most 3 %"
    )
