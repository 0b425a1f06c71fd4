"""A step's inputs: from references to values."""

from __future__ import annotations

import json
from dataclasses import field
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from atlas.dataclass import dataclass
from atlas.datasets.versions import CONTENT, content_version
from atlas.errors import StepError, StoreError
from atlas.recipe import KEY, LITERAL_KEYS
from atlas.step.data import DataHandle
from atlas.step.history import EarlierOutput, history_prefix, in_window
from atlas.step.opening import open_data
from atlas.step.parts import check_part, located
from atlas.step.secrets import secret
from atlas.step.trusting import trust_of
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.plan import InputSource, Plan, PlanStep
    from atlas.store import Manifest, ModelVersion, Run, Store, Trust

MAX_KEYS = 1000
"""The most keys that a step may run for."""
MAX_KEY_BYTES = 64 * 2**10
"""The most bytes that a list of keys may have as JSON."""


@dataclass(frozen=True)
class Found:
    """One artifact that an input is made of: where it is, and what it may be."""

    store: Store
    manifest: Manifest
    trust: Trust

    def value(self) -> Any:
        """Read it."""
        return self.store.read(self.manifest, trust=self.trust)


@dataclass(frozen=True)
class Reader:
    """Finds and reads what the steps of one run read.

    Attributes:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        index: which key of a step's reads; None where it has none, or all are looked at.
        handles: the data sets that were opened.
    """

    store: Store
    plan: Plan
    run: Run
    index: int | None = None
    handles: list[DataHandle] = field(default_factory=list, compare=False, repr=False)
    _manifests: dict[tuple[str, str, int | None], Manifest] = field(
        default_factory=dict, compare=False, repr=False
    )

    def inputs(self, step: PlanStep) -> Mapping[str, InputSource]:
        """Return the inputs of a step that the run has, those that were skipped left out.

        A training has parts of a model only where it retrains one: else its steps do without.
        """
        from atlas.step.skipping import given_inputs

        given = given_inputs(self, step) if self.plan.skippable else step.inputs
        if self.run.flow != "training" or self.run.model is not None:
            return given
        return {name: source for name, source in given.items() if source.kind != "model"}

    def digest(self, step: PlanStep, name: str, source: InputSource) -> str:
        """Return a digest of an input's content; of a data set, of what its Plan says of it."""
        if source.kind == "data":
            return self._data_digest(step, source)
        if source.kind == KEY:
            return digest(self._key_of(step, source))
        return _digest(self._found(step, name, source))

    def value(self, step: PlanStep, name: str, source: InputSource) -> Any:
        """Return an input's value.

        Raises:
            StepError: it isn't there, isn't whole, or can't be read.
        """
        if source.kind == "data":
            return self._data(step, source)
        if source.kind == KEY:
            return self._key_of(step, source)
        content = self._found(step, name, source)
        with _named(step, name):
            return _value(content)

    def keys(self, step: PlanStep) -> list[Any]:
        """Return the keys that a step runs for, in their order; of several lists, each by name.

        Raises:
            StepError: they aren't a JSON list, or too many.
        """
        axes = step.foreach.axes if step.foreach else ()
        lists = {name: self._list(step, name, source) for name, source in axes}
        count = prod(map(len, lists.values()))
        if count > MAX_KEYS:
            sizes = " x ".join(f"{len(keys)} of {name}" for name, keys in lists.items())
            found = f"found {count} combinations, {sizes}"
            raise StepError(step.name, f"foreach: {found}; expected at most {MAX_KEYS}")
        if len(lists) == 1:
            return next(iter(lists.values()))
        return [dict(zip(lists, keys, strict=True)) for keys in product(*lists.values())]

    def key(self, step: PlanStep) -> Any:
        """Return the key that this unit of a step runs for; by name, where it is of several lists.

        Raises:
            StepError: there is no such key.
        """
        keys = self.keys(step)
        if self.index is None or not 0 <= self.index < len(keys):
            found = "no index" if self.index is None else f"index {self.index}"
            raise StepError(step.name, f"{found}, expected one of {len(keys)} keys")
        return keys[self.index]

    def _key_of(self, step: PlanStep, source: InputSource) -> Any:
        assert step.foreach  # noqa: S101 - only steps that run once per key read one
        return step.foreach.of(self.key(step))[source.name]

    def _list(self, step: PlanStep, name: str, source: InputSource) -> list[Any]:
        if source.kind == LITERAL_KEYS:
            return list(source.keys)
        keys = self.value(step, name, source)
        if isinstance(keys, DataHandle):
            keys = keys.read()
        if not isinstance(keys, list | tuple):
            found = f"found a {type(keys).__name__}"
            raise StepError(step.name, f"foreach.{name}: {found}, expected a JSON list")
        keys = [key.item() if hasattr(key, "item") else key for key in keys]
        try:
            size = len(json.dumps(keys))
        except (TypeError, ValueError) as error:
            text = f"foreach.{name}: a key isn't plain JSON: {error}; expected a JSON list"
            raise StepError(step.name, text) from None
        if len(keys) > MAX_KEYS or size > MAX_KEY_BYTES:
            found = f"found {len(keys)} keys of {size} bytes"
            expected = f"expected at most {MAX_KEYS} of {MAX_KEY_BYTES}"
            raise StepError(step.name, f"foreach.{name}: {found}, {expected}")
        return keys

    def _found(self, step: PlanStep, name: str, source: InputSource) -> Content:
        find: Callable[..., Content] = getattr(self, f"_of_{source.kind}")
        with _named(step, name):
            return find(source)

    def _of_step(self, source: InputSource) -> Found | list[Found]:
        declared = self.plan.step(source.name).outputs.get(source.output)
        upstream, trust = self.plan.step(source.name), trust_of(self.plan, declared)
        if source.same_key:
            return Found(self.store, self._own(source, self.index), trust)
        count = None if upstream.foreach is None else len(self.keys(upstream))
        return self._made(source, trust, count)

    def _made(self, source: InputSource, trust: Trust, count: int | None) -> Found | list[Found]:
        """Return what a step of the run has made, in the order of its keys if it has any."""
        if count is None:
            return Found(self.store, self._own(source, None), trust)
        return [Found(self.store, self._own(source, index), trust) for index in range(count)]

    def _own(self, source: InputSource, index: int | None) -> Manifest:
        place = (source.name, source.output, index)
        if place not in self._manifests:
            pipeline, run, (name, output, _) = self.run.pipeline, self.run.id, place
            manifest = self.store.manifest(pipeline, run, name, output, index=index)
            self._manifests[place] = manifest
        return self._manifests[place]

    def _of_model(self, source: InputSource) -> Found:
        return self._part(self.run.model, source)

    def _of_challenger(self, source: InputSource) -> Found:
        return self._part(self.run.challenger, source)

    def _part(self, model: ModelVersion | None, source: InputSource) -> Found:
        if model is None:
            raise StoreError(f"{source.kind}.{source.name}: the run has none")
        part = model.parts[source.name]
        store, key = located(self.store, self.plan.stores, part.uri)
        manifest = store.manifest_at(key)
        check_part(part, manifest, own=store is self.store)
        declared = self.plan.model.outputs.get(source.name) if self.plan.model else None
        return Found(store, manifest, trust_of(self.plan, declared))

    def _of_pipeline(self, source: InputSource) -> Found | list[Found]:
        pointed = self.run.upstream[f"pipeline:{source.name}/{source.step}"]
        return self._elsewhere(pointed, source)

    def _of_family(self, source: InputSource) -> dict[str, Any]:
        start = f"family:{source.name}/{source.step}/"
        runs = {
            k.removeprefix(start): v for k, v in self.run.upstream.items() if k.startswith(start)
        }
        return {member: self._elsewhere(run, source) for member, run in sorted(runs.items())}

    def _of_history(self, source: InputSource) -> list[Any]:
        start = history_prefix(source)
        pointed = [value for key, value in self.run.upstream.items() if key.startswith(start)]
        runs = (self.store.run(*path.split("/", 1)) for path in pointed)
        return [
            EarlierOutput(run, self._elsewhere(f"{run.pipeline}/{run.id}", source))
            for run in runs
            if in_window(run, source, self.run)
        ]

    def _elsewhere(self, pointed: str, source: InputSource) -> Found | list[Found]:
        """Return what another pipeline's run has made.

        Its Plan is read from the store, which others may write to: nothing that it says is opened,
        the keys of a step neither. They are counted by the outcomes that it has.
        """
        pipeline, _, name = pointed.partition("/")
        run = self.store.run(pipeline, name)
        reader = Reader(self.store, self.store.plan(run.plan), run)
        from atlas.plan.parts import InputSource as Reference
        from atlas.plan.parts import Output

        # What the artifact may be, this run's Plan says, not the other's: that is read from a file.
        trust = trust_of(self.plan, Output("", source.format, source.trust))
        is_single = reader.plan.step(source.step).foreach is None
        count = None if is_single else len(self.store.indexes(run, source.step))
        return reader._made(Reference("step", source.step, source.output), trust, count)

    def _data(self, step: PlanStep, source: InputSource) -> DataHandle:
        handle = self._opened(step, source)
        handle.read_only = bool(step.rival_of)
        self.handles.append(handle)
        return handle

    def _opened(self, step: PlanStep, source: InputSource) -> DataHandle:
        declared, run = self.plan.data[source.name], self.run
        credential = declared.credential
        text = secret(self.plan, step.name, credential) if credential else ""
        handle = open_data(
            declared,
            source.name,
            step.name,
            run.interval_start,
            self.store.url,
            axes=self.plan.axes,
            end=run.interval_end,
            run=run.id,
            writer=f"{run.pipeline}.{run.flow}.{step.name}",
            secret=text,
        )
        if credential and handle.sql is None:
            handle.options = storage_options(step.name, credential, text)
        return handle

    def _data_digest(self, step: PlanStep, source: InputSource) -> str:
        """Return a digest of a data set: of its version, and of how it is read."""
        declared = self.plan.data[source.name]
        facts: list[Any] = [declared.uri, declared.format, declared.version]
        read = ("options", "table", "query", "partition", "checks", "type")
        how = {name: getattr(declared, name) for name in read if getattr(declared, name)}
        if how:
            facts.append({name: list(v) if isinstance(v, tuple) else v for name, v in how.items()})
        if declared.version == CONTENT:
            facts.append(self._content(step, source))
        return digest(facts)

    def _content(self, step: PlanStep, source: InputSource) -> str:
        """Return the digest of what a data set holds now; empty where nothing is there.

        That is as good as content: a step may be about to write it. One that reads it fails then.
        """
        handle = self._opened(step, source)
        try:
            place, key = handle.place()
            is_folder = handle.uri.endswith("/")
            parts = (handle.declared.partition, handle.format, handle.facts)
            name, kept = f"{source.name} {handle.uri}", self.store.location
            return content_version(kept, place, key, name, parts if is_folder else None)
        except FileNotFoundError:
            return ""
        except StoreError as error:
            raise StepError(step.name, f"data.{source.name}: {error}") from error


Content: TypeAlias = "Found | EarlierOutput | list[Any] | dict[str, Any]"
"""What an input is made of: one artifact, or several by their order or by names."""


def _digest(content: Content) -> str:
    if isinstance(content, Found):
        return content.manifest.digest
    if isinstance(content, EarlierOutput):
        return digest([*content.facts(), _digest(content.content)])
    items = content.items() if isinstance(content, dict) else enumerate(content)
    return digest([[key, _digest(part)] for key, part in items])


def _value(content: Content) -> Any:
    if isinstance(content, Found):
        return content.value()
    if isinstance(content, EarlierOutput):
        return content.batch(_value(content.content))
    if isinstance(content, dict):
        return {key: _value(part) for key, part in content.items()}
    return [_value(part) for part in content]


class _named:
    """Puts the step's and the input's name in front of what the store says."""

    def __init__(self, step: PlanStep, name: str) -> None:
        self.step, self.name = step.name, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, StoreError):
            raise StepError(self.step, f"inputs.{self.name}: {error}") from error


def storage_options(step: str, name: str, text: str) -> dict[str, Any]:
    """Return fsspec's storage options of a credential.

    Args:
        step: the step that gets it, for messages.
        name: the secret's name.
        text: its value.

    Raises:
        StepError: it isn't a JSON object.
    """
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        expected = "expected a JSON object with fsspec's storage options"
        raise StepError(step, f"secret '{name}' isn't a credential: {expected}")
    return options
