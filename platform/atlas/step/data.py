"""Data sets of the Config, opened where the Environment says they are."""

from __future__ import annotations

import hashlib
import os
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.environment import format_of
from atlas.errors import StepError, StoreError
from atlas.step.data_files import READERS, WRITERS
from atlas.step.statistics import READ, WRITTEN, observed_read
from atlas.store import open_location
from atlas.uris import inside, is_file_uri, path_of, uri_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import PlanData as Declared
    from atlas.store import Location


WRITES = "ATLAS_DATA_WRITES"
"""Variable with a folder: what steps write to data sets goes there, where nothing may come of a
run. What was written so is read from there, too."""


@dataclass
class DataHandle:
    """A data set that a step may read and write; what `atlas.template.Data` promises.

    Attributes:
        name: its name in the Config.
        uri: where it is; a folder, with a part per interval, when it ends with ``/``.
        format: ``parquet``, ``csv``, ``json`` or ``bytes``.
        step: the step's full name, for messages.
        interval: start of the run's interval, or empty.
        axes: the pipeline's axis values, where it is a member of a family.
        time: the column with the rows' time, or empty.
        written: whether the step has written to it.
        read_only: whether the step may not write: it runs for the challenger.
        observed: ``read`` and ``written``: the rows of the table, and the age of the newest.
        parts_read: key of each file that was read → its sha256 and its size in bytes.
        parts_written: key of each file that was written → likewise.
    """

    name: str
    uri: str
    format: str
    step: str
    interval: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    time: str = ""
    written: bool = False
    read_only: bool = False
    observed: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    parts_read: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)
    parts_written: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)

    def read(self) -> Any:
        """Return the content: a DataFrame for a table, else what the format gives.

        Of a folder, all of its parts, one after the other.

        Raises:
            StepError: it isn't there, or isn't what its format says.
        """
        place, key = self._place()
        try:
            keys = _parts(place, key, self.format) if self.uri.endswith("/") else [key]
            if not keys:
                raise FileNotFoundError(self.uri)
            value = _joined([self._read(place, key) for key in keys])
        except FileNotFoundError:
            hint = "the Environment's data says where it is"
            raise StepError(
                self.step, f"data.{self.name}: nothing at {self.uri} ({hint})"
            ) from None
        self.observed[READ] = observed_read(value, self.time)
        return value

    def write(self, value: Any) -> None:
        """Write the content; within a run that has an interval, that interval's part of it.

        A reader sees the whole of it, or what was there before.

        Raises:
            StepError: the value doesn't fit the format, or it can't be written.
        """
        if self.read_only:
            raise StepError(self.step, f"data.{self.name}: the challenger writes no data")
        self.written = True
        place, key = self._place()
        if self.uri.endswith("/"):
            key = f"{key}/{self._part()}" if key else self._part()
        try:
            with place.writing(key) as path:
                self._encode(value, path)
                self.parts_written[key] = content_digest(path)
        except StoreError as error:
            raise StepError(self.step, f"data.{self.name}: {error}") from error
        self.observed[WRITTEN] = observed_read(value, "")

    def _part(self) -> str:
        """Return the file of the run's interval and of the family's member; else the only one."""
        named = [*sorted(self.axes.items()), ("interval", self.interval.replace("/", "-"))]
        folders = [f"{name}={value}" for name, value in named if value]
        return "/".join([*folders, f"part.{self.format}"])

    def _place(self) -> tuple[Location, str]:
        """Return the place that the URI is in, and the key in it."""
        apart = os.environ.get(WRITES, "")
        if apart and (self.written or Path(apart, self.name).exists()):
            name = "" if self.uri.endswith("/") else self.uri.rpartition("/")[2]
            return open_location(uri_of(Path(apart, self.name))), name
        if is_file_uri(self.uri):
            path = path_of(self.uri)
            is_folder = self.uri.endswith("/")
            return (
                open_location(uri_of(path if is_folder else path.parent), links=True),
                "" if is_folder else path.name,
            )
        if self.uri.endswith("/"):
            return self._open(self.uri.rstrip("/")), ""
        folder, _, name = self.uri.rpartition("/")
        return self._open(folder), name

    def _open(self, url: str) -> Location:
        if not self.options:
            return open_location(url, links=True)
        from atlas.store.remote import BucketLocation

        return BucketLocation(url, self.options)

    def _read(self, place: Location, key: str) -> Any:
        path = place.local(key)
        if not path.exists():
            raise FileNotFoundError(key)
        self.parts_read[key] = content_digest(path)
        try:
            return READERS[self.format](path)
        except (FileNotFoundError, MemoryError):
            raise
        except Exception as error:
            first = str(error).strip().partition("\n")[0]
            message = f"data.{self.name}: {self.uri} can't be read as {self.format}: {first}"
            raise StepError(self.step, message) from error

    def _encode(self, value: Any, path: Path) -> None:
        try:
            WRITERS[self.format](value, path)
        except (StoreError, TypeError, ValueError) as error:
            message = f"data.{self.name}: can't be written as {self.format}: {error}"
            raise StepError(self.step, message) from error


def content_digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file of a data set, which may be a link."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size


def open_data(
    declared: Declared,
    name: str,
    step: str,
    interval: str,
    store: str,
    *,
    axes: Mapping[str, str] | None = None,
) -> DataHandle:
    """Return the handle of a data set.

    Args:
        declared: what the Plan says of it.
        name: its name in the Config.
        step: the step that gets it, for messages.
        interval: start of the run's interval, or empty.
        store: URL of the artifact store, for ``store:`` URIs.
        axes: the pipeline's axis values, where it is a member of a family.

    Raises:
        StepError: its URI or format is none that can be opened here.
    """
    try:
        uri = absolute(declared.uri, store)
    except StoreError as error:
        raise StepError(step, f"data.{name}: {error}") from error
    if not uri:
        hint = "the Environment's data must say where it is"
        raise StepError(step, f"data.{name}: can't open {declared.uri or 'it'} ({hint})")
    format = declared.format or format_of(uri)
    if format not in READERS:
        raise StepError(step, f"data.{name}: format '{format}', expected {', '.join(READERS)}")
    return DataHandle(name, uri, format, step, interval, axes or {}, time=declared.time)


def absolute(uri: str, store: str) -> str:
    """Return a data set's URI with the store or the project in front, where it is in one.

    What stands behind ``store:`` and ``project:`` is a path as it is, with nothing escaped.

    Raises:
        StoreError: it leaves the store or the project.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "store":
        return inside(path_of(store), rest) if is_file_uri(store) else f"{store}/{rest}"
    if scheme == "project":
        project = os.environ.get("ATLAS_PROJECT", "")
        return inside(project, rest) if project else ""
    return uri


def _parts(place: Location, key: str, format: str) -> list[str]:
    """Return the keys of a folder's parts, in the order of their intervals."""
    keys = (entry.key for entry in place.entries(key))
    parts = [key for key in keys if key.endswith(f".{format}") and not _hidden(key)]
    return sorted(parts)


def _hidden(key: str) -> bool:
    return any(part[:1] in (".", "_") for part in key.split("/"))


def _joined(parts: list[Any]) -> Any:
    """Return one part as it is; tables in one table; anything else as a list."""
    if len(parts) == 1:
        return parts[0]
    if all(hasattr(part, "columns") for part in parts):
        import pandas

        return pandas.concat(parts, ignore_index=True)
    return parts
