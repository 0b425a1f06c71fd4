"""One suite over every place that artifacts may be in: a folder, and S3 over its real API."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pandas as pd
import pytest

from atlas.errors import StoreError
from atlas.plan import code_digest
from atlas.store import Store, add_code, code_folder, open_store
from tests.projects import Project, project
from tests.servers import s3

__all__ = ["project", "s3"]

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return (tmp_path / "store").as_uri()
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    import boto3

    bucket = f"b{abs(hash(str(tmp_path)))}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/atlas"


@pytest.fixture
def any_store(url: str) -> Store:
    return open_store(url)


def test_files(any_store):
    place = any_store.location
    place.write("a/b", b"1")
    place.write("a/b", b"2")
    place.write("a/c/d", b"3")
    assert place.read("a/b") == b"2"
    assert place.size("a/b") == 1
    assert place.names("a") == ["b", "c"]
    assert sorted(entry.key for entry in place.entries("a")) == ["a/b", "a/c/d"]
    assert place.exists("a")
    assert place.exists("a/b")
    assert not place.exists("a/x")
    assert place.names("x") == []
    with pytest.raises(FileNotFoundError):
        place.read("a/x")
    place.remove("a")
    place.remove("a")
    assert not place.exists("a/b")


def test_only_one_creates(any_store):
    won, barrier = [], threading.Barrier(4)

    def create(number: int) -> None:
        barrier.wait()
        if any_store.location.create("p/run.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any_store.location.read("p/run.json") == str(won[0]).encode()
    assert len(won) == 1


@pytest.mark.parametrize("value", [{"a": [1]}, "text", b"bytes"])
def test_values(any_store, value):
    any_store.put("p", "r", "s", "o", value)
    assert any_store.get("p", "r", "s", "o") == value


def test_tables_and_folders(any_store, tmp_path):
    frame = pd.DataFrame({"a": [1, 2]})
    any_store.put("p", "r", "s", "o", frame)
    pd.testing.assert_frame_equal(any_store.get("p", "r", "s", "o"), frame)
    (tmp_path / "f" / "g").mkdir(parents=True)
    (tmp_path / "f" / "g" / "x").write_text("x")
    any_store.put("p", "r", "s", "folder", tmp_path / "f")
    any_store.put("p", "r", "s", "folder", tmp_path / "f")
    assert (any_store.get("p", "r", "s", "folder") / "g" / "x").read_text() == "x"


def test_half_and_corrupt_artifacts_are_named(any_store):
    manifest = any_store.put("p", "r", "s", "o", [1])
    any_store.location.write(manifest.data, b"[9]")
    with pytest.raises(StoreError, match=r"p/r/s/o/data.json: corrupt"):
        any_store.get("p", "r", "s", "o")
    any_store.location.remove("p/r/s/o/manifest.json")
    with pytest.raises(StoreError, match=r"p/r/s/o: the artifact is only half written"):
        any_store.get("p", "r", "s", "o")


def test_code(any_store, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "steps.py").write_text("x = 1\n")
    digest = code_digest(tmp_path / "p")
    add_code(any_store, tmp_path / "p", digest)
    add_code(any_store, tmp_path / "p", digest)
    assert (code_folder(any_store, digest) / "steps.py").read_text() == "x = 1\n"


SOURCE = """
class Rows(NamedTuple):
    rows: Any

class Make(Template):
    def run(self) -> Rows:
        import pandas
        print("made")
        return Rows(pandas.DataFrame({"a": [1, 2, 3]}))

class Sum(NamedTuple):
    total: int

class Add(Template):
    def run(self, rows: Any) -> Sum:
        self.context.metric("total", rows["a"].sum())
        return Sum(int(rows["a"].sum()))
"""
STEPS = {
    "make": {"class": "steps:Make"},
    "add": {"class": "steps:Add", "inputs": {"rows": "make.rows"}},
}


@pytest.mark.parametrize("isolate", ["none", "process"])
def test_a_whole_run(url, project: Project, monkeypatch, isolate):
    from atlas.runner import RunSettings

    monkeypatch.setenv("ATLAS_STORE", url)
    project.pipeline("sums", SOURCE, STEPS)
    project.url = url
    first = project.run(settings=RunSettings(isolate=isolate))
    assert first.ok, first.errors()
    assert first.value("add", "total") == 6
    assert project.run(settings=RunSettings(isolate=isolate)).cached() == {"make", "add"}
    log = project.store.location.read(f"sums/{first.id}/make/log.txt")
    assert log == b"made\n"


def test_no_such_bucket(s3, monkeypatch):
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://nosuchbucket/x")
    with pytest.raises(StoreError, match=r"s3://nosuchbucket/x/p/r/s/o/data.json: can't write"):
        store.put("p", "r", "s", "o", 1)


def test_nobody_there(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert os.environ["AWS_ENDPOINT_URL"]
    with pytest.raises(StoreError, match="AWS_ENDPOINT_URL"):
        open_store("s3://bucket/x").put("p", "r", "s", "o", 1)
