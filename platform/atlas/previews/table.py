"""The first rows of a table or an array, read without the rest of it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.store.manifest import path_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from atlas.store import Manifest, Store

MOST_BYTES = 64 << 20
"""Size in bytes up to which a table is looked into: its digest is checked first."""
_MOST_COLUMNS = 20
_MOST_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class PreviewedRows:
    """The beginning of a table.

    Attributes:
        columns: names of the first columns.
        rows: their cells as text, row by row.
        count: how many rows the table has.
        width: how many columns the table has.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    count: int
    width: int

    @property
    def shape(self) -> str:
        """The table's size in words: ``120 rows, 7 columns``."""
        return f"{self.count:,} rows, {self.width:,} columns"


def rows_of(store: Store, manifest: Manifest, most: int = 5) -> PreviewedRows | None:
    """Return the first rows of an artifact; None of one that is no table, or is too large.

    Args:
        store: where it is.
        manifest: what it is.
        most: how many rows.

    Raises:
        StoreError: it can't be read.
        OSError: likewise.
    """
    read = READERS.get(manifest.format)
    if read is None or manifest.size > MOST_BYTES:
        return None
    path = store.location.local(manifest.data)
    if path_digest(path, manifest.size)[0] != manifest.sha256:
        return None
    return read(path, most)


def _of_parquet(path: Path, most: int) -> PreviewedRows:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        count = file.metadata.num_rows
        batch = next(file.iter_batches(most, columns=names[:_MOST_COLUMNS]), None)
        return _shown(batch, names, count, most)


def _of_arrow(path: Path, most: int) -> PreviewedRows:
    import pyarrow

    with pyarrow.memory_map(str(path)) as source:
        table = pyarrow.ipc.open_file(source).read_all()
        return _shown(table.select(range(min(_MOST_COLUMNS, table.num_columns))),
                      table.column_names, table.num_rows, most)  # fmt: skip


def _shown(part: Any, names: list[str], count: int, most: int) -> PreviewedRows:
    kept = names[:_MOST_COLUMNS]
    columns = (
        []
        if part is None
        else [part.column(i).slice(0, most).to_pylist() for i in range(len(kept))]
    )
    rows = tuple(tuple(map(_cell, row)) for row in zip(*columns, strict=True))
    return PreviewedRows(tuple(_cell(name) for name in kept), rows, count, len(names))


def _of_npy(path: Path, most: int) -> PreviewedRows:
    import numpy

    array = numpy.load(path, mmap_mode="r", allow_pickle=False)
    flat = array.reshape(array.shape[0] if array.ndim else 1, -1) if array.size else array
    if not array.size:
        return PreviewedRows((), (), len(array) if array.ndim else 0, 0)
    width = flat.shape[1]
    names = tuple(str(i) for i in range(min(width, _MOST_COLUMNS)))
    rows = _texts(flat[:most, :_MOST_COLUMNS].tolist(), most)
    return PreviewedRows(names, rows, len(flat), width)


def _texts(rows: Iterable[Iterable[Any]], most: int) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(_cell, row)) for row in islice(rows, most))


def _cell(value: Any) -> str:
    """Return a cell as people read it, on one line, cut where it is long."""
    text = f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)[:200]
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


READERS: Mapping[str, Callable[[Path, int], PreviewedRows]] = {
    "parquet": _of_parquet,
    "arrow": _of_arrow,
    "npy": _of_npy,
}
"""Format → what reads its first rows."""
