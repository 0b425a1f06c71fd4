"""The artifact store: values by pipeline, run, step and output; Plans; Runs; code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import StoreError
from atlas.formats import Encoded, chosen, named, type_name
from atlas.formats.trust import Trust
from atlas.store.artifacts import check_content, check_path, corrupt, encode, failed, write
from atlas.store.keys import (
    MANIFEST,
    OUTCOME,
    RESERVED,
    RUN,
    artifact_key,
    is_index,
    run_key,
    unit_key,
)
from atlas.store.manifest import Manifest, path_digest
from atlas.store.run import Run
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.formats.format import Format
    from atlas.plan import Plan
    from atlas.store.location import Location


_SLACK = 1 << 16
"""Bytes by which a file may be larger than written, and is read all the same, to be refused."""
NOTHING = Trust()
"""What is trusted where no Plan says more: what Atlas lists."""


@dataclass(frozen=True)
class Store:
    """Everything that runs leave behind, in one place.

    Attributes:
        place: where its files are.
    """

    place: Location

    @property
    def url(self) -> str:
        """Where it is, as `open_store` takes it."""
        return self.place.url

    # Artifacts ------------------------------------------------------------------------------

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

        Raises:
            StoreError: no format keeps the value, or it can't be written.
        """
        base = artifact_key(pipeline, run, step, output, index)
        kind = named(format) if format else chosen(value)
        self.place.remove(f"{base}/{MANIFEST}")
        manifest = self._write(base, kind, value, trust)
        self.place.write(f"{base}/{MANIFEST}", manifest.text)
        return manifest

    def _write(self, base: str, kind: Format, value: Any, trust: Trust) -> Manifest:
        key = f"{base}/data{kind.suffix_of(value)}"
        if isinstance(kind, Encoded):
            content, facts = encode(kind, value, base, trust)
            self.place.write(key, content)
            sha256 = hashlib.sha256(content).hexdigest()
            return Manifest(kind.name, type_name(value), sha256, len(content), key, dict(facts))
        if not kind.suffix:
            self.place.remove(key)
        with self.place.writing(key) as path:
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
            manifest = Manifest.parse(self.place.read(f"{key}/{MANIFEST}"))
        except FileNotFoundError:
            half = self.place.exists(key)
            state = "is only half written" if half else "isn't there"
            message = f"{self.url}/{key}: the artifact {state}; run the step that writes it again"
            raise StoreError(message) from None
        except ValueError as error:
            message = f"{self.url}/{key}/{MANIFEST}: is no manifest: {error}; run the step again"
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
            found = Manifest.parse(self.place.read(f"{earlier}/{MANIFEST}"))
        except (FileNotFoundError, ValueError):
            return
        if found.digest != manifest.digest or found.data != manifest.data:
            text = f"uses the data of {earlier}, which has been written again since"
            raise StoreError(f"{self.url}/{key}: {text}; run the step again with --no-cache")

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
        kind = named(manifest.format)
        if kind.is_unsafe and trust.format != kind.name:
            raise StoreError(
                f"{where}: is a {kind.name}, which would run whatever is in it, and the Recipe of "
                f'this run doesn\'t name that format; expected "outputs": {{"NAME": {{"format": '
                f'"{kind.name}"}}}} at the step that makes it'
            )
        try:
            if isinstance(kind, Encoded):
                if (size := self.place.size(manifest.data)) > manifest.size + _SLACK:
                    raise StoreError(corrupt(where, manifest, size))
                content = self.place.read(manifest.data)
                check_content(content, manifest, where)
                with failed(where, f"can't be read as {kind.name}"):
                    return kind.unpack(content, manifest.facts, trust)
            path = self.place.local(manifest.data)
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
    ) -> None:
        """Make an artifact of an earlier run this run's too, without a copy."""
        base = artifact_key(pipeline, run, step, output, index)
        self.place.write(f"{base}/{MANIFEST}", manifest.text)

    def has(self, manifest: Manifest) -> bool:
        """Tell whether an artifact's data is still there, by its size alone."""
        if _is_folder(manifest):
            return self.place.exists(manifest.data)
        try:
            return self.place.size(manifest.data) == manifest.size
        except FileNotFoundError:
            return False

    # Plans and runs -------------------------------------------------------------------------

    def add_plan(self, plan: Plan) -> None:
        """Keep a Plan under its digest."""
        key = f"plans/{plan.digest}.json"
        if not self.place.exists(key):
            self.place.write(key, plan.text.encode())

    def plan(self, digest: str) -> Plan:
        """Return the Plan of a digest.

        Raises:
            StoreError: it isn't there, or isn't what was written.
        """
        from atlas.plan.model import Plan

        key = f"plans/{digest}.json"
        try:
            text = self.place.read(key)
        except FileNotFoundError:
            raise StoreError(f"{self.url}/{key}: there is no such Plan; deploy it again") from None
        if hashlib.sha256(text).hexdigest() != digest:
            raise StoreError(f"{self.url}/{key}: isn't the Plan of its name; deploy it again")
        try:
            return Plan.from_text(text.decode())
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise StoreError(f"{self.url}/{key}: is no Plan; deploy it again") from None

    def bind(self, run: Run) -> Run:
        """Write a run's facts once and for all, and return those that hold: the first writer's."""
        key = run_key(run.pipeline, run.id)
        if self.place.create(f"{key}/{RUN}", canonical(run.to_json()).encode()):
            return run
        return self.run(run.pipeline, run.id)

    def rebind(self, run: Run) -> Run:
        """Bind a run of the same id under another Plan, and return the facts that hold for it.

        The first one to do so for a Plan decides; the run's record then shows the latest Plan's.
        """
        key = run_key(run.pipeline, run.id)
        own = f"{key}/run-{run.plan[:16]}.json"
        if not self.place.create(own, canonical(run.to_json()).encode()):
            run = Run.from_json(json.loads(self.place.read(own)))
        self.place.write(f"{key}/{RUN}", canonical(run.to_json()).encode())
        return run

    def run(self, pipeline: str, run: str) -> Run:
        """Return a run's facts.

        Raises:
            StoreError: there is no such run.
        """
        key = f"{run_key(pipeline, run)}/{RUN}"
        try:
            return Run.from_json(json.loads(self.place.read(key)))
        except FileNotFoundError:
            raise StoreError(f"{self.url}/{key}: there is no such run") from None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise StoreError(f"{self.url}/{key}: is no run's record") from None

    def has_run(self, pipeline: str, run: str) -> bool:
        """Tell whether a run is bound."""
        return self.place.exists(f"{run_key(pipeline, run)}/{RUN}")

    def runs(self, pipeline: str) -> list[str]:
        """Return the ids of a pipeline's runs, by name."""
        return [name for name in self.place.names(pipeline) if self.has_run(pipeline, name)]

    def pipelines(self) -> list[str]:
        """Return the names of the pipelines that have runs here."""
        return [name for name in self.place.names("") if name not in RESERVED]

    def run_outcome(self, pipeline: str, run: str) -> dict[str, Any] | None:
        """Return how a run ended; None when that isn't recorded."""
        try:
            found = json.loads(self.place.read(f"{run_key(pipeline, run)}/{OUTCOME}"))
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def indexes(self, run: Run, step: str) -> list[int]:
        """Return the indexes of the keys that a step has run for under a run's Plan, in order."""
        names = self.place.names(f"{run_key(run.pipeline, run.id)}/{step}")
        found = (
            (index, self.outcome(run.pipeline, run.id, step, index))
            for index in map(int, filter(is_index, names))
        )
        return sorted(i for i, outcome in found if outcome and outcome.get("plan") == run.plan)

    # Outcomes -------------------------------------------------------------------------------

    def write_outcome(
        self, pipeline: str, run: str, step: str, outcome: Mapping[str, Any], index: int | None
    ) -> None:
        """Record how a step, or one key of it, ended."""
        key = f"{unit_key(pipeline, run, step, index)}/{OUTCOME}"
        self.place.write(key, canonical(outcome).encode("utf-8", "replace"))

    def outcome(
        self, pipeline: str, run: str, step: str, index: int | None = None
    ) -> dict[str, Any] | None:
        """Return how a step, or one key of it, ended; None when it hasn't."""
        try:
            text = self.place.read(f"{unit_key(pipeline, run, step, index)}/{OUTCOME}")
            found = json.loads(text)
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def _is_folder(manifest: Manifest) -> bool:
    """Tell whether an artifact is a folder; False where nothing here knows its format."""
    try:
        return named(manifest.format).is_folder
    except StoreError:
        return False
