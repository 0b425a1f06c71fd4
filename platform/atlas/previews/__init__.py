"""Previews of artifacts: the first rows of a table, a picture, the beginning of plain data."""

from atlas.previews.artifact import Preview, preview
from atlas.previews.table import PreviewedRows, rows_of

__all__ = ["Preview", "PreviewedRows", "preview", "rows_of"]
