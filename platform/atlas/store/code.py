"""Snapshots of pipelines' code, by digest: editing a file never changes what is deployed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from atlas.errors import StoreError
from atlas.plan.code import code_digest, code_files

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.store.store import Store


def add_code(store: Store, folder: Path, digest: str) -> None:
    """Keep a copy of a pipeline's code under its digest.

    Args:
        store: where to keep it.
        folder: the pipeline's folder.
        digest: what `atlas.plan.code_digest` gave for it: `Plan.code`.

    Raises:
        StoreError: the folder has changed since, or the copy can't be written.
    """
    key = code_key(digest)
    if store.location.exists(key):
        return
    with store.location.writing(key) as copy:
        copy.mkdir()
        for file in code_files(folder):
            target = copy / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        if code_digest(copy) != digest:
            raise StoreError(f"{folder}: the code has changed since it was read; run it again")


def code_folder(store: Store, digest: str) -> Path:
    """Return a local folder with the code of a digest, to import from.

    Raises:
        StoreError: there is no such snapshot, or it isn't what was written.
    """
    key = code_key(digest)
    try:
        folder = store.location.local(key)
    except FileNotFoundError:
        folder = None
    if folder is None or not folder.is_dir():
        raise StoreError(f"{store.url}/{key}: there is no such code; deploy the pipeline again")
    if code_digest(folder) != digest:
        hint = "remove that folder and deploy the pipeline again"
        raise StoreError(f"{store.url}/{key}: isn't the code of its name; {hint}")
    return folder


def code_key(digest: str) -> str:
    """Return the folder of the store that holds the code of a digest."""
    return f"code/{digest}"
