"""The public address of a repository: where its code is, and nothing that opens it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from atlas.git.asking import git

if TYPE_CHECKING:
    from pathlib import Path

_SHORT = re.compile(r"(?:[^/@:\s]+@)?([^/@:\s]{2,}):(?!/)(\S+)")
"""ssh's short form: ``git@host:path``; a drive of Windows has one letter."""
_SCHEMES = ("http", "https", "ssh", "git")
_OTHER_HOST = re.compile(r"(vs-)?ssh\.|git-codecommit\.")
"""Hosts of forges whose pages are on another host than their repositories by ssh."""


def repository_of(folder: Path) -> str:
    """Return the address of the remote ``origin`` of a folder's repository; empty for none."""
    words = ("config", "--get", "remote.origin.url")
    return public_address(os.fsdecode(git(folder, *words, codes=(0, 1)) or b"").strip())


def public_address(remote: str) -> str:
    """Return a remote's URL without user, password, query and fragment.

    Args:
        remote: a URL, or ssh's short form, which becomes a URL.

    Returns:
        The URL; empty for a folder of this machine, and for what is no address.
    """
    short = _SHORT.fullmatch(remote)
    try:
        url = urlsplit(f"ssh://{short[1]}/{short[2]}" if short else remote)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        return ""
    if url.scheme not in _SCHEMES or not url.hostname:
        return ""
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}{port}{url.path}"


def web_address(address: str) -> str:
    """Return where a browser finds a repository, as GitHub, GitLab, Gitea and Bitbucket have it.

    Args:
        address: what `public_address` returns.

    Returns:
        A URL of http or https that is safe in Markdown; empty where the address of the pages
        doesn't follow from that of the repository: by ssh at a port of its own.
    """
    url = urlsplit(address)
    is_web = url.scheme in ("http", "https")
    path = quote(unquote(url.path.rstrip("/").removesuffix(".git")), safe="/~@:+,-._")
    if not path or (not is_web and (url.port or _OTHER_HOST.match(url.netloc))):
        return ""
    return f"{url.scheme if is_web else 'https'}://{url.netloc}{path}"
