"""Approving a retraining, or declining it: who decides first, decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.models.actor import this_process
from atlas.retraining import state as states
from atlas.retraining.records import NO_APPROVAL, Approval, EventRecords
from atlas.retraining.state import stands

if TYPE_CHECKING:
    from atlas.store import Store


def approve(
    store: Store, pipeline: str, event: str, *, approved: bool = True, reason: str = ""
) -> Approval:
    """Record that a retraining goes on, or doesn't; `retrain` acts on it.

    Args:
        store: the artifact store.
        pipeline: the pipeline's name.
        event: the event's id.
        approved: whether it goes on.
        reason: why, in words for the record.

    Returns:
        The decision that holds: the same twice is once.

    Raises:
        AtlasError: there is nothing to decide, or somebody has decided otherwise.

    What needs no approval can be declined, too, until it is under way.
    """
    records = EventRecords(store, pipeline, event)
    where = f"retraining {event} of {pipeline}"
    if records.approval is None:
        _check(records, where, approved=approved)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    records.decide(Approval(approved, str(this_process()), now, reason))
    decided = records.approval
    if decided is None or decided.approved != approved:
        by = f"{decided.by} at {decided.at}" if decided else "somebody"
        word = "approved" if decided and decided.approved else states.DECLINED
        raise AtlasError(f"{where}: was {word} by {by}; that can't be changed")
    return decided


def _check(records: EventRecords, where: str, *, approved: bool) -> None:
    """Refuse a decision that there is nothing to decide by.

    Raises:
        AtlasError: it is over, takes no approval, or is under way elsewhere.
    """
    known, request = stands(records), records.request
    if known is not None and known.is_over:
        raise AtlasError(f"{where}: is {known.state} already, so there is nothing to decide")
    if approved and (known is None or request is None):
        raise AtlasError(f"{where}: nobody has asked for it yet; expected an event that waits")
    if approved and request is not None and request.approval == NO_APPROVAL:
        raise AtlasError(f"{where}: takes no approval; it is {known.state if known else 'open'}")
    if not approved and known and known.state == states.RUNNING and records.is_elsewhere:
        text = f"run {known.run} is under way on {known.target}"
        raise AtlasError(f"{where}: {text}; end it there, and the retraining has failed")
