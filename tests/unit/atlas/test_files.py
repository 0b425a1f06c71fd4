"""State folders and what is in them: nobody else's to read, however they came to be."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from atlas import files
from atlas.errors import AtlasError
from atlas.processes import own
from atlas.store.folder import FolderLocation


@pytest.fixture(autouse=True)
def _open_umask():
    before = os.umask(0o002)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return oct(path.lstat().st_mode & 0o777)


def open_to_others(place: Path) -> list[str]:
    every = [place, *place.rglob("*")]
    return [str(one) for one in every if not one.is_symlink() and one.stat().st_mode & 0o077]


def test_files_are_private_whole_and_leave_no_draft(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    files.write(path, "one")
    files.write(path, b"two")
    assert path.read_text() == "two"
    assert not open_to_others(tmp_path / "a")
    assert os.listdir(path.parent) == ["c.txt"]
    assert not files.write_new(path, "three")
    with files.append(tmp_path / "a" / "log" / "x.log") as log:
        log.write(b"line\n")
    assert not open_to_others(tmp_path / "a")


def test_drafts_of_killed_writers_are_swept(tmp_path):
    ended = replace(own(), started=1)
    (tmp_path / f".b.txt.{ended}-abcd").write_text("half")
    (tmp_path / f".b.txt.{own()}-abcd").write_text("being written")
    files.write(tmp_path / "b.txt", "one")
    assert sorted(os.listdir(tmp_path)) == [f".b.txt.{own()}-abcd", "b.txt"]


def test_a_state_folder_that_is_made(tmp_path):
    assert files.own(tmp_path / "project" / ".atlas") == tmp_path / "project" / ".atlas"
    assert mode(tmp_path / "project" / ".atlas") == "0o700"
    assert mode(tmp_path / "project") == "0o775"


def test_one_that_was_open_is_closed_with_all_that_is_in_it(tmp_path):
    state, outside = tmp_path / "state", tmp_path / "outside"
    (state / "store" / "deep").mkdir(parents=True)
    (state / "store" / "deep" / "file").write_text("x")
    program = state / "store" / "program"
    program.write_text("x")
    program.chmod(0o755)
    outside.write_text("x")
    (state / "store" / "link").symlink_to(outside)
    (state / "store" / "to-folder").symlink_to(tmp_path)
    os.mkfifo(state / "store" / "fifo", 0o666)
    files.own(state)
    assert not open_to_others(state)
    assert mode(program) == "0o700"
    assert mode(outside) == "0o664"
    assert mode(tmp_path) == "0o700"


def test_a_link_in_its_place_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "state").symlink_to(elsewhere)
    files.own(tmp_path / "state")
    assert mode(elsewhere) == "0o775"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to give files away")
def test_what_is_not_ours_stays(tmp_path):
    state = tmp_path / "state"
    (state / "store").mkdir(parents=True)
    theirs = state / "store" / "theirs"
    theirs.write_text("x")
    os.chown(theirs, 65534, 65534)
    files.own(state)
    assert mode(theirs) == "0o664"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to give folders away")
def test_a_state_folder_of_another_user_is_refused(tmp_path):
    state = tmp_path / "project" / "state"
    state.mkdir(parents=True, mode=0o755)
    os.chown(state, 65534, 65534)
    with pytest.raises(AtlasError, match="belongs to user 65534, expected 0; remove it"):
        files.own(state)
    assert mode(state) == "0o755"
    os.chown(tmp_path / "project", 65534, 65534)
    assert files.own(state) == state, "root works in that user's project"


@pytest.mark.parametrize("name", ["passwd", "store.txt", ".ssh", "a\nb"])
def test_a_folder_that_isn_t_atlas_s_is_never_closed(tmp_path, name):
    elsewhere = tmp_path / "etc"
    (elsewhere / "store").mkdir(parents=True)
    (elsewhere / name).write_text("x")
    with pytest.raises(AtlasError, match="files that aren't Atlas's") as raised:
        files.own(elsewhere)
    assert "\n" not in str(raised.value)
    assert mode(elsewhere) == "0o775"
    assert mode(elsewhere / name) == "0o664"
    elsewhere.chmod(0o700)
    assert files.own(elsewhere) == elsewhere


def test_what_atlas_keeps_in_a_state_folder_is_known():
    """Names that the sources put into a state folder, so that none of ours is refused."""
    found = set()
    for root in (
        "platform/atlas",
        "platform/atlas_provider",
        "platform/atlas_deploy",
        "atlas_cli",
        "infra",
    ):
        for file in Path(root).rglob("*.py"):
            found |= set(re.findall(r'\bstate / "([^"]+)"', file.read_text("utf-8")))
    assert len(found) > 8
    assert found <= files.KNOWN


def test_a_store_is_as_private_as_its_folder(tmp_path):
    private, shared = files.own(tmp_path / "state"), tmp_path / "shared"
    shared.mkdir()
    for folder in (private, shared):
        place = FolderLocation(folder / "store")
        place.write("p/run.json", b"{}")
        place.create("p/once.json", b"{}")
        with place.appending("p/log.txt") as log:
            log.write(b"x")
        with place.writing("p/out/data") as path:
            path.mkdir()
            (path / "part").write_text("x")
            (path / "tool").write_text("x")
            (path / "tool").chmod(0o755)
            (path / "link").symlink_to("/etc/passwd")
    assert not open_to_others(private)
    assert mode(private / "store/p/out/data/tool") == "0o700"
    assert mode(shared / "store/p/run.json") == "0o664"
    assert mode(shared / "store/p/out/data/part") == "0o664"
    assert mode(shared / "store") == "0o775"
    assert stat.S_IMODE(os.stat("/etc/passwd").st_mode) & 0o044
