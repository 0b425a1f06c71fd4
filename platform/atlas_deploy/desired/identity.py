"""What tells one project from another: on every machine the same, wherever it is checked out."""

from __future__ import annotations

import hashlib
import re
import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from atlas.git import git

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.environment import Project

_SCP = re.compile(r"^(?:[^@/]+@)?([^:/]+):(?!//)(.+)$")
"""`git@host:path`, a remote as ssh has it."""
_DIGITS = 12


def identity_of(project: Project) -> str:
    """Return a project's id: the one of ``[tool.atlas]``, else one that is derived.

    Without an ``id``, it is the address of the git remote `origin` and the folder in the
    repository: ``github.com/acme/models/pricing``. Without a remote, it is the name in
    pyproject.toml and a digest of the folder's path.

    An id guards against accidents. It isn't access control: whoever may write to a platform's store
    may write any id.
    """
    return project.id or _derived(project.root)


def checkout_of(root: Path) -> str:
    """Return which folder of which repository a folder is a checkout of; empty where it is none.

    Of a repository without a remote, its work trees and clones on this machine are checkouts.
    """
    common = _text(git(root, "rev-parse", "--git-common-dir"))
    if not common:
        return ""
    remote = _text(git(root, "config", "--get", "remote.origin.url"))
    inside = _text(git(root, "rev-parse", "--show-prefix")).strip("/")
    here = root / (remote.removeprefix("file://") or common)
    return f"{_address(remote) or str(here.resolve()).removesuffix('/.git')}//{inside}"


@lru_cache(maxsize=100)
def _derived(root: Path) -> str:
    """Return the id of a project that has none."""
    remote = _text(git(root, "config", "--get", "remote.origin.url"))
    inside = _text(git(root, "rev-parse", "--show-prefix")).strip("/")
    address = _address(remote)
    if address:
        return f"{address}/{inside}" if inside else address
    digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:_DIGITS]
    return f"{_name(root)}-{digest}"


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace").strip()


def _address(remote: str) -> str:
    """Return host and path of a remote, whichever way it is reached; empty for one on this disk."""
    short = _SCP.match(remote)
    url = urlsplit(f"ssh://{short[1]}/{short[2]}" if short else remote)
    path = url.path.strip("/").removesuffix(".git")
    return f"{url.hostname}/{path}" if url.hostname and path else ""


def _name(root: Path) -> str:
    """Return the name that a project's pyproject.toml gives it, else its folder's."""
    try:
        document = tomllib.loads((root / "pyproject.toml").read_text("utf-8-sig"))
        return str(document["project"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return root.name or "project"
