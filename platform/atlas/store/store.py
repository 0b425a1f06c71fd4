"""The artifact store: values by pipeline, run, step and output, beside the records of runs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats import Encoded, chosen, named, readable, type_name
from atlas.formats.trust import Trust
from atlas.store.artifacts import check_content, check_path, corrupt, encode, failed, write
from atlas.store.keys import MANIFEST, artifact_key
from atlas.store.manifest import Manifest, path_digest
from atlas.store.records import RunRecords

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.formats.format import Format


_SLACK = 1 << 16
"""Bytes by which a file may be larger than written, and is read all the same, to be refused."""
NOTHING = Trust()
"""What is trusted where no Plan says more: what Atlas lists."""


class Store(RunRecords):
    """Everything that runs leave behind, in one place: their records, and artifacts."""

    def put(
        self,
        pipeline: str,
        run: str,
        step: str,
        output: str,
        value: Any,
        *,
        index: int | None = None,
        format: str = "",
        trust: Trust = NOTHING,
        origin: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Write an artifact; once this returns, it is there as a whole.

        Args:
            pipeline: the Plan's name.
            run: the run's id.
            step: the step's full name.
            output: the output's name.
            value: what to keep.
            index: which key's it is, for a step that runs once per key.
            format: name of a format; by the value's type when empty.
            trust: what a model may be made of besides what Atlas lists.
            origin: what its manifest says of the run (`Manifest.origin`).

        Raises:
            StoreError: no format keeps the value, or it can't be written.
        """
        base = artifact_key(pipeline, run, step, output, index)
        kind = named(format) if format else chosen(value)
        self.location.remove(f"{base}/{MANIFEST}")
        manifest = replace(self._write(base, kind, value, trust), origin=dict(origin or {}))
        self.location.write(f"{base}/{MANIFEST}", manifest.text)
        return manifest

    def _write(self, base: str, kind: Format, value: Any, trust: Trust) -> Manifest:
        key = f"{base}/data{kind.suffix_of(value)}"
        if isinstance(kind, Encoded):
            content, facts = encode(kind, value, base, trust)
            self.location.write(key, content)
            sha256 = hashlib.sha256(content).hexdigest()
            return Manifest(kind.name, type_name(value), sha256, len(content), key, dict(facts))
        if not kind.suffix:
            self.location.remove(key)
        with self.location.writing(key) as path:
            facts = write(kind, value, path, base, trust)
            sha256, size = path_digest(path)
        return Manifest(kind.name, type_name(value), sha256, size, key, facts)

    def get(
        self,
        pipeline: str,
        run: str,
        step: str,
        output: str,
        *,
        index: int | None = None,
        trust: Trust = NOTHING,
    ) -> Any:
        """Return an artifact's value, once its bytes have been found to be those written.

        Args:
            pipeline: the Plan's name.
            run: the run's id.
            step: the step's full name.
            output: the output's name.
            index: which key's it is, for a step that runs once per key.
            trust: what the local Plan says that it may be.

        Raises:
            StoreError: it isn't there, isn't whole, or isn't what was written.
        """
        manifest = self.manifest(pipeline, run, step, output, index=index)
        return self.read(manifest, trust=trust)

    def manifest(
        self, pipeline: str, run: str, step: str, output: str, *, index: int | None = None
    ) -> Manifest:
        """Return an artifact's manifest.

        Raises:
            StoreError: there is no such artifact, or it isn't whole.
        """
        return self.manifest_at(artifact_key(pipeline, run, step, output, index))

    def manifest_at(self, key: str) -> Manifest:
        """Return the manifest of the artifact in a folder of the store.

        Raises:
            StoreError: there is no such artifact, or it isn't whole.
        """
        try:
            manifest = Manifest.parse(self.location.read(f"{key}/{MANIFEST}"))
        except FileNotFoundError:
            half = self.location.exists(key)
            state = "is only half written" if half else "isn't there"
            message = f"{self.url}/{key}: the artifact {state}; run the step that writes it again"
            raise StoreError(message) from None
        except ValueError as error:
            message = f"{self.url}/{key}/{MANIFEST}: isn't a manifest: {error}; run the step again"
            raise StoreError(message) from None
        if not manifest.data.startswith(f"{key}/"):
            self._check_earlier(key, manifest)
        return manifest

    def _check_earlier(self, key: str, manifest: Manifest) -> None:
        """Compare a manifest with that of the earlier artifact whose data it uses.

        `atlas gc` may have removed that one, and has left the data.
        """
        earlier = manifest.data.rpartition("/")[0]
        try:
            earlier_manifest = Manifest.parse(self.location.read(f"{earlier}/{MANIFEST}"))
        except (FileNotFoundError, ValueError):
            return
        if earlier_manifest.digest != manifest.digest or earlier_manifest.data != manifest.data:
            text = f"uses the data of {earlier}, which has been written again since"
            raise StoreError(f"{self.url}/{key}: {text}; run the step again with --no-cache")

    def content(self, manifest: Manifest) -> bytes:
        """Return the bytes of an artifact that is a file, for pages; nothing is made of them.

        Args:
            manifest: of an artifact of this store.

        Raises:
            StoreError: they aren't those written, or it is a folder.
            FileNotFoundError: they are gone.
        """
        where = f"{self.url}/{manifest.data}"
        if readable(manifest.format, NOTHING).is_folder:
            raise StoreError(f"{where}: is a folder, expected a file")
        if (size := self.location.size(manifest.data)) > manifest.size + _SLACK:
            raise StoreError(corrupt(where, manifest, size))
        content = self.location.read(manifest.data)
        check_content(content, manifest, where)
        return content

    def read(self, manifest: Manifest, *, trust: Trust = NOTHING) -> Any:
        """Return the value that a manifest describes.

        Args:
            manifest: of an artifact of this store.
            trust: what the local Plan says that it may be; nothing that comes with it says so.

        Raises:
            StoreError: it isn't what was written, is a pickle where none may be, or is made of what
                isn't trusted.
        """
        where = f"{self.url}/{manifest.data}"
        with failed(where, "can't be read"):
            kind = readable(manifest.format, trust)
        if kind.is_unsafe and trust.format != kind.name:
            raise StoreError(
                f"{where}: is a {kind.name}, which would run whatever is in it, and the Recipe of "
                f'this run doesn\'t name that format; expected "outputs": {{"NAME": {{"format": '
                f'"{kind.name}"}}}} at the step that makes it'
            )
        try:
            if isinstance(kind, Encoded):
                if (size := self.location.size(manifest.data)) > manifest.size + _SLACK:
                    raise StoreError(corrupt(where, manifest, size))
                content = self.location.read(manifest.data)
                check_content(content, manifest, where)
                with failed(where, f"can't be read as {kind.name}"):
                    return kind.unpack(content, manifest.facts, trust)
            path = self.location.local(manifest.data)
            return check_path(path, manifest, where, kind, trust)
        except FileNotFoundError:
            message = f"{where}: the artifact's data is gone; run the step that writes it again"
            raise StoreError(message) from None

    def refer(
        self,
        pipeline: str,
        run: str,
        step: str,
        output: str,
        manifest: Manifest,
        *,
        index: int | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """Make an artifact of an earlier run this run's too, without a copy."""
        base = artifact_key(pipeline, run, step, output, index)
        own = replace(manifest, origin=dict(origin or {}))
        self.location.write(f"{base}/{MANIFEST}", own.text)

    def has(self, manifest: Manifest) -> bool:
        """Tell whether an artifact's data is still there, by its size alone."""
        if _is_folder(manifest):
            return self.location.exists(manifest.data)
        try:
            return self.location.size(manifest.data) == manifest.size
        except FileNotFoundError:
            return False


def _is_folder(manifest: Manifest) -> bool:
    """Tell whether an artifact is a folder, or may be one, for nothing here knows its format."""
    try:
        return readable(manifest.format, NOTHING).is_folder
    except StoreError:
        return True
