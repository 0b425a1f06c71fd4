"""How a retraining ended: from what its run came to, and from what somebody has decided since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.errors import PlatformError
from atlas.retraining import state as states
from atlas.retraining.records import RetrainingEnd
from atlas.step.finish import amend, finish, finished_run
from atlas.step.outcome import DONE

if TYPE_CHECKING:
    from atlas.monitor.events import TriggerEvent
    from atlas.retraining.records import StartedRetraining
    from atlas.retraining.starting import RetrainingPlace, RunState
    from atlas.step.finished import Finished

_RELEASE = "release"


def end_of(
    place: RetrainingPlace, event: TriggerEvent, started: StartedRetraining, found: RunState
) -> RetrainingEnd | None:
    """Return how a retraining ended, by its run; None while its version isn't registered yet.

    Args:
        place: where retrainings are recorded.
        event: the event.
        started: the run.
        found: how that stands: it is over.
    """
    finished = found.finished
    assert finished is not None  # noqa: S101  (the caller has looked; for mypy)
    if finished.status != DONE:
        missing = ", ".join(finished.missing)
        why = found.why or f"not done: {missing}"
        return RetrainingEnd(states.FAILED, why, started.attempt, event.model)
    known = _delivered(place, event, started, finished)
    if known is None or (known.promotion is not None and known.promotion.waits):
        return None
    return _ruled(event, started, known, place.store.run(event.pipeline, started.run).hold)


def _delivered(
    place: RetrainingPlace, event: TriggerEvent, started: StartedRetraining, finished: Finished
) -> Finished | None:
    """Return the run's end once the registry has its version; None while that can't be reached."""
    run = place.store.run(event.pipeline, started.run)
    recorded = finished_run(place.store, run) or finished
    if not _is_delivered(place, recorded):
        recorded = finish(place.store, place.store.plan(started.plan), run)
    return recorded if _is_delivered(place, recorded) else None


def _is_delivered(place: RetrainingPlace, finished: Finished) -> bool:
    """Tell whether the registry has a run's version, and what is decided of it."""
    is_there = place.registry.kind == "store" or bool(finished.tracked)
    return is_there and finished.promotion is not None


def _ruled(
    event: TriggerEvent, started: StartedRetraining, finished: Finished, hold: str
) -> RetrainingEnd:
    """Return what the rule has made of a version that is registered."""
    promotion = finished.promotion
    assert promotion is not None  # noqa: S101  (the caller has looked; for mypy)
    is_same = finished.version == event.version
    result = states.PROMOTED if promotion.promoted and not is_same else states.REJECTED
    if promotion.on_hold:
        result = states.REQUESTED if hold == _RELEASE else states.REGISTERED
    why = "training has made the very same model again" if is_same else promotion.reason
    version = "" if is_same else finished.version
    return RetrainingEnd(result, why, started.attempt, finished.model, version)


def promoted_after_approval(
    place: RetrainingPlace, event: TriggerEvent, started: StartedRetraining, end: RetrainingEnd
) -> RetrainingEnd:
    """Promote the version of a retraining that was approved, if it still passes its rule.

    Repeated after a crash, it finds what is done.

    Raises:
        PlatformError: the registry doesn't answer, or another process promotes for too long.
    """
    from atlas.step.registering import registered

    run = place.store.run(event.pipeline, started.run)
    plan = place.store.plan(started.plan)
    finished = finished_run(place.store, run)
    if finished is None:
        raise PlatformError(f"run {run.id} of {run.pipeline}: its end isn't recorded any more")
    freed = replace(run, hold="")
    now = registered(place.store, plan, freed, place.registry, replace(finished, promotion=None))
    amend(place.store, run, now)
    promotion = now.promotion
    is_promoted = promotion is not None and promotion.promoted
    why = promotion.reason if promotion else "it isn't decided"
    if promotion is not None and promotion.waits:
        return replace(end, why=why)
    return replace(end, result=states.PROMOTED if is_promoted else states.REJECTED, why=why)
