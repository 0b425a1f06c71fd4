"""What a step's result was made with: Python, packages, image, and the data that it read or wrote.

It is part of the step's outcome, and of what the cache keeps, so that a run says all of it itself,
also where an earlier result was taken. Lineage shows it, and `atlas reproduce` compares it.
"""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING, Any

from atlas.http.variables import IMAGE
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.step.data import DataHandle

READ, WRITTEN = "read", "written"
_LONGEST = 100


def provenance(run: str, handles: Iterable[DataHandle] = ()) -> dict[str, Any]:
    """Return what this process makes a result with.

    Args:
        run: sha256 of the run's record.
        handles: the data sets that the step was given.

    Returns:
        Plain data: ``run``, ``python``, ``packages`` (name → version of each that is imported),
        ``image`` in a container, and ``data``: what was read or written, each with URI, sha256 and
        size.
    """
    image = os.environ.get(IMAGE, "")
    data = [facts for handle in handles for facts in _data_of(handle)]
    return {
        "run": run,
        "python": platform.python_version(),
        "packages": imported_versions(),
        **({"image": image} if image else {}),
        **({"data": data} if data else {}),
    }


def imported_versions() -> dict[str, str]:
    """Return the version of each imported top-level module that states one, by name."""
    versions = {
        name: vars(module).get("__version__")
        for name, module in list(sys.modules.items())
        if "." not in name and name[:1] != "_" and hasattr(module, "__dict__")
    }
    return {
        name: version
        for name, version in sorted(versions.items())
        if isinstance(version, str) and 0 < len(version) <= _LONGEST and _is_package(name)
    }


def _is_package(name: str) -> bool:
    return name not in sys.stdlib_module_names


def _data_of(handle: DataHandle) -> Iterable[Mapping[str, Any]]:
    """Return what a step has read of a data set, and what it has written to it."""
    for action, parts in ((READ, handle.parts_read), (WRITTEN, handle.parts_written)):
        if parts:
            yield {
                "name": handle.name,
                "action": action,
                "uri": handle.uri,
                "sha256": digest_of_parts(parts),
                "size": sum(size for _, size in parts.values()),
                "parts": {key: sha256 for key, (sha256, _) in sorted(parts.items())},
            }


def digest_of_parts(parts: Mapping[str, tuple[str, int]]) -> str:
    """Return the sha256 of a file; for several, of their names and digests."""
    if len(parts) == 1:
        return next(iter(parts.values()))[0]
    return digest({key: sha256 for key, (sha256, _) in parts.items()})
