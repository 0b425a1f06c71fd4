"""Profiles add up, and come back from bytes as they were or not at all."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas.errors import ProfileError
from atlas.profiles.codec import MAGIC, digest, from_bytes, to_bytes
from atlas.profiles.measure import batch, reference
from atlas.profiles.profile import Profile

RANDOM = np.random.default_rng(11)
ROWS = pd.DataFrame(
    {
        "number": RANDOM.standard_normal(4000),
        "few": RANDOM.integers(0, 5, 4000),
        "category": RANDOM.choice(["a", "b", "ü'\n"], 4000),
        "flag": RANDOM.random(4000) < 0.5,
        "time": pd.Timestamp("2026-01-01") + pd.to_timedelta(RANDOM.integers(0, 10**6, 4000), "s"),
        "text": [f"text {i}" * (i % 7) + str(i) for i in range(4000)],
    }
)
ROWS.loc[::10, "number"] = np.nan
FIRST = reference(ROWS)


@given(st.lists(st.integers(1, 3999), max_size=5, unique=True))
def test_batches_add_up_to_the_profile_of_all_their_rows(ends):
    parts = [part for part in np.split(np.arange(4000), sorted(ends)) if len(part)]
    profiles = [batch(ROWS.iloc[part], FIRST) for part in parts]
    total = profiles[0]
    for profile in profiles[1:]:
        total += profile
    assert without_distinct(total) == without_distinct(batch(ROWS, FIRST))


def without_distinct(profile: Profile) -> list[object]:
    header = json.loads(to_bytes(profile)[len(MAGIC) :].partition(b"\n")[0])
    for feature in header["features"]:
        del feature["distinct"]
    return [header, [feature.counts.tolist() for feature in profile.features.values()]]


def test_equal_rows_give_equal_bytes_in_any_order():
    again = reference(ROWS.sample(frac=1, random_state=3))
    assert to_bytes(again) == to_bytes(FIRST)
    assert digest(again) == digest(FIRST)


def test_members_with_other_cut_points_add_up_within_the_stated_error():
    a, b = RANDOM.standard_normal(5000), RANDOM.standard_normal(3000) + 1.0
    total = (reference({"x": a}) + reference({"x": b})).features["x"]
    both = np.sort(np.concatenate([a, b]))
    exact = np.searchsorted(both, total.cuts, side="right") / len(both)
    shares = np.cumsum(total.counts)[:-1] / total.present
    assert total.present == 8000
    assert 0.0 < total.error < 0.01
    assert np.abs(exact - shares).max() <= total.error + 1e-12


def test_members_with_other_categories_add_up():
    total = (reference({"x": ["a", "a", "b"]}) + reference({"x": ["c", "b"]})).features["x"]
    assert (total.cells, total.counts.tolist()) == (("a", "b", "c"), [2, 2, 1, 0])
    assert total.error == 0.0


def test_an_empty_batch_adds_nothing():
    empty = batch(ROWS.iloc[:0], FIRST)
    whole = batch(ROWS, FIRST)
    assert to_bytes(whole + empty) == to_bytes(whole)
    assert to_bytes(empty + whole) == to_bytes(whole)


def test_other_columns_and_other_kinds_dont_add_up():
    with pytest.raises(ProfileError, match="y is in one of them only"):
        reference({"x": [1.0]}) + reference({"x": [1.0], "y": [2.0]})
    with pytest.raises(ProfileError, match="a number and a category can't be added up"):
        reference({"x": [1.0]}) + reference({"x": ["a"]})


def test_bytes_come_back_as_they_were():
    assert to_bytes(from_bytes(to_bytes(FIRST))) == to_bytes(FIRST)
    later, key = batch(ROWS.iloc[:100], FIRST), digest(FIRST)
    raw = to_bytes(later, key)
    assert len(raw) < len(to_bytes(later))
    assert to_bytes(from_bytes(raw, FIRST, key), key) == raw


def test_infinite_limits_come_back():
    profile = reference({"x": np.array([-np.inf, 1.0, np.inf])})
    back = from_bytes(to_bytes(profile)).features["x"]
    assert (back.low, back.high) == (-np.inf, np.inf)


def test_a_batch_of_another_reference_is_refused():
    raw = to_bytes(batch(ROWS, FIRST), digest(FIRST))
    other = reference(ROWS.iloc[:50])
    with pytest.raises(ProfileError, match="beside another reference"):
        from_bytes(raw, other, digest(other))
    with pytest.raises(ProfileError, match="beside another reference"):
        from_bytes(raw)


SMALL = to_bytes(reference({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "b"]}))


@given(st.integers(0, len(SMALL) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_valid_profile(place, value):
    raw = bytearray(SMALL)
    raw[place] = value
    try:
        profile = from_bytes(bytes(raw))
    except ProfileError:
        return
    for feature in profile.features.values():
        assert feature.counts.sum() == feature.present
        assert (feature.counts >= 0).all()


@pytest.mark.parametrize("end", [0, 5, len(MAGIC), len(MAGIC) + 10, len(SMALL) - 8, len(SMALL) - 1])
def test_half_a_profile_is_refused(end):
    with pytest.raises(ProfileError):
        from_bytes(SMALL[:end])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rows", -1), ("rows", 2**63), ("rows", 3.0), ("rows", True), ("missing", 1),
        ("kind", "odd"), ("kind", "category"), ("cuts", 10**9), ("cuts", -1), ("cuts", None),
        ("cells", ["a"]), ("cells", "ab"), ("error", -1), ("error", "x"), ("unseen", {"a": -1}),
        ("unseen", [1]), ("name", ["x"]), ("low", "many"), ("distinct", None),
    ],
)  # fmt: skip
def test_headers_of_other_shapes_are_refused(key, value):
    header, _, arrays = SMALL[len(MAGIC) :].partition(b"\n")
    document = json.loads(header)
    next(f for f in document["features"] if f["name"] == "x")[key] = value
    with pytest.raises(ProfileError):
        from_bytes(MAGIC + json.dumps(document).encode() + b"\n" + arrays)
