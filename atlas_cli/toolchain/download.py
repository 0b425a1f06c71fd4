"""The official build of the engine, from where `PulumiCommand.install` takes it."""

from __future__ import annotations

import os
import shutil
import tarfile
import urllib.request
from typing import TYPE_CHECKING

from atlas_cli.toolchain import catalog

if TYPE_CHECKING:
    from pathlib import Path

BASES = (
    "https://get.pulumi.com/releases/sdk",
    f"https://github.com/pulumi/pulumi/releases/download/v{catalog.PULUMI}",
)
#: Seconds without an answer, after which a server counts as out of reach.
PATIENCE = 8
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def archive() -> str:
    """Return the name of the archive for this machine."""
    system = os.uname()
    machine = _MACHINES.get(system.machine.lower(), system.machine)
    return f"pulumi-v{catalog.PULUMI}-{system.sysname.lower()}-{machine}.tar.gz"


def fetch(folder: Path) -> list[Path]:
    """Download the engine and its language hosts into a folder, from the first place that answers.

    Returns:
        The programs, the engine last.

    Raises:
        OSError: no place answers, or the disk is full.
        tarfile.TarError: what came is no archive.
    """
    refusal: OSError | None = None
    for base in BASES:
        try:
            return _unpack(f"{base}/{archive()}", folder)
        except OSError as error:
            refusal = error
    raise refusal or OSError("no place to download from")


def _unpack(url: str, folder: Path) -> list[Path]:
    """Unpack the programs of an archive while it comes in, all into one folder."""
    with (
        urllib.request.urlopen(url, timeout=PATIENCE) as answer,  # noqa: S310  # the URL is ours
        tarfile.open(fileobj=answer, mode="r|gz") as tar,
    ):
        files = [_extract(tar, member, folder) for member in tar if member.isfile()]
    return sorted(files, key=lambda file: file.name == "pulumi")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> Path:
    """Write one program of the archive; of its path only the name counts."""
    target = folder / os.path.basename(member.name)
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError(f"{member.name}: not a file")
    with source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    return target
