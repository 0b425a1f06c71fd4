"""Where things are in a store."""

from __future__ import annotations

import re
from functools import lru_cache

from atlas.errors import StoreError
from atlas.registered import STORE_FOLDERS

RESERVED = (
    *("plans", "code", "cache", "models", "champions", "deployments", "data", "images", "metrics"),
    "openlineage",
    "measurements",
    *("profiles", "monitor", "retrainings", "requests"),
    *STORE_FOLDERS,
)
"""Folders of the store that aren't a pipeline's."""

MODEL_OWNERS = "deployments/owners/models"
"""Folder with a file for each registered model whose name a deployment has taken."""
MEASUREMENTS = "measurements"
"""Folder with what is known of each batch that a deployed model has predicted."""
PROFILES = "profiles"
"""Folder with what models were trained on and what batches looked like, in counts."""
MANIFEST = "manifest.json"
OUTCOME = "outcome.json"
RUN = "run.json"
LAUNCHED = "launched.json"
"""In a run's folder: to which target it was given, before that had it."""
ORCHESTRATED = "orchestrator.json"
"""In a run's folder: the orchestrator's own ids of it."""
PAGE = "page.json"
"""In a run's folder: where its orchestrator shows it."""


INDEX = ".atlas-index"
"""Folder of the store with indexes: copies of what is elsewhere, which are safe to lose."""
LINKS = "links"
"""The index of what runs are linked with."""


@lru_cache(maxsize=64)
def run_key(pipeline: str, run: str) -> str:
    """Return the folder of a run.

    Raises:
        StoreError: the run's id or the pipeline's name can't be a folder's.
    """
    wrong = any(_no_folder_name(name) for name in (pipeline, run))
    if wrong or pipeline in RESERVED:
        expected = f"a name without / that isn't {', '.join(RESERVED)}"
        raise StoreError(f"no run can be called {pipeline!r}/{run!r}; expected {expected}")
    return f"{pipeline}/{run}"


def is_run_id(name: str) -> bool:
    """Tell whether a run can have this id: it names a folder of the store."""
    return not _no_folder_name(name)


def index_key(pipeline: str, name: str = "") -> str:
    """Return the file of an index of a pipeline's runs."""
    return "/".join(filter(None, (INDEX, name, f"{pipeline}.json")))


def changed_key(pipeline: str, name: str) -> str:
    """Return the folder of notes on runs that an index has to read again."""
    return "/".join(filter(None, (INDEX, name, f"{pipeline}.changed")))


def unit_key(pipeline: str, run: str, step: str, index: int | None) -> str:
    """Return the folder of a step, or of one key of it."""
    base = f"{run_key(pipeline, run)}/{step}"
    return base if index is None else f"{base}/{index:0{_DIGITS}d}"


def is_index(name: str) -> bool:
    """Tell whether a name in a step's folder is that of the unit of one key."""
    return name.isascii() and name.isdecimal() and len(name) >= _DIGITS


def artifact_key(pipeline: str, run: str, step: str, output: str, index: int | None) -> str:
    """Return the folder of an artifact."""
    return f"{unit_key(pipeline, run, step, index)}/{output}"


def checked_key(key: str) -> str:
    """Return a key that is a path inside its place.

    Raises:
        StoreError: it has an empty part, or one such as ``..``.
    """
    if "\0" in key or "\\" in key or not _NORMAL.isdisjoint(key.split("/")):
        raise StoreError(f"{key[:200]!r} isn't a key of a store: it isn't a path inside of it")
    return key


_DIGITS = 4
"""The fewest that a key's folder is named by."""
_NORMAL = frozenset(("", ".", ".."))
_ARTIFACT = re.compile(r"[^/]+/[^/]+/[^/]+(/[0-9]{4,})?/[^/]+")
_DATA = re.compile(r"data(\.[A-Za-z0-9][A-Za-z0-9._-]{0,30})?")


def is_artifact_key(key: str) -> bool:
    """Tell whether a key is that of an artifact's folder, as `artifact_key` gives it."""
    parts = key.split("/")
    odd = any(map(_no_folder_name, parts)) or parts[0] in RESERVED
    return _ARTIFACT.fullmatch(key) is not None and not odd


def is_data_key(key: str) -> bool:
    """Tell whether a key is that of an artifact's data, in the artifact's folder."""
    folder, _, name = key.rpartition("/")
    return _DATA.fullmatch(name) is not None and is_artifact_key(folder)


def _no_folder_name(name: str) -> bool:
    odd = not name or len(name.encode("utf-8", "replace")) > 200 or name[0] in ". "  # noqa: PLR2004
    return odd or any(c in "/\\" or not c.isprintable() for c in name)
