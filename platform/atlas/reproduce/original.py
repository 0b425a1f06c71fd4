"""The run that a model came of, as far as it was recorded."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StoreError
from atlas.lineage.kinds import kind as kinds
from atlas.lineage.kinds.model import split
from atlas.lineage.things import resolve_thing
from atlas.store import Run
from atlas.store.keys import is_artifact_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.lineage.sources import LineageSources
    from atlas.plan import Plan
    from atlas.step.outcome import Outcome
    from atlas.tracking.registry import RegisteredVersion

DELETED = (
    "the training run was removed: its parameters are the Plan's defaults, and only the model's "
    "parts and metrics can be compared"
)


@dataclass(frozen=True, slots=True)
class OriginalRun:
    """A training run, and what it made.

    Attributes:
        model: ``name/version``; empty where a run was asked for that registered none.
        plan: its Plan.
        run: its record; where that was removed, what the model version says of it.
        outcomes: how its units ended: ``step`` or ``step/0001`` → outcome.
        parts: ``step/output`` → sha256 of each part of the model, as it was registered.
        metrics: ``step.metric`` → value.
        statements: what has to be said of the original.
    """

    model: str
    plan: Plan
    run: Run
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    statements: tuple[str, ...] = ()


def original_of(sources: LineageSources, thing: str) -> OriginalRun:
    """Return the training run of a model version, or a run by its id.

    Raises:
        AtlasError: it is neither, its Plan is gone or altered, or it wasn't a training.
    """
    refs = resolve_thing(sources, thing)
    ref = refs[0]
    if len(refs) > 1 or ref.kind not in (kinds.MODEL, kinds.RUN):
        raise AtlasError(
            f"reproduce: {thing} is a {ref.kind}; expected a model version or the id of a training "
            "run"
        )
    original = _of_model(sources, ref.key) if ref.kind == kinds.MODEL else _of_run(sources, ref.key)
    if original.plan.flow != "training":
        text = f"{original.run.pipeline}/{original.run.id} is a run of {original.plan.flow}"
        raise AtlasError(f"reproduce: {text}; expected a training run or a model version")
    return original


def _of_run(sources: LineageSources, key: str, model: str = "") -> OriginalRun:
    pipeline, _, name = key.partition("/")
    run = sources.store.run(pipeline, name)
    plan = sources.store.plan(run.plan)
    outcomes = sources.outcomes(run)
    links = sources.links_of(key)
    metrics = {
        f"{unit.replace('/', '.')}.{metric}": value
        for unit, outcome in outcomes.items()
        for metric, value in outcome.metrics.items()
    }
    registered = model or (links.registered if links else "")
    return OriginalRun(registered, plan, run, outcomes, metrics=metrics)


def _of_model(sources: LineageSources, key: str) -> OriginalRun:
    registered = sources.version(*split(key))
    if registered is None:
        raise AtlasError(f"reproduce: model {key}: there is no such version any more")
    tags = registered.tags
    pipeline, name = tags.get("atlas.pipeline", registered.model), tags.get("atlas.run", "")
    parts = _parts(registered)
    if not sources.store.has_run(pipeline, name):
        return _of_tags(sources, registered, parts)
    original = _of_run(sources, f"{pipeline}/{name}", key)
    _require_same(original, registered)
    return OriginalRun(key, original.plan, original.run, original.outcomes, parts, original.metrics)


def _require_same(original: OriginalRun, registered: RegisteredVersion) -> None:
    """Refuse a run's record that names another Plan than the version that it registered.

    Raises:
        StoreError: one of the two was altered; which code is to run isn't known.
    """
    expected = registered.tags.get("atlas.digest.plan", original.run.plan)
    if original.run.plan != expected:
        where = f"{original.run.pipeline}/{original.run.id}/run.json"
        text = f"names Plan {original.run.plan}, and model {original.model} was made by {expected}"
        raise StoreError(f"{where}: {text}; one of the two was altered, so nothing is run")


def _of_tags(
    sources: LineageSources, registered: RegisteredVersion, parts: Mapping[str, str]
) -> OriginalRun:
    """Return what a version's tags say of its run."""
    tags = registered.tags
    plan = sources.store.plan(tags.get("atlas.digest.plan", ""))
    run = Run(
        tags.get("atlas.run", "training-removed"),
        plan.name,
        plan.flow,
        plan.digest,
        tags.get("atlas.interval.start", ""),
        tags.get("atlas.interval.end", ""),
        {name: parameter.default for name, parameter in plan.parameters.items()},
        commit=tags.get("atlas.commit", ""),
    )
    key = f"{registered.model}/{registered.version}"
    return OriginalRun(key, plan, run, {}, parts, registered.metrics(), (DELETED,))


def _parts(registered: RegisteredVersion) -> dict[str, str]:
    """Return the sha256 of each part, by the step and the output that it is of."""
    parts = {}
    for part in registered.resolved().parts.values():
        key = "/".join(part.uri.split("/")[-4:])
        if is_artifact_key(key):
            parts["/".join(key.split("/")[2:])] = part.sha256
    return parts
