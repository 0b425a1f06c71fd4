"""Writing the catalogue into a folder, which may be read by a web server meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote

from atlas.catalog.front import front_page
from atlas.catalog.parts import address
from atlas.catalog.pipeline import pipeline_page
from atlas.errors import AtlasError
from atlas.files import remove, write_shared

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.catalog.entries import Catalog

_LIST = ".atlas-catalog.json"
"""Which pages the last writing made: those of pipelines that have gone are removed by it."""


def write_site(catalog: Catalog, folder: Path) -> Path:
    """Write the site, and remove the pages of pipelines that have gone; return its front page.

    Pages are replaced one by one, the front page last. What isn't Atlas's own stays as it is.

    Raises:
        AtlasError: the folder has a front page that isn't the catalogue's, or can't be written.
    """
    before = _written(folder)
    if before is None and (folder / "index.html").exists():
        message = "has an index.html that isn't a catalogue's (give another --out)"
        raise AtlasError(f"{folder}: {message}")
    pages = {unquote(address(entry.name)): entry for entry in catalog.entries}
    try:
        (folder / "pipelines").mkdir(parents=True, exist_ok=True)
        _write(folder / _LIST, json.dumps(sorted({*pages, *(before or ())})))
        for name, entry in pages.items():
            _write(folder / name, pipeline_page(entry))
        _write(folder / "index.html", front_page(catalog))
        for name in sorted({*(before or ())} - {*pages}):
            remove(folder / name)
        _write(folder / _LIST, json.dumps(sorted(pages)))
    except OSError as error:
        reason = error.strerror or str(error)
        raise AtlasError(f"{folder}: can't be written: {reason}") from error
    return folder / "index.html"


def _written(folder: Path) -> set[str] | None:
    """Return the pages of the last writing; None where there was none.

    The list is a file that others may have changed: only names of pages are taken from it.
    """
    try:
        raw = json.loads((folder / _LIST).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return set()
    names = raw if isinstance(raw, list) else ()
    return {name for name in names if isinstance(name, str) and _is_page(name)}


def _is_page(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder == "pipelines" and file.endswith(".html") and not {"/", "\\"} & {*file}


def _write(path: Path, text: str) -> None:
    """Write a page that a web server may read; its readers never see a part of it."""
    write_shared(path, text.encode("utf-8", "backslashreplace"))
