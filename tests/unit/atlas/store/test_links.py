"""A store's files are in the store: no link and no key leads out of it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy
import pytest

from atlas.errors import StoreError
from atlas.store import FolderLocation, open_location, open_store
from atlas.store.keys import is_artifact_key, is_data_key
from atlas.store.manifest import Manifest

SECRET = "root:x:0:0"


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    (folder / "o").mkdir(parents=True)
    (folder / "passwd").write_text(SECRET)
    (folder / "o" / "data.txt").write_text(SECRET)
    return folder


@pytest.fixture
def place(tmp_path):
    return FolderLocation(tmp_path / "store")


def every_way(place, key):
    """Give each way to reach a key; none may leave the place."""
    yield lambda: place.read(key)
    yield lambda: place.write(key, b"x")
    yield lambda: place.create(key, b"x")
    yield lambda: place.local(key)
    yield lambda: list(place.entries(key)) or _refuse()
    yield lambda: place.names(key) or _refuse()
    yield lambda: _written(place, key)


def _refuse():
    raise StoreError("nothing is there")


def _written(place, key):
    with place.writing(key) as path:
        path.write_text("x")


@pytest.mark.parametrize(
    "key",
    ["../outside/passwd", "a/../../outside/passwd", "/etc/passwd", "a//b", "./a", "a/.", "..",
     "a\\..\\b", "a\0b", "a/", "p/r/../../../outside/passwd"],
)  # fmt: skip
def test_no_key_leads_out(place, outside, key):
    for way in every_way(place, key):
        with pytest.raises(StoreError):
            way()
    assert (outside / "passwd").read_text() == SECRET


def test_a_linked_folder_is_followed_by_nothing(place, outside, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "p").symlink_to(outside)
    for way in every_way(place, "p/passwd"):
        with pytest.raises((StoreError, FileNotFoundError)):
            way()
    assert (outside / "passwd").read_text() == SECRET
    with pytest.raises(StoreError, match="links inside a store aren't followed"):
        place.read("p/passwd")
    with pytest.raises(StoreError, match="links inside a store"):
        place.remove("p/passwd")
    place.remove("p")
    assert (outside / "passwd").read_text() == SECRET
    assert not os.path.lexists(tmp_path / "store" / "p")


def test_a_linked_file_is_read_by_nothing_and_replaced(place, outside, tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "store" / "k"
    link.symlink_to(outside / "passwd")
    with pytest.raises(StoreError, match="links inside a store aren't followed"):
        place.read("k")
    with pytest.raises(StoreError, match="links inside a store aren't followed"):
        place.local("k")
    assert place.size("k") != len(SECRET)
    assert place.create("k", b"mine") is False
    place.write("k", b"mine")
    assert not link.is_symlink()
    assert (place.read("k"), (outside / "passwd").read_text()) == (b"mine", SECRET)


def test_a_link_in_the_way_of_a_temporary_file_is_not_written_through(
    place, outside, tmp_path, monkeypatch
):
    (tmp_path / "store").mkdir()
    numbers = iter(range(10))
    monkeypatch.setattr("atlas.store.folder._counter", numbers)
    (tmp_path / "store" / f".atlas-{os.getpid()}-0-k").symlink_to(outside / "passwd")
    place.write("k", b"mine")
    (tmp_path / "store" / f".atlas-{os.getpid()}-2-k").symlink_to(outside / "passwd")
    _written(place, "k")
    assert (place.read("k"), (outside / "passwd").read_text()) == (b"x", SECRET)


def test_the_store_s_own_folder_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    store = open_store(str(tmp_path / "store"))
    store.put("p", "r", "s", "o", 3)
    assert store.get("p", "r", "s", "o") == 3


def test_the_user_s_own_data_may_be_links(tmp_path, outside):
    (tmp_path / "data").symlink_to(outside)
    assert open_location(str(tmp_path / "data"), links=True).read("passwd") == SECRET.encode()
    (outside / "link").symlink_to(outside / "passwd")
    assert open_location(str(outside), links=True).read("link") == SECRET.encode()
    assert open_location(str(outside)) is not open_location(str(outside), links=True)


@pytest.mark.parametrize("name", ["data.txt", "manifest.json"])
def test_a_linked_artifact_is_not_read(tmp_path, outside, name):
    store = open_store(str(tmp_path / "store"))
    manifest = store.put("p", "r", "s", "o", SECRET)
    file = tmp_path / "store" / "p" / "r" / "s" / "o" / name
    (outside / name).write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(outside / name)
    with pytest.raises(StoreError, match="links inside a store"):
        store.get("p", "r", "s", "o")
    assert manifest.data.endswith("data.txt")


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_link_in_an_artifact_s_folder_is_not_read(tmp_path, outside, as_folder):
    store = open_store(str(tmp_path / "store"))
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a").write_text("a")
    manifest = store.put("p", "r", "s", "o", tmp_path / "made")
    target = outside if as_folder else outside / "passwd"
    Path(tmp_path, "store", manifest.data, "link").symlink_to(target)
    with pytest.raises(StoreError, match="links in an artifact's folder"):
        store.get("p", "r", "s", "o")


GOOD = {"format": "text", "type": "str", "sha256": "0" * 64, "size": 1, "data": "p/r/s/o/data.txt"}
BAD = {
    "data": [
        "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "s3://theirs/p/r/s/o/data.txt",
        "p/r/s/o/../../../../../etc/data", "p/r/s/o/other.txt", "p/r/s/data.txt", "data.txt",
        "plans/r/s/o/data.json", "code/r/s/o/data", "p/r/s/o/data.txt/../data.txt", "p/r/s/.o/data",
        "p/r/s/o/x/y/data.txt", "p//s/o/data", "p/r/s/o/data.", "", 3, None, ["p/r/s/o/data"],
    ],
    "sha256": ["", "0" * 63, "A" * 64, 3, None, "../" * 20],
    "size": ["1", 1.0, True, None],
    "format": [None, 3, ["text"]],
    "type": [None, 3],
    "facts": [None, [], "x", 3],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(key, one) for key in BAD for one in BAD[key]])
def test_a_manifest_is_checked(tmp_path, field, value):
    store = open_store(str(tmp_path / "store"))
    store.put("p", "r", "s", "o", "x")
    store.location.write("p/r/s/o/manifest.json", json.dumps({**GOOD, field: value}).encode())
    with pytest.raises(StoreError, match="isn't a manifest"):
        store.get("p", "r", "s", "o")


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", "{}", "{", '{"a": 1}', "\xff"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        Manifest.parse(text.encode("latin-1"))


def test_a_result_that_is_used_again_is_the_one_that_was_made(tmp_path):
    store = open_store(str(tmp_path))
    first = store.put("p", "r1", "s", "o", "one")
    store.refer("p", "r2", "s", "o", first)
    assert store.get("p", "r2", "s", "o") == "one"
    store.put("p", "r1", "s", "o", "two")
    with pytest.raises(StoreError, match="uses the data of p/r1/s/o, which has been written again"):
        store.get("p", "r2", "s", "o")


def test_the_digest_covers_everything_but_the_place():
    whole = Manifest(**GOOD, facts={"a": 1})
    for field, value in (
        ("format", "json"), ("type", "int"), ("size", 2), ("sha256", "1" * 64), ("facts", {"a": 2}),
    ):  # fmt: skip
        assert Manifest(**{**GOOD, "facts": {"a": 1}, field: value}).digest != whole.digest
    assert Manifest(**{**GOOD, "data": "q/r/s/o/data"}, facts={"a": 1}).digest == whole.digest


def test_keys():
    assert is_artifact_key("p/r/s.t/o")
    assert is_artifact_key("p/r/s/0001/o")
    assert is_data_key("p/r/s/0001/o/data.parquet")
    for key in (
        "p/r/s",
        "p/r/s/x/o",
        "p/../s/o",
        "plans/r/s/o",
        "p/r/s/o/",
        "p/r/s/0001/o/x",
        " /r/s/o",
    ):
        assert not is_artifact_key(key)


@pytest.mark.parametrize("value", [b"x" * 100_000, numpy.zeros(9)], ids=["bytes", "array"])
@pytest.mark.parametrize("kind", ["pipe", "huge", "device"])
def test_what_is_no_file_or_of_another_size_is_told_and_not_read(tmp_path, kind, value):
    """A pipe has no end, and a file of 200 GB takes minutes: nobody waits for either."""
    store = open_store((tmp_path / "store").as_uri())
    manifest = store.put("p", "r", "s", "out", value)
    data = tmp_path / "store" / manifest.data
    if kind == "huge":
        os.truncate(data, 200 * 2**30)
    else:
        data.unlink()
    if kind == "pipe":
        os.mkfifo(data)
    elif kind == "device":
        if os.geteuid() != 0:
            pytest.skip("takes root, to make a device")
        os.mknod(data, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    with pytest.raises(StoreError):
        store.read(manifest)
