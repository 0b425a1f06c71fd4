"""What a killed engine or a loss of power leaves half written in a file backend."""

from __future__ import annotations

import errno
import json
import os

import pytest

from atlas.errors import DeployError
from atlas_deploy.stacks.keeping import Files
from atlas_deploy.stacks.stack import _write_config

RESOURCE = {"urn": "urn:pulumi:a::probe::atlas:index:Ports::ports", "type": "atlas:index:Ports"}


def a_state(*resources: object) -> str:
    return json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [*resources]}}})


@pytest.fixture
def kept(tmp_path):
    kept = Files(tmp_path)
    kept.file("probe", "a").parent.mkdir(parents=True)
    (tmp_path / "meta.yaml").write_text("version: 1\n")
    return kept


@pytest.fixture
def history(tmp_path):
    folder = tmp_path / "history" / "probe" / "a"
    folder.mkdir(parents=True)
    return folder


def resources(kept):
    return kept.checkpoint("probe", "a").get("resources", [])


def bak(path):
    return path.with_name(f"{path.name}.bak")


def damaged(path):
    return [other.read_bytes() for other in path.parent.glob("*.damaged-*")]


@pytest.mark.parametrize("cut", [b"", b"{", a_state(RESOURCE)[:-3].encode(), b"\0" * 80])
def test_the_state_before_takes_the_place_of_one_that_was_cut_off(kept, cut, caplog):
    path = kept.file("probe", "a")
    path.write_bytes(cut)
    bak(path).write_text(a_state(RESOURCE))
    kept.repair("probe", "a")
    assert resources(kept) == [RESOURCE]
    assert damaged(path) == [cut]
    assert len(caplog.messages) == 1
    kept.repair("probe", "a")
    assert len(caplog.messages) == 1


def test_the_newest_whole_copy_is_taken(kept, history):
    path = kept.file("probe", "a")
    path.write_text("")
    bak(path).write_text("{")
    (history / "a-1.checkpoint.json").write_text(a_state())
    (history / "a-2.checkpoint.json").write_text(a_state(RESOURCE))
    (history / "a-3.checkpoint.json").write_text("")
    kept.repair("probe", "a")
    assert resources(kept) == [RESOURCE]


@pytest.mark.parametrize("cut", [b"", b'{"version": 3, "check', b"\0\0\0"])
def test_a_first_write_that_was_cut_off_recorded_nothing(kept, cut, caplog):
    path = kept.file("probe", "a")
    path.write_bytes(cut)
    kept.repair("probe", "a")
    assert resources(kept) == []
    assert json.loads(path.read_text())["checkpoint"]["stack"] == "organization/probe/a"
    assert "restored from nothing, for nothing was recorded yet" in caplog.messages[0]


@pytest.mark.parametrize("copy", ["", "{", "[]", '{"checkpoint": 1}'])
def test_without_a_whole_state_nothing_is_changed(kept, copy):
    path = kept.file("probe", "a")
    path.write_text(a_state(RESOURCE)[:-3])
    bak(path).write_text(copy)
    with pytest.raises(DeployError, match="no earlier state beside it or in its history is whole"):
        kept.repair("probe", "a")
    assert path.read_text() == a_state(RESOURCE)[:-3]
    assert bak(path).read_text() == copy
    assert damaged(path) == []


def test_a_whole_state_stays(kept, caplog):
    path = kept.file("probe", "a")
    path.write_text(a_state())
    bak(path).write_text(a_state(RESOURCE))
    kept.repair("probe", "a")
    assert path.read_text() == a_state()
    assert caplog.messages == []


def test_no_stack_is_none_after_a_repair(kept):
    kept.repair("probe", "a")
    assert not kept.exists("probe", "a")


def test_nothing_is_restored_under_another_update(kept, tmp_path):
    path = kept.file("probe", "a")
    path.write_text("")
    bak(path).write_text(a_state(RESOURCE))
    locks = tmp_path / "locks" / "organization" / "probe" / "a"
    locks.mkdir(parents=True)
    lock = {"pid": 1, "username": "me", "hostname": "elsewhere"}
    (locks / "x.json").write_text(json.dumps({**lock, "timestamp": "2026-01-02T03:04:05Z"}))
    with pytest.raises(
        DeployError, match=r"locked by another update .process 1 of me on elsewhere"
    ):
        kept.checkpoint("probe", "a")
    assert path.read_text() == ""


def test_a_state_that_cant_be_restored_is_reported(kept, monkeypatch):
    path = kept.file("probe", "a")
    path.write_text("")
    bak(path).write_text(a_state(RESOURCE))

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("atlas.files.write", refuse)
    with pytest.raises(DeployError, match=r"^D013: .*a\.json\.bak: put it in its place"):
        kept.checkpoint("probe", "a")


def test_attributes_of_what_the_engine_reads_are_removed(kept, tmp_path):
    path = kept.file("probe", "a")
    path.write_text(a_state())
    for name in (path, tmp_path / "meta.yaml"):
        name.with_name(f"{name.name}.attrs").write_text("")
    kept.repair("probe", "a")
    assert not [*tmp_path.rglob("*.attrs")]


@pytest.mark.parametrize(
    ("content", "then"), [("", "version: 1\n"), ("version: 0\n", "version: 0\n")]
)
def test_a_lost_version_of_the_layout_is_written_again(kept, tmp_path, content, then):
    (tmp_path / "meta.yaml").write_text(content)
    kept.repair("probe", "a")
    assert (tmp_path / "meta.yaml").read_text() == then


def test_old_drafts_are_swept(kept, history, tmp_path):
    path = kept.file("probe", "a")
    old, new = (path.with_name(f"a.json.{number}.tmp") for number in (1, 2))
    other, copy = path.with_name("ab.json.1.tmp"), history / "a-1.checkpoint.json.1.tmp"
    for draft in (old, new, other, copy):
        draft.touch()
    for draft in (old, other, copy):
        os.utime(draft, (1, 1))
    kept.tidy("probe", "a")
    assert [draft.exists() for draft in (old, new, other, copy)] == [False, True, True, False]


WHOLE = "encryptionsalt: v1:LD3wT4cTBkk=:v1:vc+WCiuTTW9gPrAF:TdA4PQAtM2u88QGuvalgk1l0tlMesg==\n"


@pytest.mark.parametrize("length", range(0, len(WHOLE), 9))
def test_settings_that_were_cut_off_have_no_salt(tmp_path, length):
    path = tmp_path / "Pulumi.a.yaml"
    path.write_text(f"config:\n  a:b: c\n{WHOLE}"[: -len(WHOLE) + length] if length else "")
    _write_config(path, {"a:b": "d"})
    assert path.read_text() == "config:\n  a:b: d\n"


def test_whole_settings_keep_their_salt(tmp_path):
    path = tmp_path / "Pulumi.a.yaml"
    path.write_text(WHOLE)
    _write_config(path, {"a:b": "d"})
    assert path.read_text() == f"config:\n  a:b: d\n{WHOLE}"
