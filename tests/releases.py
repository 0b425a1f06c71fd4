"""Projects in git for tests of releases: a clone with a bare remote beside it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from atlas.scaffold import start

_OFF = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
NAME, EMAIL = "ann", "ann@example.org"
PERSON = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", NAME), ("EMAIL", EMAIL))
}


@dataclass(frozen=True)
class Clone:
    """A clone of a project's repository.

    Attributes:
        folder: its top, which is the project's folder.
    """

    folder: Path

    def git(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words],
            check=check, capture_output=True, text=True, env={**os.environ, **_OFF, **PERSON},
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, message: str = "x") -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def push(self) -> None:
        self.git("push", "-q", "-u", "origin", "main")

    def edit(self, file: str, **changes: object) -> None:
        """Change top fields of a JSON file; None removes one."""
        path = self.folder / file
        document = {**json.loads(path.read_text()), **changes} if path.exists() else changes
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}))

    def append(self, file: str, text: str) -> None:
        path = self.folder / file
        path.write_text(path.read_text() + text)

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        named = dict(line.split() for line in lines)
        here = ("refs/tags/release/", "refs/heads/releases/")
        return {n: v for n, v in named.items() if n.startswith(here)}

    def remote_refs(self) -> dict[str, str]:
        lines = self.git("ls-remote", "--refs", "origin").splitlines()
        named = {ref: id_ for id_, ref in (line.split() for line in lines)}
        return {n: v for n, v in named.items() if "release" in n}


def project(folder: Path, name: str = "houses") -> Clone:
    """Write a project whose pipeline works, commit it, and push it to a remote beside it."""
    start(folder / "work", name)
    clone = Clone(folder / "work")
    bare = folder / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
    clone.git("init", "-q", "-b", "main")
    clone.git("remote", "add", "origin", str(bare))
    clone.commit("one")
    clone.push()
    return clone


def cloned(folder: Path, origin: Clone, name: str, *words: str) -> Clone:
    """Clone what a clone was pushed to."""
    url = origin.git("remote", "get-url", "origin")
    command = ["git", "clone", "-q", *words, f"file://{url}", str(folder / name)]
    subprocess.run(command, check=True, env={**os.environ, **_OFF})
    return Clone(folder / name)
