"""Times of rows as instants: zones, daylight saving, mixed texts, and what is no time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.errors import AtlasError
from atlas.labels.times import MISSING, instants

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


def micro(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def read(values, zone="UTC", ambiguous="earlier", **kind):
    return instants(pd.Series(values, **kind), zone, ambiguous, "labels: at")


# zone, local time, earlier instant, later instant (the same where it isn't ambiguous), faults
TABLE = [
    ("Europe/Berlin", "2026-03-29 01:59", "2026-03-29T00:59+00:00", None, (0, 0)),
    ("Europe/Berlin", "2026-03-29 02:10", "2026-03-29T01:10+00:00", None, (0, 1)),
    ("Europe/Berlin", "2026-03-29 02:50", "2026-03-29T01:50+00:00", None, (0, 1)),
    ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00+00:00", None, (0, 0)),
    (
        "Europe/Berlin",
        "2026-10-25 02:30",
        "2026-10-25T00:30+00:00",
        "2026-10-25T01:30+00:00",
        (1, 0),
    ),
    ("Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00+00:00", None, (0, 0)),
    ("America/New_York", "2026-03-08 02:30", "2026-03-08T07:30+00:00", None, (0, 1)),
    (
        "America/New_York",
        "2026-11-01 01:30",
        "2026-11-01T05:30+00:00",
        "2026-11-01T06:30+00:00",
        (1, 0),
    ),
    ("America/New_York", "2026-11-01 02:00", "2026-11-01T07:00+00:00", None, (0, 0)),
    # Half an hour: from +10:30 to +11:00 and back.
    ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-03T15:40+00:00", None, (0, 1)),
    ("Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03T15:30+00:00", None, (0, 0)),
    (
        "Australia/Lord_Howe",
        "2026-04-05 01:45",
        "2026-04-04T14:45+00:00",
        "2026-04-04T15:15+00:00",
        (1, 0),
    ),
]


@pytest.mark.parametrize("kind", ["text", "datetime", "object"])
@pytest.mark.parametrize(("zone", "local", "earlier", "later", "faults"), TABLE)
def test_daylight_saving(zone, local, earlier, later, faults, kind):  # noqa: PLR0917
    value = {
        "text": local, "datetime": pd.Timestamp(local), "object": datetime.fromisoformat(local)
    }[kind]  # fmt: skip
    options = {"dtype": object} if kind == "object" else {}
    for ambiguous, expected in (("earlier", earlier), ("later", later or earlier)):
        times = read([value], zone, ambiguous, **options)
        assert times.values.tolist() == [micro(expected)]
        assert (times.ambiguous, times.nonexistent) == faults


@pytest.mark.parametrize(("zone", "local", "earlier", "later", "faults"), TABLE)
def test_a_local_time_that_is_refused(zone, local, earlier, later, faults):
    if faults == (0, 0):
        assert read([local], zone, "error").values.tolist() == [micro(earlier)]
        return
    with pytest.raises(AtlasError, match=rf"labels: at: {local}.* in {zone}"):
        read([local], zone, "error")


def test_times_of_every_kind_in_one_column():
    berlin = ZoneInfo("Europe/Berlin")
    values = [
        "2026-01-31T06:00Z", "2026-01-31 07:00", "2026-01-31T08:00+02:00", "2026-01-31", None,
        datetime(2026, 1, 31, 7, tzinfo=UTC), datetime(2026, 1, 31, 7), pd.NaT, date(2026, 1, 31),
        datetime(2026, 7, 1, 12, tzinfo=berlin), "2026-01-31T01:00:00.25-0500", "2026-01-31T06:00:00+01",
    ]  # fmt: skip
    expected = [
        "2026-01-31T06:00+00:00", "2026-01-31T06:00+00:00", "2026-01-31T06:00+00:00",
        "2026-01-30T23:00+00:00", None, "2026-01-31T07:00+00:00", "2026-01-31T06:00+00:00", None,
        "2026-01-30T23:00+00:00", "2026-07-01T10:00+00:00", "2026-01-31T06:00:00.25+00:00",
        "2026-01-31T05:00+00:00",
    ]  # fmt: skip
    times = read(values, "Europe/Berlin", dtype=object)
    assert times.values.tolist() == [MISSING if text is None else micro(text) for text in expected]
    assert times.missing == 2


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=60, deadline=None)
@given(
    offsets=st.lists(st.integers(0, 2 * 365 * 24 * 4), min_size=1, max_size=40), later=st.booleans()
)
def test_local_times_are_as_python_reads_them(zone, offsets, later):
    """The oracle is Python's own reading of a local time, with PEP 495's fold."""
    local = [datetime(2026, 1, 1) + timedelta(minutes=15 * number) for number in offsets]
    fold = int(later)
    times = read(local, zone, "later" if later else "earlier")
    for value, instant in zip(local, times.values, strict=True):
        aware = value.replace(tzinfo=ZoneInfo(zone), fold=fold)
        exists = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == value
        aware = aware if exists else aware.replace(fold=0)
        assert instant == round(aware.timestamp() * 1_000_000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60)
        ),
        max_size=20,
    )
)
def test_an_offset_decides_whatever_the_zone_is(pairs):
    aware = [value.replace(tzinfo=timezone(timedelta(minutes=offset))) for value, offset in pairs]
    expected = [
        round((v - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) for v in aware
    ]
    texts = read([value.isoformat() for value in aware], "America/New_York", dtype=object)
    objects = read(aware, "Europe/Berlin", dtype=object)
    assert texts.values.tolist() == objects.values.tolist() == expected
    assert not texts.ambiguous
    assert not texts.nonexistent


def test_two_that_are_skipped_stay_two():
    times = read(["2026-03-29 02:10", "2026-03-29 02:20"], "Europe/Berlin")
    assert len(set(times.values)) == 2


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["2026-01-31", "soon"], "'soon'"),
        (["31.01.2026"], "'31.01.2026'"),
        ([20260131], "int64"),
        ([True], "bool"),
        ([1.5], "float64"),
        (pd.Series([object()], dtype=object), "object"),
    ],
)
def test_what_is_no_time(values, found):
    with pytest.raises(AtlasError, match=f"labels: at: found .*{found}.*, expected"):
        read(values)


def test_an_unknown_zone():
    with pytest.raises(AtlasError, match="no time zone 'Europe/Berlun'; expected an IANA name"):
        read(["2026-01-31"], "Europe/Berlun")


def test_nothing_is_no_time():
    assert read([], dtype=object).values.tolist() == []
    assert read([None, np.nan], dtype=object).values.tolist() == [MISSING, MISSING]
    assert read([pd.NaT, pd.NaT]).values.tolist() == [MISSING, MISSING]
