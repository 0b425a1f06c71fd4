"""The records of batches: replaced by what is known later, and by nothing older."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atlas.errors import StoreError
from atlas.models.measurements import BatchMeasurement, measurements, record_measurements
from atlas.store import open_store

RECORD = BatchMeasurement(
    "shop", "inference-1", labels=2, predictions=4,
    interval_start="2026-03-01T00:00:00+00:00", interval_end="2026-03-02T00:00:00+00:00",
    metrics={"accuracy": 0.5}, sums={"accuracy": {"n": 2, "sum": 1.0, "sum_squares": 1.0}},
    as_of="2026-03-03T00:00:00+00:00", measured_by="labels/inference-9", step="join",
)  # fmt: skip
KEY = "measurements/shop/labels.join/20260301T000000Z-20260302T000000Z.json"


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path.as_uri())


def test_a_record_is_read_back(store):
    assert record_measurements(store, [RECORD]) == 1
    assert store.location.exists(KEY)
    assert measurements(store, "shop") == [RECORD]
    assert measurements(store, "other") == []


def test_a_repeat_replaces_its_own_and_an_older_run_nothing(store):
    record_measurements(store, [RECORD])
    again = replace(RECORD, labels=3)
    assert record_measurements(store, [again]) == 1
    later = replace(RECORD, labels=4, as_of="2026-03-04T00:00:00.5+00:00")
    assert record_measurements(store, [later]) == 1
    assert record_measurements(store, [again]) == 0
    assert [record.labels for record in measurements(store, "shop")] == [4]


def test_batches_come_in_the_order_of_time_and_each_measurer_has_its_own(store):
    other = replace(RECORD, measured_by="audit/inference-1")
    second = replace(RECORD, interval_end="2026-03-02T12:00:00+00:00")
    bare = replace(
        RECORD,
        run="inference-7",
        interval_start="",
        interval_end="",
        created="2026-02-01T00:00:00+00:00",
    )
    record_measurements(store, [second, other, RECORD, bare])
    assert measurements(store, "shop") == [bare, other, RECORD, second]


@pytest.mark.parametrize(
    "change",
    [
        {"pipeline": ".."},
        {"pipeline": "a/b"},
        {"step": "../x"},
        {"run": "../../x", "interval_end": "", "interval_start": ""},
    ],
)
def test_a_name_that_leads_elsewhere(store, change):
    with pytest.raises(StoreError, match="no run can be called"):
        record_measurements(store, [replace(RECORD, **change)])


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"pipeline": "shop", "run": "r", "labels": -1, "predictions": 1}']
)
def test_a_damaged_record_is_reported(store, text):
    store.location.write(KEY, text.encode())
    with pytest.raises(StoreError, match=r"20260302T000000Z\.json: .*; remove it"):
        measurements(store, "shop")


def test_fields_of_a_later_version_are_left():
    assert BatchMeasurement.from_json({**RECORD.to_json(), "new": 1}) == RECORD
