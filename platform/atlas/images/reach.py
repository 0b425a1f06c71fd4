"""Which images something still refers to: deployments, their records, and releases."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.git import git, has_repository
from atlas.images.records import records
from atlas.registered import LOCAL_TARGET

if TYPE_CHECKING:
    from atlas.store import Store

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_NO_MATCH = 1
"""The exit code of a `git grep` that finds nothing."""
_RELEASES = ("refs/tags/release", "refs/heads/release", "refs/heads/releases", "refs/remotes")
_MARKS = ("/release/", "/releases/")


def referenced(store: Store, project: Path) -> set[str]:
    """Return the digest of every image that a deployment or a release refers to, and of more.

    Whatever looks like a digest counts, in any form that deployments and releases are written in:
    so one that is referred to is never missed.

    Args:
        store: where deployments are recorded.
        project: a folder of the git repository that has the releases.
    """
    return deployed(store) | released(project)


def deployed(store: Store) -> set[str]:
    """Return the digests that deployments and their records name, earlier ones among them."""
    from atlas.step.reachable import DEPLOYED, digests_named

    return {f"sha256:{digest}" for digest in digests_named(store, (*DEPLOYED, "plans"))}


def run_in(store: Store) -> set[str]:
    """Return the digests of images that runs on an orchestrator may have been made in.

    What such a run was made by is known by its code: its model's lineage may ask for it again.
    """
    from atlas.step.reachable import RunKey, known_plans, plans_of

    runs = (RunKey(name, run) for name in store.pipelines() for run in store.runs(name))
    plans = known_plans(store, plans_of(store, runs))
    codes = {plan.code for plan in plans if plan.target != LOCAL_TARGET}
    return {built.digest for built in records(store) if built.digest and built.code in codes}


def released(project: Path) -> set[str]:
    """Return the digests that releases name: tags and branches of git.

    These are ``release/…`` or ``releases/…``; the branches of remotes count too. The whole tree of
    each is searched, for ``release.lock.json`` is at its root, whichever folder the project is.

    Raises:
        StoreError: there is a repository, and git can't read it.
    """
    if not has_repository(project):
        return set()
    listed = _read(project, "for-each-ref", "--format=%(refname)", *_RELEASES).decode()
    refs = [ref for ref in listed.split() if any(mark in ref for mark in _MARKS)]
    digests: set[str] = set()
    top = Path(os.fsdecode(_read(project, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    for start in range(0, len(refs), 100):
        pattern = ("-h", "-o", "-a", "-E", "sha256:[0-9a-f]{64}")
        part = refs[start : start + 100]
        digests |= _digests(_read(top, "grep", *pattern, *part))
    return digests


def _digests(content: bytes) -> set[str]:
    return {match.decode() for match in _DIGEST.findall(content)}


def _read(project: Path, *arguments: str) -> bytes:
    """Return what git prints; nothing where nothing matches.

    Raises:
        StoreError: git isn't there, or can't read the repository.
    """
    output = git(project, *arguments, codes=(0, _NO_MATCH))
    if output is None:
        raise StoreError(
            f"{project}: its git repository can't be read, so it isn't known which images its "
            "releases use; `git status` there says why"
        )
    return output
