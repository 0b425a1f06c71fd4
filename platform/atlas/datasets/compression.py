"""Files that are compressed, as their ending says: opened to read or to write their content.

What a file unpacks to is limited: a few megabytes may unpack to more than a machine has memory for.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from atlas.data_formats import LIMIT, compression_of
from atlas.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST, _TIMES = 2**30, 200
"""What any file may unpack to in bytes, and how many times its size a larger one may."""
_BUFFER = 2**20


def most_unpacked(size: int, stated: int = 0) -> int:
    """Return how many bytes a file may unpack to.

    Args:
        size: of the compressed file, in bytes.
        stated: as the Environment says; 0 where it says nothing.
    """
    return stated or max(_MOST, _TIMES * size)


def too_large(size: int, most: int) -> StoreError:
    """Return the error that a file unpacks to more than it may."""
    found = f"its {size:,} bytes unpack to more than {most:,}, the most that is read"
    return StoreError(f"{found}; set {LIMIT} to more where the file is to be trusted")


@contextmanager
def opened(path: Path, mode: str = "rb", most: int = 0) -> Iterator[IO[bytes]]:
    """Open a file's content in binary, whatever it is compressed with.

    Args:
        path: the file, whose ending says how it is compressed: ``.gz``, ``.zip``, ``.bz2``,
            ``.xz``, ``.zst`` or not at all.
        mode: ``rb`` or ``wb``.
        most: how many bytes it may unpack to; by default `most_unpacked`.

    Raises:
        StoreError: a ``.zip`` has not just one file in it; or a read comes to more than it may.
    """
    opener = _OPENERS.get(compression_of(path.name))
    if opener is None:
        with open(path, mode) as file:
            yield file
        return
    with opener(path, mode) as file:
        if mode == "wb":
            yield file
        else:
            yield io.BufferedReader(_Counted(file, path.stat().st_size, most), _BUFFER)


class _Counted(io.RawIOBase):
    """What a file unpacks to, up to a limit."""

    def __init__(self, file: IO[bytes], size: int, stated: int) -> None:
        super().__init__()
        self._file, self._size = file, size
        self._most, self._count = most_unpacked(size, stated), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read on.

        Raises:
            StoreError: that is more than the file may unpack to.
        """
        found = self._file.read(len(buffer))
        self._count += len(found)
        if self._count > self._most:
            raise too_large(self._size, self._most)
        buffer[: len(found)] = found
        return len(found)


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
