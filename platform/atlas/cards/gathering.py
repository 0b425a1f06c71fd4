"""Gathering what a card says: from the version's tags, its run, the log, and labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.cards.card import TEXTS, CardBatch, CardDecision, CardMetric, CardTable, ModelCard
from atlas.cards.measured import metrics_with_intervals, slices_of
from atlas.errors import StoreError
from atlas.models.log import KEPT, PROMOTED
from atlas.models.measurements import measurements
from atlas.models.signature import SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.models.champions import Champions
    from atlas.models.log import LogEntry
    from atlas.models.measurements import BatchMeasurement
    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.tracking.registry import RegisteredVersion

MOST_BATCHES = 30
"""The most batches that a card shows, the newest ones."""
_DATA = "atlas.data."
_LINEAGE: Mapping[str, str] = {
    "atlas.pipeline": "Pipeline",
    "atlas.run": "Run",
    "atlas.commit": "Git commit",
    "atlas.dirty": "Changed since the commit",
    "atlas.digest.plan": "Plan",
    "atlas.digest.recipe": "Recipe",
    "atlas.digest.config": "Config",
    "atlas.digest.code": "Code",
    "atlas.images": "Images",
    "atlas.parts": "Parts",
    "atlas.kubeflow.pipeline": "Kubeflow pipeline",
    "atlas.kubeflow.version": "Kubeflow version",
    "atlas.kubeflow.run": "Kubeflow run",
    "atlas.airflow.dag": "Airflow DAG",
    "atlas.airflow.run": "Airflow run",
}
"""Tags of a version → what a card calls them."""


def card_of(champions: Champions, plan: Plan, version: RegisteredVersion) -> ModelCard:
    """Return the card of a version.

    What can't be found is a note of the card, and no error: a card of an old version may lack its
    run.

    Args:
        champions: the model's champion and its log.
        plan: the pipeline's Plan as it is now, whose ``card`` people have written.
        version: the version.

    Raises:
        PlatformError: the registry doesn't answer.
    """
    store, notes = champions.store, []  # type: tuple[Store, list[str]]
    run = _run(store, version, notes)
    current = champions.current()
    return ModelCard(
        model=version.model,
        version=version.version,
        pipeline=version.tags.get("atlas.pipeline", plan.name),
        trained=run.created if run else "",
        champion=current.version if current else "",
        texts={name: str(plan.card[name]).strip() for name in TEXTS if plan.card.get(name)},
        owners=tuple(plan.card.get("owners", ())),
        data=dict(_data(version)),
        inputs=tuple(_tables(store, version, run, "inputs")),
        outputs=tuple(_tables(store, version, run, "outputs")),
        metrics=tuple(_metrics(store, plan, version, run, notes)),
        decisions=tuple(_decisions(champions, version.version, notes)),
        faults=tuple(champions.faults()),
        batches=tuple(_batches(store, plan, version, notes)),
        lineage=dict(_lineage(version)),
        notes=tuple(notes),
    )


def _run(store: Store, version: RegisteredVersion, notes: list[str]) -> Run | None:
    """Return the run that has made a version; None where the store hasn't got it any more."""
    pipeline, run = (version.tags.get(f"atlas.{name}", "") for name in ("pipeline", "run"))
    try:
        return store.run(pipeline, run)
    except StoreError as error:
        notes.append(f"the training run: {error}")
        return None


def _metrics(
    store: Store, plan: Plan, version: RegisteredVersion, run: Run | None, notes: list[str]
) -> Iterator[CardMetric]:
    """Give the version's metrics: of its run, else those that its tag has."""
    try:
        if run is not None:
            made_by = store.plan(run.plan)
            yield from metrics_with_intervals(store, made_by, run, notes, slices_of(plan))
            return
    except StoreError as error:
        notes.append(f"the training run's Plan: {error}")
    for name, value in sorted(version.metrics().items()):
        yield CardMetric(name, value, method="the training run is gone")


def _data(version: RegisteredVersion) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, text in sorted(version.tags.items()):
        facts = _json(text) if name.startswith(_DATA) else None
        if isinstance(facts, dict):
            yield name.removeprefix(_DATA), facts


def _tables(
    store: Store, version: RegisteredVersion, run: Run | None, side: str
) -> Iterator[CardTable]:
    signature = _json(version.tags.get(SIGNATURE, ""))
    tables = signature.get(side, {}) if isinstance(signature, dict) else {}
    for name, columns in tables.items() if isinstance(tables, dict) else ():
        listed = columns if isinstance(columns, list) else []
        known = tuple(column for column in listed if isinstance(column, dict))
        yield CardTable(str(name), known, _row_count(store, run, str(name)))


def _row_count(store: Store, run: Run | None, name: str) -> int | None:
    """Return how many rows a table had, as the step that made or read it has counted."""
    if run is None:
        return None
    step, _, field = name.rpartition(".")
    try:
        source = store.plan(run.plan).step(step).inputs.get(field)
    except (StoreError, KeyError):
        return None
    step, output = (source.name, source.output) if source is not None else (step, field)
    outcome = store.outcome(run.pipeline, run.id, step) or {}
    rows = outcome.get("statistics", {}).get("outputs", {}).get(output, {}).get("rows")
    return rows if isinstance(rows, int) else None


def _decisions(champions: Champions, version: str, notes: list[str]) -> Iterator[CardDecision]:
    """Give the decisions on a version; what was found is in the entry before a promotion."""
    try:
        entries = [*champions.log.entries()]
    except StoreError as error:
        notes.append(f"the log of decisions: {error}")
        return
    for place, entry in enumerate(entries):
        if entry.version == version and entry.action in (KEPT, PROMOTED):
            found = entries[place - 1] if entry.action == PROMOTED and place else entry
            yield _decision(entry, found)


def _decision(entry: LogEntry, found: LogEntry) -> CardDecision:
    findings = found.evidence.get("findings", ())
    return CardDecision(
        time=entry.time,
        action=entry.action,
        who=f"{entry.who.get('user', '')}@{entry.who.get('host', '')}",
        champion=entry.champion,
        reason=entry.reason or found.reason,
        comparisons=tuple(finding for finding in findings if isinstance(finding, dict)),
        number=entry.number,
        digest=entry.digest,
    )


def _batches(
    store: Store, plan: Plan, version: RegisteredVersion, notes: list[str]
) -> list[CardBatch]:
    """Return how a version has done on the newest batches that labels have come of."""
    try:
        known = measurements(store, plan.name)
    except StoreError as error:
        notes.append(f"labels: {error}")
        return []
    parts = [(record, _part(record, version.version)) for record in known]
    return [
        CardBatch(
            record.interval_end or record.created,
            int(part.get("predictions", 0)),
            int(part.get("labels", 0)),
            dict(part.get("metrics", {})),
        )
        for record, part in parts[-MOST_BATCHES:]
        if part.get("labels")
    ]


def _part(record: BatchMeasurement, version: str) -> Mapping[str, Any]:
    """Return what is known of the rows that a version has predicted."""
    return record.versions.get(version, {})


def _lineage(version: RegisteredVersion) -> Iterator[tuple[str, str]]:
    for tag, name in _LINEAGE.items():
        text = version.tags.get(tag, "")
        if not text:
            continue
        facts = _json(text) if text.startswith("{") else None
        if isinstance(facts, dict):
            for part, fact in facts.items():
                digest = fact.get("sha256", "") if isinstance(fact, dict) else fact
                yield f"{name}: {part}", f"{digest}"
        else:
            yield name, text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
