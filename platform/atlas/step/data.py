"""A data set that a step reads and writes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.data_formats import FOLDER, KEDRO, LAKES, PROTOCOLS, TABLE, scheme_of
from atlas.dataclass import dataclass
from atlas.datasets.fields import RunFacts
from atlas.datasets.locations import open_data_location
from atlas.datasets.partitions import (
    DANGLING,
    MERGE,
    REPLACE,
    joined,
    no_interval,
    part_key,
    parts_read,
    parts_replaced,
)  # fmt: skip
from atlas.errors import StepError, StoreError, clean
from atlas.formats import article, type_name
from atlas.formats.stamping import library_of
from atlas.step.statistics import READ, WRITTEN, observed_columns, observed_read
from atlas.store.exclusive import exclusive
from atlas.uris import is_file_uri, path_of, uri_of

if TYPE_CHECKING:
    from atlas.datasets.databases.source import SqlSource
    from atlas.plan import PlanData as Declared
    from atlas.store import Location


WRITES = "ATLAS_DATA_WRITES"
"""Variable with a folder: what steps write to data sets goes there, where nothing may come of a
run. What was written so is read from there, too."""
_LARGE = 1 << 22
"""Bytes from which on a file's digest is worth a thread."""
_WAIT_SECONDS = 900.0
"""How long a merge waits for another one of the same data set."""


@dataclass
class DataHandle:
    """A data set that a step may read and write; what `atlas.template.Data` promises.

    Attributes:
        name: its name in the Config.
        uri: where it is; a folder, with a part per interval, when it ends with ``/``; of a
            database, ``sql:SECRET/TABLE``.
        format: one of `atlas.data_formats.FORMATS`, or ``sql``.
        step: the step's full name, for messages.
        declared: what the Plan says of it.
        facts: the run's facts, which choose its part.
        options: fsspec's storage options, of the credential.
        sql: the table or query, where it is one.
        written: whether the step has written to it.
        read_only: whether the step may not write: it runs for the challenger.
        observed: ``read`` and ``written``: the rows of the table, and the age of the newest.
        parts_read: key of each file that was read → its sha256 and its size in bytes.
        parts_written: key of each file that was written → likewise.
        warnings: what the Config's checks found, where that fails nothing.
    """

    name: str
    uri: str
    format: str
    step: str
    declared: Declared
    facts: RunFacts = field(default_factory=RunFacts)
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    sql: SqlSource | None = field(default=None, repr=False)
    written: bool = False
    read_only: bool = False
    observed: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    parts_read: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)
    parts_written: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)
    warnings: list[str] = field(default_factory=list, repr=False)
    writes: int = field(default=0, repr=False)

    def read(self) -> Any:
        """Return the content: a DataFrame for a table, else what the format gives.

        Of a folder, all of its parts, one after the other; of a partitioned one, those of the run.

        Raises:
            StepError: it isn't there, isn't what its format or type says, or breaks a check.
        """
        try:
            value = self._read_all()
        except FileNotFoundError:
            raise self._error(f"nothing at {self.uri} ({self._hint()})") from None
        except StoreError as error:
            raise self._error(str(error)) from error
        self._check_type(value)
        self.observed[READ] = observed_read(value, self.declared.time) | observed_columns(value)
        self._check(value)
        return value

    def write(self, value: Any) -> None:
        """Write the content; within a run that has an interval, that interval's part of it.

        A reader sees the whole of it, or what was there before.

        Raises:
            StepError: the value doesn't fit the format, or it can't be written.
        """
        if self.read_only:
            raise self._error("the challenger writes no data")
        self.written = True
        try:
            if self.sql and not self._apart:
                self.writes += 1
                self.sql.write(value, self.facts, self.step, self.writes)
            elif self.is_kedro and not self._apart:
                from atlas.datasets.kedro_classes import save_kedro

                save_kedro(value, self.declared.uri, self.declared.options, self.options)
            else:
                self._write_file(value)
        except StoreError as error:
            raise self._error(str(error)) from error
        self.observed[WRITTEN] = observed_read(value, "")

    def place(self) -> tuple[Location, str]:
        """Return the place that the URI is in, and the key in it."""
        apart = self._apart
        if apart and (self.written or Path(apart, self.name).exists()):
            name = "" if self._is_folder else self.uri.rpartition("/")[2]
            return open_data_location(uri_of(Path(apart, self.name))), name
        if is_file_uri(self.uri):
            path = path_of(self.uri)
            folder = path if self._is_folder else path.parent
            return open_data_location(uri_of(folder)), "" if self._is_folder else path.name
        folder_url, _, name = self.uri.rpartition("/")
        return open_data_location(folder_url, self.options), name

    @property
    def is_kedro(self) -> bool:
        """Whether a dataset class of Kedro's opens it."""
        return self.declared.uri.startswith(KEDRO)

    @property
    def _is_folder(self) -> bool:
        return self.uri.endswith("/")

    @property
    def _apart(self) -> str:
        return os.environ.get(WRITES, "")

    def _error(self, text: str) -> StepError:
        return StepError(self.step, f"data.{self.name}: {text}")

    def _hint(self) -> str:
        if scheme_of(self.uri) == "memory":
            return "memory: is that of one process; a step in another one doesn't see it"
        return "the Environment's data says where it is"

    def _read_all(self) -> Any:
        apart = self._apart and self.written
        if self.sql and not apart:
            return self.sql.read(self.facts)
        if self.is_kedro and not apart:
            from atlas.datasets.kedro_classes import load_kedro

            return load_kedro(self.declared.uri, self.declared.options, self.options)
        if self.format in LAKES:
            from atlas.datasets.lakes import read_lake

            return read_lake(self.uri, self.format, self.declared.options, self.options)
        place, key = self.place()
        if not self._is_folder:
            return self._read(place, key)
        declared = self.declared
        found = (entry.key for entry in place.entries(key))
        keys = parts_read(found, declared.partition, self.format, self.facts)
        if not keys:
            raise FileNotFoundError(self.uri)
        parts = {name: self._read(place, name) for name in keys}
        return parts if declared.type == FOLDER else joined(parts, self.format)

    def _read(self, place: Location, key: str) -> Any:
        path = place.local(key)
        if not path.exists():
            if self._is_folder:
                raise StoreError(f"{self.uri}{key}: {DANGLING}")
            raise FileNotFoundError(key)
        try:
            value, self.parts_read[key] = self._read_hashed(path)
            return value
        except (FileNotFoundError, MemoryError):
            raise
        except Exception as error:
            first = str(error).strip().partition("\n")[0]
            where = f"{self.uri}{key}" if self._is_folder else self.uri
            message = f"{where} can't be read as {self.format}: {first}"
            raise self._error(message) from error

    def _read_hashed(self, path: Path) -> tuple[Any, tuple[str, int]]:
        """Return a file's content and digest; of a large one, both are made at once."""
        from atlas.datasets.files import read_file

        read = partial(read_file, path, self.format, self.declared.options, self.declared.type)
        if path.stat().st_size < _LARGE:
            return read(), content_digest(path)
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            hashed = pool.submit(content_digest, path)
            return read(), hashed.result()

    def _check_type(self, value: Any) -> None:
        """Check that what was read is what the Config's ``type`` says."""
        wanted, is_table = self.declared.type, bool(library_of(value))
        if wanted == TABLE and not is_table:
            found = f"{article(type_name(value))}, as {self.format} gives it"
            way = "a format of tables, or another type in the Config's data"
            raise self._error(f"found {found}, and its type is 'table'; expected {way}")
        if wanted == FOLDER and not self._is_folder:
            text = f"{self.uri} is one file, and its type is 'folder'"
            raise self._error(f"{text}; expected a URI that ends with /")

    def _check(self, value: Any) -> None:
        """Check what the Config promises of the content."""
        from atlas.datasets.checks import broken_checks

        checks = self.declared.checks
        broken = broken_checks(value, checks) if checks else []
        if broken and checks.get("on_breach", "fail") == "fail":
            raise self._error(clean("; ".join(broken), 1000))
        self.warnings += [f"data.{self.name}: {one}" for one in broken]

    def _write_file(self, value: Any) -> None:
        place, key = self.place()
        declared = self.declared
        if self.format in LAKES:
            raise StoreError(f"{self.uri}: can't be written: {self.format} is only read")
        protocol = PROTOCOLS.get(scheme_of(self.uri))
        if protocol and not protocol.is_writable and not self._apart:
            raise StoreError(f"{self.uri}: can't be written: {protocol.scheme}: is only read")
        if self._is_folder:
            part = part_key(declared.partition, declared.mode, self.format, self.facts)
            key = f"{key}/{part}" if key else part
        if declared.mode == REPLACE and not self.facts.start:
            raise StoreError(f"'{REPLACE}', and {no_interval()}")
        if declared.mode != MERGE:
            self._put(place, key, value)
            if declared.mode == REPLACE and self._is_folder:
                self._remove_replaced(place, key)
            return
        with exclusive(place, f"data {key}", wait=_WAIT_SECONDS) as is_mine:
            if not is_mine:
                raise StoreError(f"{self.uri}: another step has been merging into it for too long")
            self._put(place, key, self._merged(place, key, value))

    def _remove_replaced(self, place: Location, new: str) -> None:
        """Remove the parts within the interval; the new one is there, so this may be repeated."""
        keys = [entry.key for entry in place.entries("")]
        for key in parts_replaced(keys, new, self.declared.partition, self.format, self.facts):
            place.remove(key)

    def _merged(self, place: Location, key: str, value: Any) -> Any:
        """Return the rows that are there, with the new ones in the place of those of their key."""
        from atlas.datasets.merging import merged, read_old

        try:
            path = place.local(key)
            old = read_old(path, self.format, self.declared.options, value, self.declared.key)
        except FileNotFoundError:
            old = value.iloc[:0] if library_of(value) == "pandas" else value
        return merged(old, value, self.declared.key)

    def _put(self, place: Location, key: str, value: Any) -> None:
        from atlas.datasets.files import write_file

        with place.writing(key) as path:
            try:
                write_file(value, path, self.format, self.declared.options)
            except (StoreError, TypeError, ValueError) as error:
                raise self._error(f"can't be written as {self.format}: {error}") from error
            self.parts_written[key] = content_digest(path)


def content_digest(path: Path) -> tuple[str, int]:
    """Return the sha256 and the size in bytes of a file of a data set, which may be a link."""
    with open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
