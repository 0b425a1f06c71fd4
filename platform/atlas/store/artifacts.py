"""Checking an artifact's bytes on their way in and out."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats import PROVEN, proves_itself
from atlas.store.manifest import path_digest, path_size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.formats import Encoded, Facts, Format
    from atlas.formats.trust import Trust
    from atlas.store.manifest import Manifest

_CONCURRENT = 8 << 20
"""Size in bytes from which on a file's digest is taken while it is being read."""


@contextmanager
def failed(where: str, what: str) -> Iterator[None]:
    """Turn what a format raises into a `StoreError`; an operating system's error stays itself."""
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        raise StoreError(f"{where}: {what}: {first or type(error).__name__}") from error


def encode(kind: Encoded, value: Any, where: str, trust: Trust) -> tuple[bytes, Facts]:
    """Return a value's bytes and facts, from which it can be read again.

    Raises:
        StoreError: the format can't keep it, or doesn't give back what it was given.
    """
    with failed(where, f"can't be written as {kind.name}"):
        content, facts = kind.pack(value, trust)
    if len(content) <= PROVEN and not proves_itself(kind):
        with failed(where, f"can't be read back as {kind.name}"):
            kind.unpack(content, facts, trust)
    return content, facts


def write(kind: Format, value: Any, path: Path, where: str, trust: Trust) -> Facts:
    """Write a value to a file or folder, from which it can be read again.

    A format that proves what it wrote says so; what another wrote is read once, unless it is big.

    Raises:
        StoreError: the format can't keep it, or doesn't give back what it was given.
    """
    with failed(where, f"can't be written as {kind.name}"):
        facts = dict(kind.write_trusting(value, path, trust))
    if not proves_itself(kind) and path_size(path) <= PROVEN:
        with failed(where, f"can't be read back as {kind.name}"):
            kind.read_trusting(path, facts, trust)
    return facts


def check_content(content: bytes, manifest: Manifest, where: str) -> None:
    """Compare what was read with the manifest.

    Raises:
        StoreError: they differ.
    """
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise StoreError(corrupt(where, manifest, len(content)))


def check_path(path: Path, manifest: Manifest, where: str, kind: Format, trust: Trust) -> Any:
    """Read a file or folder, compare it with the manifest, and return its value.

    Raises:
        StoreError: they differ, or the format can't read it.
        FileNotFoundError: there is nothing.
    """
    if manifest.size < _CONCURRENT:
        _check_digest(path, manifest, where)
        return _read(path, manifest, where, kind, trust)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as other:
        check = other.submit(_check_digest, path, manifest, where)
        if kind.makes_objects:
            check.result()
        try:
            return _read(path, manifest, where, kind, trust)
        finally:
            check.result()


def _check_digest(path: Path, manifest: Manifest, where: str) -> None:
    sha256, size = path_digest(path, manifest.size)
    if sha256 != manifest.sha256:
        raise StoreError(corrupt(where, manifest, size))


def _read(path: Path, manifest: Manifest, where: str, kind: Format, trust: Trust) -> Any:
    with failed(where, f"can't be read as {kind.name}"):
        return kind.read_trusting(path, manifest.facts, trust)


def corrupt(where: str, manifest: Manifest, size: int) -> str:
    """Say that an artifact isn't what was written, and what to do."""
    difference = f"found {size} bytes, expected {manifest.size}" if size != manifest.size else (
        f"its sha256 isn't {manifest.sha256[:12]}…"
    )  # fmt: skip
    return f"{where}: corrupt: {difference}; run the step that writes it again with --no-cache"
