"""The end of a run, as far as profiles go: a model's reference, and the record of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError, ProfileError, StoreError
from atlas.step.profiling import (
    PROFILES,
    breaches_in,
    checked,
    is_profiled,
    reference_of,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Plan
    from atlas.store import Run, Store


def tables_of(store: Store, plan: Plan, run: Run) -> dict[str, Mapping[str, Any]]:
    """Return what the steps of a run know of its monitored tables: table → facts.

    Of a step with ``foreach``, that of all keys together; the counts are added up and kept.

    Raises:
        StoreError: counts that a step has kept aren't there, or the sum can't be written.
        ProfileError: the keys' tables have different columns.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for table, spec in plan.statistics.items():
        step = plan.step(spec["step"])
        indexes = store.indexes(run, step.name) if step.foreach else [None]
        parts = [_facts(store, run, step.name, index).get(table) for index in indexes]
        known = [part for part in parts if part]
        if known and len(known) == len(parts):
            found[table] = known[0] if len(known) == 1 else _sum(store, plan, run, table, known)
    return found


def _facts(store: Store, run: Run, step: str, index: int | None) -> Mapping[str, Any]:
    """Return what a step's outcome says of its tables; nothing of that of another Plan."""
    outcome = store.outcome(run.pipeline, run.id, step, index) or {}
    if outcome.get("plan") != run.plan:
        return {}
    facts: Mapping[str, Any] = outcome.get("statistics", {}).get(PROFILES, {})
    return facts


def _sum(
    store: Store, plan: Plan, run: Run, table: str, parts: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return what is known of the tables of all keys together."""
    rows = sum(int(part["rows"]) for part in parts)
    if not all("profile" in part for part in parts):
        return {"rows": rows}
    from functools import reduce
    from operator import add

    from atlas.monitor.references import LearntTable, keep_profile, load_profile

    known = reference_of(store, plan, run) if run.flow != "training" else None
    beside = known.profiles.get(table) if known else None
    name = known.tables[table].profile if known and beside else ""
    profile = reduce(add, (load_profile(store, p["profile"], beside, name) for p in parts))
    sha256 = keep_profile(store, profile, name)
    if known is None or beside is None:
        return LearntTable(sha256, rows, parts[0].get("source", "")).to_json()
    return {"profile": sha256, "rows": rows, **checked(plan, known, table, profile, rows=rows)}


def recorded_batch(store: Store, plan: Plan, run: Run) -> tuple[str, ...]:
    """Record the batch of a run of inference whose steps are all done.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.

    Returns:
        What the batch breaks of what training's data promise, and why it isn't recorded.

    Raises:
        StoreError: the record can't be written.
    """
    if not plan.statistics or run.flow == "training" or not is_profiled(run):
        return ()
    from atlas.monitor.batches import BatchRecord, record_batch
    from atlas.monitor.quality import sentences

    try:
        facts = tables_of(store, plan, run)
    except (StoreError, ProfileError) as error:
        return (f"the batch isn't recorded: {error}",)
    if not facts:
        return ()
    named = {table: of["profile"] for table, of in facts.items() if "profile" in of}
    breaches = tuple(breaches_in(facts))
    record = BatchRecord.of(run, rows=rows_of(facts), profiles=named, breaches=breaches)
    try:
        record_batch(store, record)
    except PlatformError as error:
        return (f"the batch isn't recorded: {error}",)
    return tuple(sentences(breaches))


def reference_tags(store: Store, plan: Plan, run: Run) -> dict[str, str]:
    """Return the tag with the digest of what a training run's model was trained on.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the training run.

    Returns:
        No tag where nothing was learnt, or the counts of a step's keys can't be added up.

    Raises:
        StoreError: the reference can't be written.
    """
    if not plan.statistics:
        return {}
    from atlas.monitor.references import LearntTable, keep_reference
    from atlas.tracking.registry import REFERENCE

    try:
        facts = tables_of(store, plan, run)
        tables = {name: LearntTable.from_json(of) for name, of in facts.items()}
    except (ValueError, StoreError, ProfileError):
        return {}  # Nothing of it fails the training; `unlearnt` says so.
    return {REFERENCE: keep_reference(store, tables)} if tables else {}


def unlearnt(plan: Plan, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning where a version has no reference, though its Plan says what is monitored.

    Args:
        plan: the training Plan.
        tags: the version's.
    """
    from atlas.tracking.registry import REFERENCE

    if not plan.statistics or REFERENCE in tags:
        return ()
    tables = " and ".join(f"{s['step']}.{s['output']}" for s in plan.statistics.values())
    text = f"statistics: nothing could be learnt of {tables}, so the version's batches are compared"
    return (f"{text} with nothing; the steps' warnings say why",)
