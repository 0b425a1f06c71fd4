"""The release that git has at a commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from atlas_deploy.desired.revisions import release_at


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "tag.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", folder, *own, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def committed(folder: Path) -> str:
    with (folder / "steps.py").open("a") as file:
        file.write("#\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--no-gpg-sign", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def test_the_latest_release_at_a_commit(tmp_path):
    git(tmp_path, "init", "-q")
    first = committed(tmp_path)
    git(tmp_path, "tag", "release/tumour-2")
    git(tmp_path, "tag", "-a", "release/tumour-10", "-m", "annotated")
    git(tmp_path, "tag", "release/tumour-liver-11")
    git(tmp_path, "tag", "other")
    second = committed(tmp_path)
    assert release_at(tmp_path, "tumour", first) == "release/tumour-10"
    assert release_at(tmp_path, "tumour-liver", first) == "release/tumour-liver-11"
    assert release_at(tmp_path, "tumour", second) == ""


def test_a_release_that_changes_nothing_in_the_folder_has_it(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "one").mkdir()
    commit = committed(tmp_path / "one")
    committed(tmp_path)
    git(tmp_path, "tag", "release/tumour-1")
    assert release_at(tmp_path / "one", "tumour", commit) == "release/tumour-1"
    assert release_at(tmp_path, "tumour", commit) == ""


def test_there_is_none_without_git_or_a_commit(tmp_path):
    assert release_at(tmp_path, "tumour", "0" * 40) == ""
    assert release_at(tmp_path, "tumour", "") == ""
    assert release_at(tmp_path, "tumour", "--output=x") == ""
