"""What releases in git name is not pruned."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from atlas.images import (
    referenced,
)
from tests.unit.atlas.images.test_prune import digest


@pytest.fixture
def git(tmp_path):
    def run(*arguments: str) -> None:
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    run("init", "-q", "-b", "main")
    run("config", "user.email", "a@example.org")
    run("config", "user.name", "a")
    return run


def test_what_releases_name_is_referred_to_in_any_form(store, tmp_path, git):
    for number, name in ((1, "tag"), (2, "branch"), (3, "none")):
        (tmp_path / "atlas.lock").write_text(f"base = atlas/words/base@{digest(number)}\n")
        git("add", ".")
        git("commit", "-qm", name)
        if name == "tag":
            git("tag", "release/words-1")
        if name == "branch":
            git("branch", "release/words-2")
    assert referenced(store, tmp_path) == {digest(1), digest(2)}


@pytest.mark.parametrize("ref", [("tag", "release/words-1"), ("branch", "releases/words-1")])
def test_a_lock_at_the_root_is_found_from_a_folder_below(store, tmp_path: Path, git, ref):
    """The lock counts whatever the attributes of git say that its content is."""
    image = {"reference": f"host:5000/atlas/words/base@{digest(1)}"}
    lock = {"version": 1, "images": {"training/base": image}}
    (tmp_path / "release.lock.json").write_text(json.dumps(lock))
    (tmp_path / ".gitattributes").write_text("*.json binary\n")
    (tmp_path / "words").mkdir()
    git("add", ".")
    git("commit", "-qm", "Release")
    git(*ref)
    assert referenced(store, tmp_path / "words") == {digest(1)}
