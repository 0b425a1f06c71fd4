"""What there is to show of an artifact, on a page or a terminal; its value isn't made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.formats import BUILT_IN, named
from atlas.previews.table import READERS, PreviewedRows, rows_of

if TYPE_CHECKING:
    from atlas.store import Manifest, Store

MOST_SHOWN = 2 << 20
"""Size in bytes of the largest picture that is shown on another page."""
_MOST_TEXT = 64 << 10
_TEXTS = ("json", "text", "markdown", "lightgbm")
HIDDEN = 'what is in it isn\'t shown: "previews" is false in the Config or the Environment'
"""What is said in place of rows that nobody is to be shown."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What there is to show of one artifact.

    Attributes:
        rows: of a table, its first rows.
        element: of a picture, an HTML element that shows it.
        text: of plain data and text, its beginning.
        note: why there is nothing, where something went wrong.
    """

    rows: PreviewedRows | None = None
    element: str = ""
    text: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data, for a program: rows and text."""
        rows = self.rows
        table = {"columns": rows.columns, "rows": rows.rows, "count": rows.count} if rows else None
        found = {"table": table, "text": self.text, "note": self.note}
        return {name: value for name, value in found.items() if value}


def preview(
    store: Store, manifest: Manifest, *, most: int = 5, text: bool = True, hides_rows: bool = False
) -> Preview:
    """Return what there is to show of an artifact.

    Args:
        store: where it is.
        manifest: what it is.
        most: how many rows of a table.
        text: whether the beginning of text and plain data is wanted.
        hides_rows: whether neither rows nor text may be shown; a picture is made to be seen.
    """
    try:
        if hides_rows and (manifest.format in READERS or manifest.format in _TEXTS):
            return Preview(note=HIDDEN)
        return _preview(store, manifest, most, text=text)
    except (AtlasError, OSError, ValueError, ImportError) as error:
        return Preview(note=str(error).partition("\n")[0][:300])


def _preview(store: Store, manifest: Manifest, most: int, *, text: bool) -> Preview:
    rows = rows_of(store, manifest, most)
    if rows is not None:
        return Preview(rows=rows)
    if manifest.format not in BUILT_IN:
        return Preview()
    form = named(manifest.format)
    if form.shows == "picture" and manifest.size <= MOST_SHOWN:
        return Preview(element=form.page(store.content(manifest)))
    if text and manifest.format in _TEXTS and manifest.size <= MOST_SHOWN:
        whole = store.content(manifest).decode("utf-8", "replace")
        return Preview(text=whole if len(whole) <= _MOST_TEXT else f"{whole[:_MOST_TEXT]}…")
    return Preview()
