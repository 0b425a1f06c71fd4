"""Data sets wherever they may be: files, S3 over its real API, memory, and what HTTP gives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atlas.data_formats import PROTOCOLS
from atlas.datasets.locations import open_data_location
from atlas.datasets.versions import content_version
from atlas.errors import StepError, StoreError
from atlas.plan import PlanData
from atlas.step.data import DataHandle
from atlas.step.opening import open_data
from atlas.store import open_location
from tests.servers import free_port, s3, serving

__all__ = ["s3"]

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
ROWS = pd.DataFrame({"id": [1, 2, 3], "s": ["a", None, "ü"]})


@pytest.fixture(params=["file", "s3", "memory"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    if request.param == "file":
        yield tmp_path.as_uri()
        return
    if request.param == "memory":
        from fsspec.implementations.memory import MemoryFileSystem

        yield "memory://data"
        MemoryFileSystem.store.clear()
        return
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket=f"data-{tmp_path.name.replace('_', '-')[-40:]}")
    yield f"s3://data-{tmp_path.name.replace('_', '-')[-40:]}/in"


def handle(uri: str, day: int = 0, run: str = "r1", **declared: Any) -> DataHandle:
    start, end = (f"2024-01-0{day}", f"2024-01-0{day + 1}") if day else ("", "")
    data = PlanData(uri=uri, **{"type": "table", **declared})
    return open_data(data, "rows", "load", start, "", end=end, run=run)


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv.gz", "rows.jsonl", "rows.arrow"])
def test_a_file_is_written_and_read(root: str, name: str) -> None:
    one = handle(f"{root}/{name}")
    with pytest.raises(StepError, match=f"data.rows: nothing at {root}/{name}"):
        one.read()
    for _ in range(2):
        one.write(ROWS)
    assert one.read()["id"].tolist() == [1, 2, 3]
    assert len(one.parts_read) == 1


def test_parts_appends_and_merges(root: str) -> None:
    own = {"partition": ("{interval}",)}
    for day, run in ((1, "r1"), (1, "r2"), (2, "r3")):
        handle(f"{root}/days/", day, run, **own).write(ROWS.assign(run=run))
    assert handle(f"{root}/days/", 1, **own).read()["run"].unique().tolist() == ["r2"]
    assert len(handle(f"{root}/days/").read()) == 6
    for run in ("r1", "r1", "r2"):
        handle(f"{root}/log/", 1, run, mode="append").write(ROWS)
    assert len(handle(f"{root}/log/").read()) == 6
    for _ in range(2):
        handle(f"{root}/all.parquet", mode="merge", key=("id",)).write(ROWS)
    handle(f"{root}/all.parquet", mode="merge", key=("id",)).write(ROWS.assign(id=[3, 4, 5]))
    assert sorted(handle(f"{root}/all.parquet").read()["id"]) == [1, 2, 3, 4, 5]


def test_a_content_version_changes_with_the_content(root: str, tmp_path: Path) -> None:
    kept = open_location(f"{tmp_path}/kept")

    def version(one: DataHandle) -> str:
        place, key = one.place()
        parts = ((), one.format, one.facts) if one.uri.endswith("/") else None
        return content_version(kept, place, key, one.uri, parts)

    for uri in (f"{root}/v.parquet", f"{root}/v/"):
        one = handle(uri)
        with pytest.raises(FileNotFoundError):
            version(one)
        one.write(ROWS)
        first = version(one)
        assert version(one) == first
        one.write(ROWS.assign(id=0))
        assert version(one) != first


def test_a_web_server_is_only_read(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    ROWS.to_csv(tmp_path / "files" / "rows.csv", index=False)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with serving(command, f"{url}/rows.csv", tmp_path / "log", folder=tmp_path / "files"):
        assert handle(f"{url}/rows.csv").read()["id"].tolist() == [1, 2, 3]
        with pytest.raises(StepError, match=f"data.rows: nothing at {url}/none.csv"):
            handle(f"{url}/none.csv").read()
        with pytest.raises(StepError, match="can't be written: http: is only read"):
            handle(f"{url}/rows.csv").write(ROWS)
    with pytest.raises(StepError, match=f"data.rows: {url}/rows.csv: can't read"):
        handle(f"{url}/rows.csv").read()


def test_no_other_protocol_is_opened() -> None:
    for url in (
        "ftp://h/x",
        "github://o:r@/x",
        "sftp://h/x",
        "simplecache::s3://b/x",
        "zip://x::s3://b",
    ):
        with pytest.raises(StoreError, match="unknown protocol"):
            open_data_location(url)
    assert set(PROTOCOLS) == {"file", "s3", "gs", "az", "abfs", "http", "https", "memory"}


def test_credentials_that_are_missing_are_reported(
    s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3["AWS_ENDPOINT_URL"])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(StepError, match=r"step load: data.rows: s3://nobody/.*AWS_ACCESS_KEY_ID"):
        handle("s3://nobody/rows.csv").read()
