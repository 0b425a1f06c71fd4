"""What is deployed, by its sha256: the content is in the store, its digest in Pulumi's state."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.store import open_location

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = "deployments/content"


def digest_of(content: bytes) -> str:
    """Return the digest by which content is known."""
    return hashlib.sha256(content).hexdigest()


def put(store: str, content: bytes) -> str:
    """Keep content, unless it is there, and return its digest.

    Args:
        store: the store's URL.
        content: what to keep.

    Raises:
        StoreError: it can't be written.
    """
    digest = digest_of(content)
    place, key = open_location(store), f"{_FOLDER}/{digest}"
    if not place.exists(key):
        place.create(key, content)
    return digest


def get(store: str, digest: str) -> bytes:
    """Return the content of a digest.

    Raises:
        StoreError: it isn't there, or isn't what was kept.
    """
    key = f"{_FOLDER}/{digest}"
    try:
        content = open_location(store).read(key)
    except FileNotFoundError:
        raise StoreError(f"{store}/{key}: there is no such content; deploy again") from None
    if digest_of(content) != digest:
        hint = "remove that file and deploy again"
        raise StoreError(f"{store}/{key}: isn't the content of its name; {hint}")
    return content


def get_all(store: str, members: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of every member, before anything is done with any of it.

    Raises:
        StoreError: one isn't there, or isn't what was kept.
    """
    return {name: get(store, digest) for name, digest in members.items()}
