"""Outputs that tell a secret: they are the user's data and are kept as they are, with a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.step.job import Job
    from atlas.store import Manifest

_MOST_BYTES = 4 << 20
"""Size of the largest artifact that is looked through."""


def warnings_of(job: Job, manifests: Mapping[str, Manifest]) -> tuple[str, ...]:
    """Return a warning for each output that holds a secret, and log it.

    What is stored compressed, or is larger than 4 MiB, isn't looked through.
    """
    if not job.mask:
        return ()
    names = [name for name, manifest in manifests.items() if _tells(job, manifest)]
    texts = tuple(
        f"output '{name}' contains the value of a secret; artifacts are stored as they are"
        for name in names
    )
    for text in texts:
        job.logger.warning(text)
    return texts


def _tells(job: Job, manifest: Manifest) -> bool:
    if manifest.size > _MOST_BYTES:
        return False
    try:
        return job.mask.finds(job.store.location.read(manifest.data))
    except (StoreError, OSError):  # A folder, or gone already.
        return False
