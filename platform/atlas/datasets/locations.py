"""Places of data sets: folders of this machine, and what fsspec reaches by a closed list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.data_formats import PROTOCOLS, scheme_of
from atlas.errors import StoreError
from atlas.store import open_location
from atlas.uris import is_file_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Location


def open_data_location(url: str, options: Mapping[str, Any] | None = None) -> Location:
    """Return the place at a URL.

    Args:
        url: a path, ``file:``, or one of `atlas.data_formats.PROTOCOLS`.
        options: fsspec's storage options, of a secret; the environment says the rest.

    Raises:
        StoreError: it is none of these, or what it needs isn't installed.
    """
    scheme = scheme_of(url)
    if is_file_uri(url) or scheme == url or (scheme == "s3" and not options):
        return open_location(url, links=True)
    if scheme not in PROTOCOLS:
        known = ", ".join(f"{name}:" for name in PROTOCOLS)
        raise StoreError(f"{url}: unknown protocol '{scheme}'; expected {known}")
    from atlas.store.remote import BucketLocation

    way = PROTOCOLS[scheme]
    return BucketLocation(url, options, extra=way.extra, has_folders=way.has_folders)
