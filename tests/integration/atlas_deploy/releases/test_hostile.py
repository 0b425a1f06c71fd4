"""Repositories that somebody else wrote: nothing of them runs, and nothing leads out of the folder."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import zlib

import pytest

from atlas.errors import DeployError
from atlas_deploy.operations.releasing import ReleaseOptions, release
from atlas_deploy.releases import extraction
from atlas_deploy.releases.extraction import extracted
from tests.releases import PERSON, Clone, cloned, project

OFF = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Clone:
    for name, value in {**PERSON, **OFF}.items():
        monkeypatch.setenv(name, value)
    for name in ("ATLAS_STATE", "ATLAS_STORE"):
        monkeypatch.delenv(name, raising=False)
    return project(tmp_path)


def write_object(clone: Clone, kind: str, content: bytes) -> str:
    """Write an object past git's own checks."""
    whole = f"{kind} {len(content)}\0".encode() + content
    id_ = hashlib.sha1(whole).hexdigest()
    file = clone.folder / ".git" / "objects" / id_[:2] / id_[2:]
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(zlib.compress(whole))
    return id_


def commit_of(clone: Clone, *entries: tuple[str, bytes, str]) -> str:
    """Return a commit with a tree of these entries: mode, name, content."""
    lines = b""
    for mode, name, content in entries:
        id_ = (
            content
            if mode in ("40000", "160000")
            else write_object(clone, "blob", content.encode())
        )
        lines += mode.encode() + b" " + name + b"\0" + bytes.fromhex(id_)
    tree = write_object(clone, "tree", lines)
    head = f"tree {tree}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nx\n"
    return write_object(clone, "commit", head.encode())


def refused(clone: Clone, commit: str, project_: str = ".") -> str:
    before = {*clone.folder.parent.rglob("*")}
    state = clone.folder / ".atlas"
    with (
        pytest.raises(DeployError, match="L016") as error,
        extracted(clone.folder, commit, project_, state),
    ):
        pass
    new = {*clone.folder.parent.rglob("*")} - before
    assert {path.relative_to(state).parts[:1] for path in new} <= {
        (),
        ("releases",),
        (".gitignore",),
    }
    assert not [*(state / "releases").glob("*")]
    return str(error.value)


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"../../out", b"/tmp/out", b"a/../../out", b""]
)
def test_names_that_lead_elsewhere(clone, name):
    refused(clone, commit_of(clone, ("100644", name, "x")))


def test_folders_that_lead_elsewhere(clone):
    tree = write_object(
        clone, "tree", b"100644 out\0" + bytes.fromhex(write_object(clone, "blob", b"x"))
    )
    refused(clone, commit_of(clone, ("40000", b"..", tree)))


@pytest.mark.parametrize("target", ["../out", "/etc/passwd", "a/../../out", "", "x" * 5000])
def test_links_that_lead_out(clone, target):
    refused(clone, commit_of(clone, ("120000", b"link", target)))


def test_links_that_lead_out_by_way_of_others(clone):
    commit = commit_of(clone, ("120000", b"here", "."), ("120000", b"out", "here/../../secret"))
    refused(clone, commit)


def test_a_file_through_a_link(clone):
    inside = write_object(
        clone, "tree", b"100644 out\0" + bytes.fromhex(write_object(clone, "blob", b"x"))
    )
    refused(clone, commit_of(clone, ("120000", b"a", "b"), ("40000", b"a", inside)))
    refused(clone, commit_of(clone, ("100644", b"a", "1"), ("100644", b"a", "2")))


def test_links_inside_are_kept(clone):
    (clone.folder / "houses" / "link.py").symlink_to("steps.py")
    commit = clone.commit()
    with extracted(clone.folder, commit, ".", clone.folder / ".atlas") as tree:
        assert os.readlink(tree / "houses" / "link.py") == "steps.py"
        assert (tree / "houses" / "link.py").read_text() == (tree / "houses/steps.py").read_text()
        for folder in (tree, *tree.parents):
            if folder.name == "releases":
                break
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not tree.exists()


def test_a_submodule(clone):
    message = refused(clone, commit_of(clone, ("160000", b"sub", "0" * 40)))
    assert "is a submodule" in message


@pytest.mark.parametrize(("what", "most"), [("MOST_BYTES", 1000), ("MOST_FILES", 3)])
def test_too_much(clone, monkeypatch, what, most):
    monkeypatch.setattr(extraction, what, most)
    assert "expected at most" in refused(clone, clone.git("rev-parse", "HEAD"))


def test_a_large_file_is_written_in_pieces(clone):
    content = os.urandom(1 << 20) * 5 + b"end"
    (clone.folder / "large.bin").write_bytes(content)
    commit = clone.commit()
    with extracted(clone.folder, commit, ".", clone.folder / ".atlas") as tree:
        assert (tree / "large.bin").read_bytes() == content


def test_a_clone_that_lacks_files(clone, tmp_path):
    clone.git("config", "uploadpack.allowFilter", "true")
    bare = Clone(tmp_path / "remote.git")
    bare.git("config", "uploadpack.allowFilter", "true")
    partial = cloned(tmp_path, clone, "partial", "--filter=blob:none", "--no-checkout")
    refused(partial, partial.git("rev-parse", "HEAD"))


def test_attributes_change_no_byte(clone, tmp_path):
    canary = tmp_path / "canary"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho ran >> {canary}\ncat\n")
    script.chmod(0o755)
    folder = clone.folder / "houses"
    (folder / "x.txt").write_bytes(b"$Format:%H$ $Id$\r\nline\n")
    (folder / "gone.txt").write_text("kept")
    (folder / ".gitattributes").write_text(
        "x.txt export-subst ident text eol=crlf filter=x working-tree-encoding=UTF-16\n"
        "gone.txt export-ignore\n"
    )
    blob = write_object(clone, "blob", (folder / "x.txt").read_bytes())
    clone.git("update-index", "--add", "--cacheinfo", f"100644,{blob},houses/x.txt")
    clone.git("add", "houses/.gitattributes", "houses/gone.txt")
    clone.git("commit", "-qm", "x")
    clone.git("config", "filter.x.smudge", str(script))
    clone.git("config", "filter.x.required", "true")
    with extracted(clone.folder, clone.git("rev-parse", "HEAD"), ".", tmp_path / "state") as tree:
        assert (tree / "houses/x.txt").read_bytes() == b"$Format:%H$ $Id$\r\nline\n"
        assert (tree / "houses/gone.txt").read_text() == "kept"
    assert not canary.exists()


def test_hooks_filters_and_helpers_of_the_repository_do_not_run(clone, tmp_path):
    """Of every hook that git has, and of every setting that names a program."""
    canary, script = tmp_path / "canary", tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $@" >> {canary}\ncat\n')
    script.chmod(0o755)
    hooks = clone.folder / ".git" / "hooks"
    names = ("pre-push", "reference-transaction", "post-index-change", "pre-commit", "commit-msg")
    for name in (*names, "prepare-commit-msg", "post-commit", "fsmonitor-watchman"):
        (hooks / name).unlink(missing_ok=True)
        (hooks / name).symlink_to(script)
    url = clone.git("remote", "get-url", "origin")
    settings = {
        "core.fsmonitor": script, "core.sshCommand": script, "core.askPass": script,
        "core.editor": script, "core.pager": script, "core.gitProxy": script,
        "credential.helper": f"!{script}", "gpg.program": script, "gpg.ssh.program": script,
        "gpg.ssh.defaultKeyCommand": script, "gpg.format": "ssh", "commit.gpgSign": "true",
        "tag.gpgSign": "true", "push.gpgSign": "if-asked", "filter.x.clean": script,
        "filter.x.smudge": script, "remote.origin.receivepack": script,
        "remote.origin.uploadpack": script, f"remote.{url}.receivepack": script,
        f"remote.{url}.uploadpack": script, "alias.push": f"!{script}", "uploadpack.packObjectsHook": script,
    }  # fmt: skip
    for name, value in settings.items():
        clone.git("config", name, str(value))
    (outcome,) = release(clone.folder / "houses", ReleaseOptions(), print)
    assert outcome.pushed == "origin"
    assert not canary.exists(), canary.read_text()
    command = ["git", "-C", clone.folder, "status"]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert canary.exists(), "the traps work"


@pytest.mark.parametrize("url", ["ext::sh -c {}", "--upload-pack={}", "fd::17"])
def test_remotes_that_name_programs(clone, tmp_path, url):
    canary, script = tmp_path / "canary", tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho ran >> {canary}\n")
    script.chmod(0o755)
    clone.git("config", "remote.origin.url", url.format(script))
    clone.git("config", "protocol.ext.allow", "always")
    with pytest.raises(DeployError, match="L010"):
        release(clone.folder / "houses", ReleaseOptions(), print)
    assert not canary.exists()


def test_folders_that_were_left_by_a_kill_go(clone):
    left = clone.folder / ".atlas" / "releases" / "4194399-abc"
    left.mkdir(parents=True)
    own = left.with_name(f"{os.getpid()}-abc")
    own.mkdir()
    with extracted(clone.folder, clone.git("rev-parse", "HEAD"), ".", clone.folder / ".atlas"):
        assert not left.exists()
        assert own.exists(), "its process runs"


def test_the_users_own_settings_reach_a_remote(clone, monkeypatch, tmp_path):
    """An ssh command of the user's configuration is used; that of the repository isn't."""
    said = tmp_path / "said"
    own = tmp_path / "own"
    own.write_text(f'#!/bin/sh\necho "$@" >> {said}\nexit 1\n')
    own.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[core]\n\tsshCommand = {own}\n")
    clone.git("config", "remote.origin.url", "ssh://git@example.invalid/x.git")
    clone.git("config", "core.sshCommand", "false")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with pytest.raises(DeployError, match="L010"):
        release(clone.folder / "houses", ReleaseOptions(), print)
    assert "git@example.invalid" in said.read_text()


def test_a_password_in_a_remotes_url_is_in_no_message(clone):
    clone.git("config", "remote.origin.url", "https://ann:secret-1@127.0.0.1:9/x.git")
    with pytest.raises(DeployError, match="L010") as error:
        release(clone.folder / "houses", ReleaseOptions(), print)
    assert "secret-1" not in str(error.value)
