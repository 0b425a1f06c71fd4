"""What a platform's MLflow server adds to MLflow's own: where artifacts may be, and who asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from atlas.tracking.server import (
    SameOrigin,
    is_foreign,
    is_proxied,
    is_within,
    migrate_in_copy,
    without_odd_credentials,
)

HOST = "127.0.0.1:5000"


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"origin": f"http://{HOST}"}, False),
        ({"origin": f"https://{HOST}"}, False),
        ({"origin": "null"}, True),
        ({"origin": ""}, True),
        ({"origin": "http://evil.example"}, True),
        ({"origin": "http://127.0.0.1:5001"}, True),
        ({"origin": f"http://{HOST}.evil.example"}, True),
        ({"origin": f"http://user@{HOST}"}, True),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, False),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, True),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, True),
    ],
)
def test_what_a_page_of_another_origin_asks_is_foreign(headers, foreign):
    assert is_foreign({"host": HOST, **headers}) is foreign


def asked(**headers: str) -> tuple[list[str], list[int]]:
    """Ask a guarded app; return what reached it and the statuses that were answered."""
    reached, statuses = [], []

    async def app(scope, receive, send):
        reached.append(scope["path"])

    async def send(message):
        statuses.append(message.get("status", 0))

    pairs = [(name.encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "path": "/x", "headers": pairs}
    asyncio.run(SameOrigin(app)(scope, None, send))
    return reached, statuses


def test_a_foreign_request_never_reaches_the_app():
    assert asked(host=HOST) == (["/x"], [])
    assert asked(host=HOST, origin="http://evil.example") == ([], [403, 0])


def test_credentials_that_mlflow_can_t_read_are_none():
    given = [(b"authorization", b"Bearer x"), (b"authorization", b"Basic eA=="), (b"host", b"h")]
    assert without_odd_credentials({"headers": given})["headers"] == given[1:]


@pytest.mark.parametrize(
    ("location", "within"),
    [
        ("{place}", True),
        ("{place}/7/run/artifacts", True),
        ("file://{place}/7", True),
        ("file://{place}/7/../../outside", False),
        ("file://{place}/%2e%2e/outside", False),
        ("file://{place}-beside", False),
        ("file://other{place}/7", False),
        ("{place}/link/x", False),
        ("{place}/7?x=1", False),
        ("file:///", False),
        ("relative/path", False),
        ("s3://bucket/key", False),
        ("http://127.0.0.1/x", False),
    ],
)
def test_a_location_lies_in_the_servers_folder_or_is_refused(tmp_path, location, within):
    place = tmp_path / "artifacts"
    place.mkdir()
    (place / "link").symlink_to(tmp_path)
    assert is_within(location.format(place=place), place.as_uri()) is within


def test_a_location_in_a_bucket_is_held_to_the_bucket_and_its_prefix():
    assert is_within("s3://own/mlflow/7", "s3://own/mlflow")
    assert not is_within("s3://own/mlflow-other/7", "s3://own/mlflow")
    assert not is_within("s3://own/mlflow/../other", "s3://own/mlflow")
    assert not is_within("file:///etc", "s3://own/mlflow")
    assert not is_within("file:///etc", "")


def test_a_location_that_the_server_looks_after_leads_nowhere_else():
    assert is_proxied("mlflow-artifacts:/7/run")
    assert not is_proxied("mlflow-artifacts:/7/../../etc")
    assert not is_proxied("mlflow-artifacts:/7/%2e%2e/%2e%2e/etc")
    assert not is_proxied("file:///etc")


def test_a_migration_that_is_killed_leaves_the_database_as_it_was(tmp_path):
    file = tmp_path / "users.db"
    file.write_text("old")

    def killed(uri: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate_in_copy(f"sqlite:///{file}", killed)
    assert file.read_text() == "old"
    migrate_in_copy(f"sqlite:///{file}", lambda uri: None)
    assert file.read_text() == "old"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["users.db"]


def test_a_database_of_another_kind_migrates_where_it_is():
    migrate_in_copy("postgresql://host/users", pytest.fail)
