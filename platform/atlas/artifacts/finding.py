"""What people call an artifact, and which it is: a run's output, or a part of a model version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StoreError, clean
from atlas.load import nearest
from atlas.runs.history import history
from atlas.step.parts import check_part, located
from atlas.step.versions import registered_version
from atlas.store.keys import artifact_key, is_index, unit_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.artifacts.opening import OpenedArtifacts
    from atlas.plan import Plan
    from atlas.store import Manifest, ModelPart, Run, Store

_MODEL = re.compile(r"models:/(?P<name>[^/@.][^/@]*)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")
_OUTPUT = re.compile(r"(?P<step>[^\[\]/]+?)(?:\[(?P<index>\d+)\])?\.(?P<output>[^.\[\]/]+)")
EXPECTED = (
    "a run's output (RUN/step.output, RUN/step[2].output), or a model version "
    "(models:/NAME@champion, models:/NAME/3)"
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact, found.

    Attributes:
        name: what people call it: ``train.model``, ``score[2].rows``, or a model's part.
        store: where it is.
        key: its folder there.
        manifest: what it is.
        plan: name of the Plan that made it.
        step: the step that made it; empty for a model's part.
        output: the output's name, or the part's.
        hides_rows: whether rows of it, or text, may not be shown.
    """

    name: str
    store: Store
    key: str
    manifest: Manifest
    plan: str = ""
    step: str = ""
    output: str = ""
    hides_rows: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        kept = self.manifest
        return {
            "name": self.name, "type": kept.type, "format": kept.format, "size": kept.size,
            "sha256": kept.sha256, "place": f"{self.store.url}/{kept.data}",
        }  # fmt: skip


def find(place: OpenedArtifacts, address: str) -> list[Artifact]:
    """Return the artifacts that an address stands for: one, or all parts of a model version.

    Args:
        place: where they are looked for.
        address: ``RUN/step.output`` or ``models:/NAME@ALIAS``.

    Raises:
        AtlasError: it is no address, or there is no such artifact.
        StoreError: it isn't whole, or isn't what was registered.
    """
    model = _MODEL.fullmatch(address)
    if model is not None:
        version = model["version"] or model["alias"]
        return _parts(place, model["name"], version)
    head, _, tail = address.rpartition("/")
    output = _OUTPUT.fullmatch(tail)
    if not head or output is None:
        raise AtlasError(f"'{clean(address, 200)}' isn't an artifact; expected {EXPECTED}")
    found = history(place.store).find(head)
    run = place.store.run(found.pipeline, found.run)
    plan = place.store.plan(run.plan)
    index = int(output["index"]) if output["index"] else None
    return [_output(place.store, plan, run, (output["step"], output["output"], index))]


def of_run(store: Store, run: Run) -> list[Artifact]:
    """Return all artifacts of a run, in the order of its steps; those that are gone are left out.

    Raises:
        StoreError: its Plan can't be read.
    """
    plan = store.plan(run.plan)
    return [artifact for step in plan.steps for artifact in _of_step(store, plan, run, step.name)]


def _of_step(store: Store, plan: Plan, run: Run, step: str) -> Iterator[Artifact]:
    names = store.location.names(unit_key(run.pipeline, run.id, step, None))
    keys = sorted(int(name) for name in names if is_index(name))
    indexes: list[int | None] = [*keys] or [None]
    for index in indexes:
        outcome = store.outcome(run.pipeline, run.id, step, index) or {}
        for output in outcome.get("outputs", {}):
            try:
                yield _output(store, plan, run, (step, str(output), index))
            except StoreError:
                continue


def _output(store: Store, plan: Plan, run: Run, what: tuple[str, str, int | None]) -> Artifact:
    """Return one output of a run: of a step, its output, and which key's.

    Raises:
        AtlasError: there is no such step.
        StoreError: there is no such artifact.
    """
    step, output, index = what
    if step not in plan.by_name:
        hint = nearest(step, plan.by_name) or f"there are {', '.join(plan.by_name)}"
        raise AtlasError(f"{plan.name}: its {plan.flow} has no step '{step}' ({hint})")
    key = artifact_key(run.pipeline, run.id, step, output, index)
    unit = step if index is None else f"{step}[{index}]"
    manifest = store.manifest_at(key)
    hides = bool(plan.hides_rows)
    return Artifact(f"{unit}.{output}", store, key, manifest, plan.name, step, output, hides)


def _parts(place: OpenedArtifacts, name: str, version: str) -> list[Artifact]:
    found = registered_version(place.registry, name, version)
    parts = found.resolved().parts
    pipeline = found.tags.get("atlas.pipeline", "")
    return [_part(place, pipeline, part, what) for part, what in parts.items()]


def _part(place: OpenedArtifacts, pipeline: str, name: str, part: ModelPart) -> Artifact:
    store, key = located(place.store, place.stores, part.uri)
    manifest = store.manifest_at(key)
    check_part(part, manifest, own=store is place.store)
    return Artifact(name, store, key, manifest, pipeline, "", name, _hides_rows(store, key))


def _hides_rows(store: Store, key: str) -> bool:
    """Return whether the run that has a model's part hides rows; also if that can't be known."""
    run_pipeline, run, *_ = key.split("/")
    try:
        return bool(store.plan(store.run(run_pipeline, run).plan).hides_rows)
    except StoreError:
        return True
