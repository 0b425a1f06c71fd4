"""Paths as ``file:`` URIs and back: one way each, whatever is in a path.

A path is written with everything escaped that means something in a URI. It is read back to the end:
``#`` and ``?`` are letters of a path, as ``file:`` URIs that a person writes have them too.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from atlas.errors import StoreError

_FILE = "file:"
_HOSTS = ("", "localhost")


def uri_of(path: str | os.PathLike[str]) -> str:
    """Return a path's URI: ``file:///folder``; a slash at the end of the path stays."""
    text = os.fspath(path)
    return Path(text).absolute().as_uri() + ("/" if text.endswith("/") and text != "/" else "")


def is_file_uri(url: str) -> bool:
    """Tell whether a URL is a path of a machine."""
    return url.startswith(_FILE)


def path_of(url: str) -> Path:
    """Return the path that a ``file:`` URI or a plain path stands for.

    Raises:
        StoreError: it names another machine.
    """
    if not is_file_uri(url):
        return Path(url)
    rest = url.removeprefix(_FILE)
    host, path = "", rest
    if rest.startswith("//"):
        host, slash, path = rest.removeprefix("//").partition("/")
        path = slash + path
    if host not in _HOSTS:
        raise StoreError(f"{url}: is on another machine; expected file:///folder")
    return Path(unquote(path) or "/")


def inside(folder: str | os.PathLike[str], rest: str) -> str:
    """Return the URI of what is in a folder under a relative path; a slash at its end stays.

    Raises:
        StoreError: it isn't in the folder.
    """
    root = os.path.abspath(folder)
    path = os.path.abspath(os.path.join(root, rest.lstrip("/")))
    if path != root and not path.startswith(f"{root.rstrip('/')}/"):
        raise StoreError(f"{rest}: found a path that leaves {root}, expected one in it")
    return uri_of(f"{path}/" if rest.endswith("/") else path)


def secret_file(folder: str, name: str) -> str:
    """Return the path of the private file that holds a secret.

    Args:
        folder: URL of the folder of secrets.
        name: the secret's name.

    Returns:
        Its path; empty where one of the two is, or the folder is none of this machine's.
    """
    is_here = is_file_uri(folder) or (folder and ":" not in folder)
    return str(path_of(folder) / f"{name}.json") if is_here and name else ""
