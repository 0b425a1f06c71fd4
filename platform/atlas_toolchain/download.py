"""The official build of the engine, checked against a SHA-256 digest that comes with Atlas.

This runs while `make setup` has installed nothing yet, so it uses urllib alone and not the HTTP
client of the SDK.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING

from atlas_toolchain import catalog

if TYPE_CHECKING:
    from typing import Protocol

    class _Readable(Protocol):
        def read(self, size: int, /) -> bytes: ...


BASES = (
    "https://get.pulumi.com/releases/sdk",
    f"https://github.com/pulumi/pulumi/releases/download/v{catalog.PULUMI}",
)
#: SHA-256 digests of the archives, in the form that Pulumi publishes and `sha256sum` reads.
CHECKSUMS = Path(__file__).parent / f"pulumi-{catalog.PULUMI}-checksums.txt"
#: Seconds without an answer, after which a server counts as out of reach.
PATIENCE = 8
_MOST_BYTES = 1 << 30
_CHUNK = 1 << 20
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def archive() -> str:
    """Return the name of the archive for this machine."""
    system = os.uname()
    machine = _MACHINES.get(system.machine.lower(), system.machine)
    return f"pulumi-v{catalog.PULUMI}-{system.sysname.lower()}-{machine}.tar.gz"


def checksums() -> dict[str, str]:
    """Return the SHA-256 digest of each archive of the pinned version, by the archive's name."""
    return read_checksums(CHECKSUMS)


def read_checksums(path: Path) -> dict[str, str]:
    """Return the SHA-256 digests of a file in the form that `sha256sum` reads, by name."""
    lines = path.read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def fetch(folder: Path) -> list[Path]:
    """Download the engine and its language hosts into a folder, from the first place that has them.

    Nothing is unpacked before the whole archive has the digest that comes with Atlas.

    Returns:
        The programs, the engine last.

    Raises:
        OSError: no place answers, what came has another digest, Atlas has none for this machine,
            or the disk is full.
        tarfile.TarError: what came isn't an archive.
    """
    expected = checksums().get(archive())
    if expected is None:
        raise OSError(f"{archive()}: no checksum in {CHECKSUMS.name}, so it isn't downloaded")
    refusals: list[OSError] = []
    for base in BASES:
        try:
            return unpacked(f"{base}/{archive()}", expected, folder)
        except OSError as error:
            refusals.append(error)
    # A wrong digest matters more than a server that is out of reach.
    raise next((error for error in refusals if isinstance(error, ChecksumError)), refusals[-1])


class ChecksumError(OSError):
    """What was downloaded isn't what was expected."""


def unpacked(url: str, expected: str, folder: Path) -> list[Path]:
    """Download an archive beside its files, check it, and unpack it.

    Raises:
        OSError: there is no answer, what came has another digest, or the disk is full.
        tarfile.TarError: what came isn't an archive.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310  # the URL is ours
            digest = _copy(answer, file)
        if digest != expected:
            raise ChecksumError(f"{url}: found sha256 {digest}, expected {expected}; not installed")
        file.seek(0)
        return _unpack(file, folder)


def _copy(source: _Readable, sink: IO[bytes]) -> str:
    """Write what comes in to a file; return its SHA-256 digest."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > _MOST_BYTES:
            raise ChecksumError(
                f"{archive()}: is larger than {_MOST_BYTES >> 20} MiB; not installed"
            )
        digest.update(chunk)
        sink.write(chunk)
    return digest.hexdigest()


def _unpack(file: IO[bytes], folder: Path) -> list[Path]:
    """Unpack the programs of an archive, all into one folder."""
    with tarfile.open(fileobj=file, mode="r|gz") as tar:
        files = [_extract(tar, member, folder) for member in tar if member.isfile()]
    return sorted(files, key=lambda file: file.name == "pulumi")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> Path:
    """Write one program of the archive; of its path only the name counts."""
    target = folder / os.path.basename(member.name)
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError(f"{member.name}: not a file")
    with source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, _CHUNK)
    return target
