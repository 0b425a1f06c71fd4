"""Images as the store remembers them: by repository, with digest or tag, without a host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.lineage.plain import read_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.store import Store

_FOLDER = "images"
_HOST = re.compile(r"^(?:[^/@]*[.:][^/@]*|localhost)/")


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image that was built.

    Attributes:
        repository: without a registry's host.
        tag: its content tag.
        digest: in the registry, ``sha256:…``; empty for one that wasn't pushed.
        base: what it is built on.
        code: digest of the code in it.
        commit: git commit of the pipeline's folder.
        sbom: key of its bill of materials.
        source: where it was read.
    """

    repository: str
    tag: str
    digest: str = ""
    base: str = ""
    base_digest: str = ""
    python: str = ""
    atlas: str = ""
    code: str = ""
    commit: str = ""
    sbom: str = ""
    created: str = ""
    source: str = ""

    @property
    def name(self) -> str:
        """Its repository with its digest, or with its tag where it wasn't pushed."""
        return f"{self.repository}@{self.digest}" if self.digest else self.tagged

    @property
    def tagged(self) -> str:
        """Its repository with its tag."""
        return f"{self.repository}:{self.tag}"


def without_host(reference: str) -> str:
    """Return an image's reference without the registry's host: that differs between platforms."""
    return _HOST.sub("", reference)


def known_images(store: Store) -> Iterator[KnownImage]:
    """Give every image that the store remembers; a record that can't be read is left out."""
    for entry in sorted(store.location.entries(_FOLDER)):
        if not entry.key.endswith(".json") or entry.key.endswith(".cdx.json"):
            continue
        raw = read_object(store.location, entry.key)
        if raw is not None:
            texts = {name: str(raw.get(name) or "") for name in _NAMES}
            yield KnownImage(**texts, source=f"{store.url}/{entry.key}")


_NAMES = tuple(name for name in KnownImage.__slots__ if name != "source")
