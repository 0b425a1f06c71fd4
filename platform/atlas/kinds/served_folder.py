"""A folder of this machine that a service takes files from, each the content of one member."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from atlas.advice import bring_up
from atlas.errors import PlatformError
from atlas.kinds.content import digest_of
from atlas.uris import path_of

if TYPE_CHECKING:
    from pathlib import Path


def folder_at(url: str, what: str, name: str) -> Path:
    """Return the folder at a URL.

    Args:
        url: its URL.
        what: what is in it, for the message: ``dags``.
        name: what the folder is called in messages: ``the DAG folder``.

    Raises:
        PlatformError: it isn't on this machine, or isn't there.
    """
    if not url.startswith("file:"):
        raise PlatformError(f"{what}: '{url}' isn't a folder of this machine; expected file:///…")
    path = path_of(url)
    if not path.is_dir():
        raise PlatformError(f"{path}: {name} isn't there; {bring_up('makes it')}")
    return path


class ServedFolder(ABC):
    """What such folders share."""

    __slots__ = ()

    @staticmethod
    def is_at(url: str) -> bool:
        """Tell whether there is a folder at a URL, on this machine."""
        return url.startswith("file:") and path_of(url).is_dir()

    @abstractmethod
    def file(self, name: str) -> Path:
        """Return a member's file."""

    def read(self, name: str) -> bytes | None:
        """Return what is in a member's file, or None when there is none."""
        try:
            return self.file(name).read_bytes()
        except FileNotFoundError:
            return None

    def digest(self, name: str) -> str:
        """Return the digest of a member's file; empty when there is none."""
        content = self.read(name)
        return "" if content is None else digest_of(content)
