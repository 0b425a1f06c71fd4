"""What was published last of a pipeline's monitor, as it can be read without a check."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.store.keys import run_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.store import Store

REPORT, LAST = "report.html", "last.json"
"""Files of a pipeline in its monitor's folder of the store."""
FORMAT = 1


def file_key(pipeline: str, name: str) -> str:
    """Return where a file of a pipeline's monitor is in the store.

    Raises:
        StoreError: the pipeline's name can't be a folder's.
    """
    run_key(pipeline, name)
    return f"monitor/{pipeline}/{name}"


def last_check(store: Store, pipeline: str) -> Mapping[str, Any] | None:
    """Return what was published last of a pipeline, as plain data; None where nothing was.

    It has what `CheckedPipeline.to_json` gives, and ``states``: what has become of events.

    Raises:
        StoreError: it can't be read.
    """
    key = file_key(pipeline, LAST)
    try:
        raw = json.loads(store.location.read(key))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT or not _is_whole(raw):
        hint = "remove it; the next check writes it again"
        raise StoreError(f"{store.url}/{key}: isn't a check of this version of Atlas; {hint}")
    return raw


def _is_whole(raw: Mapping[str, Any]) -> bool:
    """Tell whether what was read has lists of objects where it has to."""
    lists = (raw.get("triggers"), raw.get("states"))
    return all(isinstance(part, list) and all(isinstance(x, dict) for x in part) for part in lists)
