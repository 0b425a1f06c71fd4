"""Gathering what the catalogue says: from documents, the store, and its registry of models."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from atlas.catalog.entries import (
    Catalog,
    CatalogEntry,
    CatalogModel,
    CatalogTrigger,
    CatalogVersion,
)
from atlas.errors import AtlasError
from atlas.lineage import deployments
from atlas.monitor.last import last_check
from atlas.runs.history import history
from atlas.tracking.registry import CHAMPION, LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from atlas.catalog.entries import Link
    from atlas.lineage.deployments import DeploymentEntry
    from atlas.plan import Pipeline, Plan
    from atlas.runs.summary import RunSummary
    from atlas.store import Store
    from atlas.tracking.registry import RegisteredVersion

RUNS, VERSIONS = 10, 50
"""The most runs and versions that a page shows, the newest ones."""
_OTHERS = ("pipeline", "family", "history")
T = TypeVar("T")


def gather(
    pipelines: Sequence[Pipeline],
    store: Store,
    *,
    stores: Iterable[Store] = (),
    links: Callable[[Pipeline], Iterable[Link]] = lambda _: (),
    notes: Iterable[str] = (),
) -> Catalog:
    """Return the catalogue of some pipelines.

    Args:
        pipelines: those that have a page.
        store: of the Environment that they are resolved for: runs, models, checks.
        stores: of all Environments, whose deployments are shown.
        links: gives the pages of services about a pipeline.
        notes: what couldn't be read so far, in words.
    """
    told = [*notes]
    runs = _runs(store, pipelines, told)
    deployed = _deployed({one.url: one for one in (store, *stores)}.values(), told)
    reads = {pipeline.name: _reads(pipeline, pipelines) for pipeline in pipelines}
    readers: dict[str, list[str]] = defaultdict(list)
    for name, others in reads.items():
        for other in others:
            readers[other].append(name)
    entries = [
        _entry(
            pipeline,
            store,
            runs=tuple(runs.get(_stored(pipeline), ())),
            deployments=deployed.get(pipeline.config, {}),
            reads=reads[pipeline.name],
            read_by=tuple(sorted(readers[pipeline.name])),
            links=tuple(links(pipeline)),
        )
        for pipeline in pipelines
    ]
    entries.sort(key=lambda entry: entry.name)
    project = pipelines[0].project.root.resolve().name if pipelines else ""
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return Catalog(project, made, tuple(entries), tuple(told))


def _entry(pipeline: Pipeline, store: Store, **known: Any) -> CatalogEntry:
    """Return one pipeline's entry; what can't be read of it is a note."""
    notes: list[str] = []
    model = _noted(notes, lambda: _model(pipeline, store))
    check = _noted(notes, lambda: last_check(store, _stored(pipeline)))
    return CatalogEntry(
        pipeline,
        owners=_owners(pipeline),
        model=model,
        triggers=tuple(_triggers(check)),
        checked=str(check.get("checked", "")) if check else "",
        notes=tuple(notes),
        **known,
    )


def _noted(notes: list[str], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except AtlasError as error:
        notes.append(str(error))
        return None


def _stored(pipeline: Pipeline) -> str:
    """Return the name under which the store knows a pipeline: with the Environment's prefix."""
    return next(iter(pipeline.plans.values())).name


def _owners(pipeline: Pipeline) -> tuple[str, ...]:
    """Return who the card names; else who the project does."""
    training = pipeline.plans.get("training")
    named = training.card.get("owners", ()) if training else ()
    return tuple(map(str, named)) or tuple(filter(None, [pipeline.project.owner]))


def _runs(
    store: Store, pipelines: Sequence[Pipeline], notes: list[str]
) -> Mapping[str, list[RunSummary]]:
    found: dict[str, list[RunSummary]] = defaultdict(list)
    past = history(store, {_stored(pipeline) for pipeline in pipelines})
    notes += past.damaged
    for run in past.runs:
        if len(found[run.pipeline]) < RUNS:
            found[run.pipeline].append(run)
    return found


# Deployments ------------------------------------------------------------------------------------


def _deployed(
    stores: Iterable[Store], notes: list[str]
) -> Mapping[str, Mapping[str, DeploymentEntry]]:
    """Return the last deployment of each Config, by Environment."""
    found: dict[str, dict[str, DeploymentEntry]] = defaultdict(dict)
    for store in stores:
        place = store.location
        for stack in _noted(notes, partial(deployments.stacks, place)) or ():
            entries = deployments.entries_of(place, stack)
            config, _, environment = stack.rpartition(".")
            if entries:
                found[config][environment] = entries[-1]
    return found


# Models -----------------------------------------------------------------------------------------


def _model(pipeline: Pipeline, store: Store) -> CatalogModel | None:
    plans = pipeline.plans.values()
    model = next((plan.model for plan in plans if plan.model), None)
    if model is None:
        return None
    registry = LocalRegistry(store)
    versions = sorted(registry.versions(model.name), key=_order, reverse=True)[:VERSIONS]
    champion = registry.find(model.name, CHAMPION)
    return CatalogModel(
        model.name,
        champion.version if champion else "",
        _metric(pipeline.plans.get("training")),
        tuple(map(_version, versions)),
    )


def _metric(training: Plan | None) -> str:
    return str(training.promotion.get("metric", "")) if training else ""


def _order(version: RegisteredVersion) -> tuple[int, str]:
    digits = version.version.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else 0, version.version)


def _version(version: RegisteredVersion) -> CatalogVersion:
    tags = version.tags
    prefix = "atlas.data."
    return CatalogVersion(
        version.version,
        created=_moment(tags.get("atlas.run", "")),
        run=tags.get("atlas.run", ""),
        commit=tags.get("atlas.commit", ""),
        metrics=version.metrics(),
        data={
            name.removeprefix(prefix): _sha256(text)
            for name, text in sorted(tags.items())
            if name.startswith(prefix)
        },
    )


def _moment(run: str) -> str:
    """Return when a run began, as far as its id says so: ``training-20260101T060000-1a2b3c``."""
    parts = run.split("-")
    try:
        moment = datetime.strptime(parts[1], "%Y%m%dT%H%M%S")
    except (IndexError, ValueError):
        return ""
    return moment.isoformat()


def _sha256(text: str) -> str:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(raw.get("sha256", "")) if isinstance(raw, dict) else ""


# The monitor, and other pipelines ---------------------------------------------------------------


def _triggers(check: Mapping[str, Any] | None) -> Iterator[CatalogTrigger]:
    for raw in check["triggers"] if check else ():
        yield CatalogTrigger(
            str(raw.get("name", "")),
            str(raw.get("state", "")),
            _number(raw.get("spent")),
            _number(raw.get("budget")),
            str(raw.get("why", "")),
        )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _reads(pipeline: Pipeline, pipelines: Sequence[Pipeline]) -> tuple[str, ...]:
    """Return the pipelines that one reads, those of a family by name."""
    named = {
        source.name
        for plan in pipeline.plans.values()
        for step in plan.steps
        for source in step.inputs.values()
        if source.kind in _OTHERS
    }
    if not named:
        return ()
    others = (one for one in pipelines if one.name in named or one.config in named)
    return tuple(sorted({one.name for one in others} - {pipeline.name}))
