"""Files that are compressed, as their ending says: opened to read or to write their content."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

from atlas.data_formats import compression_of
from atlas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def opened(path: Path, mode: str = "rb") -> Iterator[IO[bytes]]:
    """Open a file's content in binary, whatever it is compressed with.

    Args:
        path: the file, whose ending says how it is compressed: ``.gz``, ``.zip``, ``.bz2``,
            ``.xz``, ``.zst`` or not at all.
        mode: ``rb`` or ``wb``.

    Raises:
        StoreError: a ``.zip`` has not just one file in it.
    """
    with _OPENERS.get(compression_of(path.name), _plain)(path, mode) as file:
        yield file


@contextmanager
def _plain(path: Path, mode: str) -> Iterator[IO[bytes]]:
    with open(path, mode) as file:
        yield file


@contextmanager
def _gzip(path: Path, mode: str) -> Iterator[IO[bytes]]:
    import gzip

    # Without a time, for the same rows are the same bytes.
    with open(path, mode) as raw, gzip.GzipFile("", mode, fileobj=raw, mtime=0) as file:
        yield file  # type: ignore[misc]


@contextmanager
def _bz2(path: Path, mode: str) -> Iterator[IO[bytes]]:
    import bz2

    with cast("IO[bytes]", bz2.open(path, mode)) as file:
        yield file


@contextmanager
def _xz(path: Path, mode: str) -> Iterator[IO[bytes]]:
    import lzma

    with cast("IO[bytes]", lzma.open(path, mode)) as file:
        yield file


@contextmanager
def _zstandard(path: Path, mode: str) -> Iterator[IO[bytes]]:
    import pyarrow

    with (
        pyarrow.OSFile(str(path), mode) as raw,
        (
            pyarrow.CompressedInputStream(raw, "zstd")
            if mode == "rb"
            else pyarrow.CompressedOutputStream(raw, "zstd")
        ) as file,
    ):
        yield file


@contextmanager
def _zip(path: Path, mode: str) -> Iterator[IO[bytes]]:
    import zipfile

    if mode == "wb":
        entry = zipfile.ZipInfo(path.name.removesuffix(".zip"))
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w") as archive, archive.open(entry, "w") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not _is_extra(name)]
        if len(names) != 1:
            found = f"found {len(names)} files in the archive"
            raise StoreError(f"{found}, expected one; put each in a file of its own")
        with archive.open(names[0]) as file:
            yield file


def _is_extra(name: str) -> bool:
    """Tell whether an entry is a folder, or what macOS adds of its own."""
    return name.endswith("/") or name.startswith("__MACOSX/") or name == ".DS_Store"


_OPENERS = {"gz": _gzip, "bz2": _bz2, "xz": _xz, "zst": _zstandard, "zip": _zip}
