"""Whether images that are recorded as pushed are still in the registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.images.records import read_record
from atlas.images.wanted import wanted_images

if TYPE_CHECKING:
    from collections.abc import Iterable

    from atlas.images.records import Built
    from atlas.images.registry import Registry
    from atlas.plan import Pipeline
    from atlas.store import Store

_AT_ONCE = 8


def require_pushed(pipelines: Iterable[Pipeline], store: Store, registry: Registry) -> None:
    """Refuse images whose recorded digest the registry doesn't have any more.

    An image that isn't recorded as pushed isn't looked for. The registry is asked once an image.

    Args:
        pipelines: whose images.
        store: where builds are recorded.
        registry: where they have to be.

    Raises:
        DeployError: I201, at least one of them is gone; it names them all.
        PlatformError: I206, the registry refuses, or doesn't answer.
    """
    known = (read_record(store, one.repository, one.tag) for one in wanted_images(pipelines))
    pushed = [built for built in known if built is not None and built.digest]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        there = list(pool.map(lambda built: _is_there(built, registry), pushed))
    gone = [built.pinned for built, is_there in zip(pushed, there, strict=True) if not is_there]
    if gone:
        what = f"registry {registry.host}: images that were pushed are gone: {', '.join(gone)}"
        raise DeployError(f"I201: {what}; `atlas build` builds and pushes them again")


def _is_there(built: Built, registry: Registry) -> bool:
    return registry.digest(built.repository, built.digest) == built.digest
