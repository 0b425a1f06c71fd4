"""The end of a run, as far as profiles go: a model's reference, and the record of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError
from atlas.step.profiling import PROFILES, breaches_in, is_profiled, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store import Run, Store


def tables_of(store: Store, plan: Plan, run: Run) -> dict[str, Mapping[str, Any]]:
    """Return what the steps of a run know of its monitored tables: table → facts."""
    found: dict[str, Mapping[str, Any]] = {}
    for table, spec in plan.statistics.items():
        outcome = store.outcome(run.pipeline, run.id, spec["step"]) or {}
        profiles = outcome.get("statistics", {}).get(PROFILES, {})
        if outcome.get("plan") == run.plan and profiles.get(table):
            found[table] = profiles[table]
    return found


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

    facts = tables_of(store, plan, run)
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

    Raises:
        StoreError: the reference can't be written.
    """
    if not plan.statistics:
        return {}
    from atlas.monitor.references import LearntTable, keep_reference
    from atlas.tracking.registry import REFERENCE

    facts = tables_of(store, plan, run)
    try:
        tables = {name: LearntTable.from_json(of) for name, of in facts.items()}
    except ValueError:
        return {}  # An outcome that an earlier version of Atlas left.
    return {REFERENCE: keep_reference(store, tables)} if tables else {}
