"""What a place promises: whole files or none, one winner, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from atlas.errors import StoreError
from atlas.store import FolderLocation, open_location, open_store
from atlas.store.location import TEMPORARY, explain


@pytest.fixture
def place(tmp_path):
    return FolderLocation(tmp_path / "with space")


def test_what_is_written_is_read(place):
    for content in (b"", b"x", b"y" * 200_000):
        place.write("a/b.txt", content)
        assert place.read("a/b.txt") == content
        assert place.size("a/b.txt") == len(content)
    assert place.names("a") == ["b.txt"]
    assert [entry.key for entry in place.entries("")] == ["a/b.txt"]


def test_missing_things(place):
    assert not place.exists("a")
    assert place.names("a") == []
    assert list(place.entries("a")) == []
    place.remove("a")
    with pytest.raises(FileNotFoundError):
        place.read("a")


def test_one_of_many_creates(place):
    won = []
    barrier = threading.Barrier(8)

    def create(number):
        barrier.wait()
        if place.create("run.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert place.read("run.json") == str(won[0]).encode()
    assert place.names("") == ["run.json"]


def test_a_failed_write_leaves_nothing(place):
    place.write("a.txt", b"before")
    writing = place.writing("a.txt")
    writing.__enter__().write_bytes(b"half")
    writing.__exit__(RuntimeError, RuntimeError(), None)
    assert place.read("a.txt") == b"before"
    assert os.listdir(place.root) == ["a.txt"]


def test_a_folder_that_is_there_stays(place):
    for text in ("first", "second"):
        with place.writing("code/abc") as path:
            path.mkdir()
            (path / "f").write_text(text)
    assert place.read("code/abc/f") == b"first"
    assert place.names("code") == ["abc"]


def test_unfinished_files_are_nobody_s(place):
    place.write("a/x", b"")
    (place.local("a") / f"{TEMPORARY}1-1-y").write_text("half")
    assert place.names("a") == ["x"]


def test_removing(place):
    place.write("a/b/c", b"1")
    place.write("a/d", b"2")
    place.remove("a/d")
    place.remove("a/b")
    assert place.names("a") == []


def test_a_file_in_a_folder_s_place(place):
    place.write("a", b"")
    with pytest.raises(StoreError, match=r"can't write: not a directory|file exists"):
        place.write("a/b", b"")


def test_errors_say_what_to_do():
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "atlas gc" in explain("write", "x", full)
    assert "ATLAS_STORE chooses another" in explain("write", "x", OSError(errno.EROFS, "Read-only"))


def test_urls(tmp_path):
    folder = tmp_path / "a b#c"
    store = open_store(folder.as_uri())
    store.location.write("k", b"v")
    assert (folder / "k").read_bytes() == b"v"
    assert open_store(store.url).location.read("k") == b"v"


def test_an_unknown_scheme():
    for scheme in ("ftp", "nosuchthing"):
        message = f"{scheme}://x/y: unknown scheme '{scheme}'; expected file: or s3:"
        with pytest.raises(StoreError, match=f"^{message}$"):
            open_location(f"{scheme}://x/y")


def test_a_path_with_a_colon_is_a_path(tmp_path):
    assert open_location(f"{tmp_path}/a:b").local("") == tmp_path / "a:b"


def test_a_folder_that_can_t_be_made():
    place = FolderLocation(Path("/proc/nosuch"))
    with pytest.raises(StoreError, match="/proc/nosuch/a: can't make this folder: no such file"):
        place.write("a/b", b"")
    with pytest.raises(StoreError, match="ATLAS_STORE chooses another"), place.writing("a/b"):
        raise AssertionError
