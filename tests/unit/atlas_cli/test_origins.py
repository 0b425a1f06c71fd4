"""The commit that is told of a pipeline: the last that changed its folder."""

from __future__ import annotations

import subprocess

import pytest

from atlas_cli.origins import commit_of


@pytest.fixture
def checkout(tmp_path):
    def git(*words):
        own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *own, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "steps.py").write_text("")
        git("add", ".")
        git("commit", "-qm", name)
    return tmp_path, git


def test_another_folders_commits_are_none_of_this_one(checkout):
    folder, git = checkout
    assert commit_of(folder / "one") == git("rev-parse", "HEAD~1")
    assert commit_of(folder / "two") == git("rev-parse", "HEAD")


def test_an_edit_is_told(checkout):
    folder, git = checkout
    (folder / "one" / "steps.py").write_text("# changed")
    assert commit_of(folder / "one") == f"{git('rev-parse', 'HEAD~1')}-dirty"
    assert not commit_of(folder / "two").endswith("-dirty")


def test_a_folder_outside_of_git_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == ""
