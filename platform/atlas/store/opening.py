"""Opening a store by its URL."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.store.folder import FolderLocation
from atlas.store.store import Store
from atlas.uris import path_of

if TYPE_CHECKING:
    from atlas.store.location import Location


def open_store(url: str) -> Store:
    """Return the store at a URL.

    Args:
        url: ``file:///folder`` or a folder's path, or ``s3://bucket/prefix``.

    Raises:
        StoreError: it is none of these, or what it needs isn't installed.
    """
    return Store(open_location(url))


@lru_cache(maxsize=64)
def open_location(url: str, *, links: bool = False) -> Location:
    """Return the place at a URL, over os calls for files and fsspec for S3.

    Args:
        url: as `open_store` takes it.
        links: whether links in a folder of this machine are followed, which they aren't in a store.

    Raises:
        StoreError: it is neither, or what it needs isn't installed.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or scheme == "file" or "/" in scheme:
        return FolderLocation(path_of(url), links=links)
    if scheme != "s3":
        raise StoreError(f"{url}: unknown scheme '{scheme}'; expected file: or s3:")
    from atlas.store.remote import BucketLocation

    return BucketLocation(url.rstrip("/"))
