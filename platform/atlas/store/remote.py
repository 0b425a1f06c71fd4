"""Places that aren't folders of this machine: S3 and whatever else fsspec knows."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.store.keys import checked_key
from atlas.store.location import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class BucketLocation:
    """Files under a URL, over fsspec. An object store's writes are whole by themselves."""

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        extra: str = "s3",
        has_folders: bool = True,
    ) -> None:
        """Open a URL.

        Args:
            url: such as ``s3://bucket/prefix``; where it is served and with which key, the usual
                variables say (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``…).
            options: fsspec's storage options, in place of those variables.
            extra: the extra of ``atlas-ml`` that has what reaches it.
            has_folders: whether it can be asked which files there are.

        Raises:
            StoreError: nothing that is installed knows the URL.
        """
        self.url = url
        with _explained("open", url, extra):
            self._fs, root = _filesystem(url, options or {})
        self._root = str(root).rstrip("/")
        self._copies: str | None = None
        self._has_folders = has_folders

    def read(self, key: str) -> bytes:
        """Return a file's content."""
        with _explained("read", f"{self.url}/{key}"):
            content: bytes = self._fs.cat_file(self._path(key))
            return content

    def write(self, key: str, content: bytes) -> None:
        """Write a file, in place of one that may be there."""
        with _explained("write", f"{self.url}/{key}"):
            self._fs.pipe_file(self._path(key), content)

    def create(self, key: str, content: bytes) -> bool:
        """Write a file unless there is one; tell whether it was written. One of many wins."""
        with _explained("write", f"{self.url}/{key}"):
            try:
                self._fs.pipe_file(self._path(key), content, mode="create")
            except FileExistsError:
                return False
        return True

    def size(self, key: str) -> int:
        """Return a file's size in bytes."""
        with _explained("read", f"{self.url}/{key}"):
            return int(self._fs.size(self._path(key)))

    def exists(self, key: str) -> bool:
        """Tell whether there is a file, or a folder with something in it."""
        with _explained("read", f"{self.url}/{key}"):
            return bool(self._fs.exists(self._path(key)))

    def names(self, key: str) -> list[str]:
        """Return the names of what is directly in a folder, sorted; of a missing one, none."""
        with _explained("list", f"{self.url}/{key}"):
            try:
                paths = self._fs.ls(self._path(key), detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted({str(path).rstrip("/").rpartition("/")[2] for path in paths})

    def entries(self, key: str) -> Iterator[StoredFile]:
        """Return every file below a folder."""
        with _explained("list", f"{self.url}/{key}"):
            by_path = self._fs.find(self._path(key), detail=True)
        start = len(self._root) + 1
        for path, facts in by_path.items():
            yield StoredFile(str(path)[start:], int(facts.get("size") or 0), _modified(facts))

    def stamp(self, key: str) -> str:
        """Return what changes with a file's content: its size, and its ETag or when it was written.

        Raises:
            FileNotFoundError: there is none.
        """
        with _explained("read", f"{self.url}/{key}"):
            facts = self._fs.info(self._path(key))
        return _stamp(facts)

    def stamps(self, key: str) -> dict[str, str]:
        """Return the stamp of every file below a folder, by its key."""
        with _explained("list", f"{self.url}/{key}"):
            by_path = self._fs.find(self._path(key), detail=True)
        start = len(self._root) + 1
        return {str(path)[start:]: _stamp(facts) for path, facts in by_path.items()}

    def remove(self, key: str) -> None:
        """Remove a file or a folder with all that is in it; a missing one is fine."""
        with _explained("remove", f"{self.url}/{key}"):
            try:
                self._fs.rm(self._path(key), recursive=True)
            except FileNotFoundError:
                return

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """Give a local path to write a file or folder to; then it is uploaded to its key."""
        with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
            path = Path(folder, key.rpartition("/")[2])
            yield path
            with _explained("write", f"{self.url}/{key}"):
                self._fs.put(str(path), self._path(key), recursive=path.is_dir())

    def local(self, key: str) -> Path:
        """Download a file or folder, and return where it is until this process ends."""
        if self._copies is None:
            self._copies = tempfile.mkdtemp(prefix="atlas-")
            atexit.register(shutil.rmtree, self._copies, ignore_errors=True)
        target = Path(tempfile.mkdtemp(dir=self._copies), key.rpartition("/")[2])
        with _explained("read", f"{self.url}/{key}"):
            source = self._path(key)
            if not self._has_folders or self._fs.isfile(source):
                self._fs.get_file(source, str(target))
            elif self._fs.exists(source):
                self._fs.get(f"{source}/", f"{target}/", recursive=True)
            else:
                raise FileNotFoundError(key)
        return target

    def _path(self, key: str) -> str:
        return f"{self._root}/{checked_key(key)}" if key else self._root


def _filesystem(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    no_cache = {"use_listings_cache": False, "skip_instance_cache": True}
    filesystem_and_path: tuple[Any, str] = url_to_fs(url, **no_cache, **options)
    return filesystem_and_path


def _modified(facts: Mapping[str, Any]) -> float:
    return _seconds(facts.get("LastModified") or facts.get("mtime") or facts.get("created"))


def _stamp(facts: Mapping[str, Any]) -> str:
    """Return a file's size and its ETag; without one, when it was written."""
    names = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
    mark = next((str(facts[name]) for name in names if facts.get(name)), "")
    return f"{int(facts.get('size') or 0)} {mark or _modified(facts)}"


def _seconds(modified: Any) -> float:
    return float(modified.timestamp()) if hasattr(modified, "timestamp") else float(modified or 0)


@contextmanager
def _explained(action: str, where: str, extra: str = "s3") -> Iterator[None]:
    """Turn what fsspec and the clients under it raise into a `StoreError`; a missing file stays."""
    try:
        yield
    except (StoreError, FileExistsError):
        raise
    except FileNotFoundError as error:
        if action != "write":
            raise
        raise StoreError(f"{where}: can't write: {error} (make the bucket first)") from error
    except ImportError as error:
        hint = f"pip install 'atlas-ml[{extra}]'"
        raise StoreError(f"{where}: can't {action}: {error} ({hint})") from error
    except Exception as error:
        reason = str(error).strip() or type(error).__name__
        hint = " (AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID say where and who)"
        advice = hint if where.startswith("s3:") else ""
        raise StoreError(f"{where}: can't {action}: {reason}{advice}") from error
