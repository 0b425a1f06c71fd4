"""A prefix of an S3 bucket that Airflow copies DAG files from (`S3DagBundle`).

Airflow copies an object when its size differs from the copy's, or when it is younger than the copy,
in whole seconds and by another machine's clock. So that no change is missed, a file that takes the
place of another never has its size: blank lines at its end make the difference, and aren't content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.http.credentials import read_secret
from atlas.store.opening import open_location
from atlas.targets.airflow.dag_bundle import PROBE, DagBundle
from atlas.uris import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from atlas.store import Location

T = TypeVar("T")
_AT_ONCE = 8
"""Requests under way at a time."""


@dataclass(frozen=True, slots=True)
class DagBucket(DagBundle):
    """DAG files under a prefix.

    Attributes:
        place: the prefix.
    """

    place: Location

    @classmethod
    def at(cls, url: str, secrets: str = "", credentials: str = "") -> DagBucket:
        """Return the prefix at a URL, opened by a secret or else by the usual variables.

        Raises:
            PlatformError: the secret can't be read.
            StoreError: what S3 needs isn't installed.
        """
        if not credentials:
            return cls(open_location(url.rstrip("/")))
        from atlas.store.remote import BucketLocation

        secret = read_secret(path_of(secrets), credentials)
        options = {"key": secret["username"], "secret": secret["password"]}
        return cls(BucketLocation(url.rstrip("/"), options))

    @property
    def where(self) -> str:
        """Where it is, for messages."""
        return self.place.url

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the content of the files that are there, without blank lines at its end."""
        found = dict(zip(names, _at_once(self._content, names), strict=True))
        return {name: content for name, content in found.items() if content is not None}

    def change(self, contents: Mapping[str, bytes | None]) -> None:
        """Write and remove files, several at once."""
        _at_once(lambda name: self._put(name, contents[name]), contents)

    def probe(self) -> None:
        """Write an object without the ending of a DAG's file, and remove it.

        Raises:
            StoreError: the bucket can't be written.
        """
        self.place.write(PROBE, b"")
        self.place.remove(PROBE)

    def _content(self, name: str) -> bytes | None:
        try:
            return _trimmed(self.place.read(f"{name}.py"))
        except FileNotFoundError:
            return None

    def _put(self, name: str, content: bytes | None) -> None:
        key = f"{name}.py"
        if content is None:
            self.place.remove(key)
            return
        content = _trimmed(content)
        same = self._size(key) == len(content)
        self.place.write(key, content + b"\n" * same)

    def _size(self, key: str) -> int:
        try:
            return self.place.size(key)
        except (FileNotFoundError, StoreError):
            return -1


def _trimmed(content: bytes) -> bytes:
    """Return a file's content with one line end at its end."""
    return content.rstrip(b"\n") + b"\n"


def _at_once(work: Callable[[str], T], names: Iterable[str]) -> list[T]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, names))
