"""Names and ids as OpenLineage has them."""

from __future__ import annotations

from uuid import UUID

import pytest

from atlas.store import Run
from atlas.tracking.openlineage.naming import (
    dataset_name,
    moment_of,
    producer,
    public_uri,
    run_id,
)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///data/a%20b.csv", ("file", "/data/a b.csv")),
        ("/data/a?b.csv", ("file", "/data/a?b.csv")),
        ("s3://bucket/a/b.parquet", ("s3://bucket", "a/b.parquet")),
        ("s3://bucket", ("s3://bucket", "/")),
        ("https://ann:pw@host:8443/rows?token=x#y", ("https://host:8443", "rows")),
        ("postgresql://ann:p@w@db/shop", ("postgresql://db", "shop")),
    ],
)
def test_a_dataset_is_named_by_its_uri(uri, name):
    assert dataset_name(uri) == name


def test_a_uri_is_shown_without_what_opens_it():
    assert public_uri("https://ann:pw@host/rows?token=x#y") == "https://***@host/rows"
    assert public_uri("file:///a?b#c") == "file:///a?b#c"


def test_ids_follow_from_atlas_s_own():
    run = Run("r1", "shop", "training", "p", created="2026-01-01T00:00:00+00:00")
    same = Run("r1", "shop", "training", "q", created="2026-01-01T00:00:00+00:00")
    others = [
        Run("r2", "shop", "training", "p", created=run.created),
        Run("r1", "shop2", "training", "p", created=run.created),
        Run("r1", "shop", "training", "p", created="2026-01-02T00:00:00+00:00"),
    ]
    assert UUID(run_id(run)).version == 5
    assert run_id(run) == run_id(same)
    ids = [run_id(one) for one in (run, *others)] + [run_id(run, "load"), run_id(run, "load.0")]
    assert len({*ids}) == len(ids)


def test_moments_are_in_utc():
    texts = ("2026-01-01", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00+00:00")
    assert {moment_of(text).isoformat() for text in texts} == {"2026-01-01T00:00:00+00:00"}


def test_the_producer_is_a_uri():
    assert producer().startswith("urn:atlas-ml:")
