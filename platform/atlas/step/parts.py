"""The parts of a model version: where they may be read from, and whether they are those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.store import Store, open_store
from atlas.store.keys import is_artifact_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.store import Manifest, ModelPart


def located(own: Store, stores: Iterable[str], uri: str) -> tuple[Store, str]:
    """Return the store and the key of a part's URI.

    A registry's record says where a part is; which stores are read at all, the run and its
    Environment say.

    Args:
        own: the run's store.
        stores: URLs of the others that the Environment names.
        uri: the part's.

    Raises:
        StoreError: it is in none of them, or isn't an artifact's.
    """
    for url in (own.url, *stores):
        if uri.startswith(f"{url}/"):
            key = uri.removeprefix(f"{url}/")
            if not is_artifact_key(key):
                raise StoreError(
                    f"{uri}: isn't an artifact of the store {url}; train the model again"
                )
            return (own if url == own.url else open_store(url)), key
    known = ", ".join((own.url, *stores))
    raise StoreError(
        f"{uri}: the registered part is in no store that this run may read; expected one in "
        f"{known}; if you trust its store, name it in the Environment: "
        '"stores": ["s3://team-models/atlas"]'
    )


def check_part(part: ModelPart, manifest: Manifest, *, own: bool) -> None:
    """Compare an artifact with what was registered.

    Args:
        part: what the registry says.
        manifest: what is there.
        own: whether it is in the run's own store.

    Raises:
        StoreError: they differ, or the registry doesn't say enough of a part of another store.
    """
    where = f"{part.uri}: isn't the part that was registered"
    if manifest.sha256 != part.sha256:
        difference = f"its sha256 is {manifest.sha256[:12]}…, expected {part.sha256[:12]}…"
        raise StoreError(f"{where}: {difference}")
    if part.manifest and manifest.digest != part.manifest:
        difference = (
            f"its manifest's digest is {manifest.digest[:12]}…, expected {part.manifest[:12]}…"
        )
        raise StoreError(f"{where}: {difference} (its format, type or facts have been changed)")
    if not part.manifest and not own:
        raise StoreError(
            f"{part.uri}: was registered without the digest of its manifest, by an earlier version "
            "of Atlas; such a part is read from the run's own store only; train the model again"
        )
