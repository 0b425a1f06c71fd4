"""A machine of the test's own: an empty PATH, an empty cache, programs that are scripts."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any, Protocol

import pytest

from atlas_toolchain import catalog, debian, download

REAL_PATH = os.environ["PATH"]


class Programs(Protocol):
    """Put a program on the machine."""

    def __call__(self, name: str, script: str, folder: Path | None = None) -> Path: ...


@pytest.fixture
def real_path() -> str:
    """The PATH outside the test."""
    return REAL_PATH


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a PATH and a cache of its own, and no way to a download."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "BASES", ((tmp_path / "nowhere").as_uri(),))
    debian.prefix.cache_clear()
    return tmp_path


@pytest.fixture
def program(machine: Path) -> Programs:
    def put(name: str, script: str, folder: Path | None = None) -> Path:
        path = (folder or machine / "bin") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)
        return path

    return put


@pytest.fixture
def said() -> list[str]:
    """What set-up said."""
    return []


@pytest.fixture
def official(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a place to download from that has an archive with these files."""

    def serve(files: dict[str, bytes], cut: int = 0, digest: str = "") -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        place = machine / "official"
        place.mkdir(exist_ok=True)
        content = data.getvalue()
        (place / download.archive()).write_bytes(content[: len(content) - cut])
        checksums = machine / "checksums.txt"
        right = digest or hashlib.sha256(content).hexdigest()
        checksums.write_text(f"{right}  {download.archive()}\n")
        monkeypatch.setattr(download, "CHECKSUMS", checksums)
        monkeypatch.setattr(download, "BASES", (*download.BASES, place.as_uri()))

    return serve


ENGINE = f"#!/bin/sh\necho v{catalog.PULUMI}\n".encode()
