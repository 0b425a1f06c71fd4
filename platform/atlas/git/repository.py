"""How things stand with a repository: its head, what differs from it, what remotes have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.git.asking import ask, git
from atlas.git.running import GitOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.git.asking import GitAnswer

_NEW = b"??"
_STATUS = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder of a repository with a work tree.

    Attributes:
        top: the work tree's top.
        inside: the folder, from the top; ``.`` for the top.
        head: the commit that is checked out; empty where there is none yet.
        branch: the branch that is checked out; empty for a detached head.
        is_shallow: whether commits before some are missing.
    """

    top: Path
    inside: str
    head: str
    branch: str
    is_shallow: bool


def checkout_at(folder: Path) -> Checkout | None:
    """Return the checkout that a folder is in; None where git sees no work tree."""
    top, inside = _text(folder, "--show-toplevel"), _text(folder, "--show-prefix")
    if not top:
        return None
    branch = git(folder, "symbolic-ref", "--quiet", "--short", "HEAD", codes=(0, 1)) or b""
    return Checkout(
        top=Path(top),
        inside=inside.strip("/") or ".",
        head=_text(folder, "--verify", "--quiet", "HEAD^{commit}"),
        branch=branch.decode("utf-8", "replace").strip(),
        is_shallow=_text(folder, "--is-shallow-repository") == "true",
    )


def _text(folder: Path, *words: str) -> str:
    return os.fsdecode(git(folder, "rev-parse", *words) or b"").rstrip("\n")


def changed_files(folder: Path, state: Path) -> list[str] | None:
    """Return the files of a folder that aren't as they were committed, new ones among them.

    Args:
        folder: the folder.
        state: a folder in which new files don't count, because Atlas itself writes them.

    Returns:
        Their paths from the folder; None where git can't say.
    """
    listed = git(folder, *_STATUS, "--", ".")
    prefix = git(folder, "rev-parse", "--show-prefix")
    if listed is None or prefix is None:
        return None
    inside = os.fsdecode(prefix.rstrip(b"\n"))
    changes = [(line[:2], os.fsdecode(line[3:])) for line in listed.split(b"\0") if line]
    named = [(how, path.removeprefix(inside)) for how, path in changes]
    return [path for how, path in named if how != _NEW or not (folder / path).is_relative_to(state)]


def remote_branches_with(folder: Path, commit: str) -> list[str]:
    """Return the remote-tracking branches that contain a commit, as far as was fetched."""
    words = ("for-each-ref", "--format=%(refname)", f"--contains={commit}", "refs/remotes")
    listed = (git(folder, *words) or b"").decode("utf-8", "replace").split()
    return [ref.removeprefix("refs/remotes/") for ref in listed if not ref.endswith("/HEAD")]


def has_commit(folder: Path, commit: str) -> bool:
    """Tell whether a repository has a commit, by its full id."""
    return git(folder, "cat-file", "-e", f"{commit}^{{commit}}") is not None


def create_refs(folder: Path, refs: Mapping[str, str]) -> GitAnswer:
    """Create refs that don't exist, all in one transaction.

    Args:
        folder: a folder in the repository.
        refs: full name → full id of the object.
    """
    lines = [f"create {name} {id_}\n" for name, id_ in refs.items()]
    content = "".join(["start\n", *lines, "prepare\n", "commit\n"]).encode()
    return ask(folder, "update-ref", "--stdin", options=GitOptions(stdin=content))


def add_tag(folder: Path, content: bytes) -> GitAnswer:
    """Write the object of an annotated tag; no ref points at it."""
    return ask(folder, "mktag", options=GitOptions(stdin=content))


def committer(folder: Path) -> GitAnswer:
    """Return who commits, with the time, as git writes it into objects."""
    return ask(folder, "var", "GIT_COMMITTER_IDENT")
