"""Releases as git has them: each tag, the commit that it points at, and the lock in that."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.git import git
from atlas.lineage.plain import parsed_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOCK = "release.lock.json"
PREFIX = "release/"
_TAGS = "refs/tags/"
_COMMIT = re.compile("[0-9a-f]{40,64}")
_TAGGED = re.compile(r"object ([0-9a-f]{40,64})\ntype commit\ntag ([^\n]*)\n(?:tagger (.*) <)?")


@dataclass(frozen=True, slots=True)
class TaggedRelease:
    """A release, as far as it can be read.

    Attributes:
        name: of its tag, such as ``release/prices-3``.
        tag: id of the tag's object.
        commit: the commit that the tag points at, which holds the lock.
        parents: the commits before that; the released one is the only one.
        named: the name that is written in the tag.
        by: who made it.
        lock: what it pins; empty where it can't be read.
    """

    name: str
    tag: str
    commit: str = ""
    parents: tuple[str, ...] = ()
    named: str = ""
    by: str = ""
    lock: Mapping[str, Any] = field(default_factory=dict)

    @property
    def released(self) -> str:
        """The released commit, as the lock has it."""
        return str(self.lock.get("commit", ""))

    @property
    def models(self) -> dict[str, str]:
        """``name/version`` of each pinned model → the digest that the lock has of it."""
        models = (model for model in _objects(self.lock.get("models")))
        return {
            f"{model.get('name')}/{model.get('version')}": str(model.get("digest", ""))
            for model in models
        }

    @property
    def images(self) -> list[str]:
        """References of the pinned images, without a registry's host."""
        images = (image.get("reference") for image in _objects(self.lock.get("images")))
        return sorted({str(reference) for reference in images if reference})

    @property
    def plans(self) -> dict[str, str]:
        """Digest of each pinned Plan → the pipeline and flow that it is of."""
        return dict(_digests(self.lock.get("plans"), ""))


def releases_in(folder: Path) -> dict[str, TaggedRelease]:
    """Return the releases of the repository that a folder is in, by name; none without git."""
    words = ("for-each-ref", "--format=%(objectname) %(refname)", f"{_TAGS}{PREFIX.rstrip('/')}")
    lines = (git(folder, *words) or b"").decode("utf-8", "replace").splitlines()
    pairs = (line.partition(" ") for line in lines)
    releases = (_release(folder, ref.removeprefix(_TAGS), tag) for tag, _, ref in pairs)
    return {release.name: release for release in releases}


def _release(folder: Path, name: str, tag: str) -> TaggedRelease:
    """Return a release as far as its tag, its commit and its lock can be read."""
    content = git(folder, "cat-file", "tag", tag) or b""
    match = _TAGGED.match(content.decode("utf-8", "replace"))
    if match is None:
        return TaggedRelease(name, tag)
    commit, named, by = match[1], match[2], match[3] or ""
    return TaggedRelease(
        name, tag, commit, _parents(folder, commit), named, by, _lock(folder, commit)
    )


def _lock(folder: Path, commit: str) -> dict[str, Any]:
    return parsed_object(git(folder, "cat-file", "blob", f"{commit}:{LOCK}") or b"") or {}


def _parents(folder: Path, commit: str) -> tuple[str, ...]:
    text = (git(folder, "cat-file", "commit", commit) or b"").partition(b"\n\n")[0]
    lines = text.decode("utf-8", "replace").splitlines()
    return tuple(line.removeprefix("parent ") for line in lines if line.startswith("parent "))


def _objects(mapping: Any) -> Iterator[dict[str, Any]]:
    values = mapping.values() if isinstance(mapping, dict) else ()
    return (value for value in values if isinstance(value, dict))


def _digests(plans: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give the digests of nested objects, with the names that lead to each."""
    for name, value in plans.items() if isinstance(plans, dict) else ():
        here = f"{path}/{name}".strip("/")
        if isinstance(value, str):
            yield value, here
        else:
            yield from _digests(value, here)


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What git knows of a commit."""

    commit: str
    author: str
    time: str
    subject: str


def commit_facts(folder: Path, commit: str) -> CommitFacts | None:
    """Return what git knows of a commit; None where the repository hasn't got it."""
    if not _COMMIT.fullmatch(commit):
        return None
    shown = git(folder, "show", "-s", "--no-show-signature", "--format=%H%n%an%n%cI%n%s", commit)
    lines = (shown or b"").decode("utf-8", "replace").splitlines()
    return CommitFacts(*[*lines, "", "", ""][:4]) if lines else None


def full_commit(folder: Path, text: str) -> str:
    """Return the full id of a commit that a repository has; empty for none."""
    if not re.fullmatch("[0-9a-f]{7,64}", text):
        return ""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    return (git(folder, *words) or b"").decode().strip()
