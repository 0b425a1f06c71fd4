"""What releases in git name is not pruned."""

from __future__ import annotations

import subprocess

from atlas.images import (
    referenced,
)
from tests.unit.atlas.images.test_prune import digest


def test_what_releases_name_is_referred_to_in_any_form(store, tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("config", "user.email", "a@example.org")
    git("config", "user.name", "a")
    for number, name in ((1, "tag"), (2, "branch"), (3, "none")):
        (tmp_path / "atlas.lock").write_text(f"base = atlas/words/base@{digest(number)}\n")
        git("add", ".")
        git("commit", "-qm", name)
        if name == "tag":
            git("tag", "release/words-1")
        if name == "branch":
            git("branch", "release/words-2")
    assert referenced(store, tmp_path) == {digest(1), digest(2)}
