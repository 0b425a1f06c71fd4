"""What is trained again: the Plan, the code and the parameters that made the champion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import AtlasError, StoreError, clean
from atlas.step.binding import interval_between
from atlas.store.keys import is_run_id
from atlas.store.manifest import DIGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.tracking.registry import RegisteredVersion

TRAINING = "training"


@dataclass(frozen=True, slots=True)
class ChampionLineage:
    """Where the champion comes from.

    Attributes:
        plan: the Plan that made it.
        run: the run that made it; empty where its record was removed.
        commit: git commit of its code, where it is known.
        interval: start and end of the data that it was trained on; empty for no interval.
        parameters: what the training was given.
    """

    plan: Plan
    run: str
    commit: str
    interval: tuple[str, str]
    parameters: Mapping[str, Any]


def lineage_of(store: Store, champion: RegisteredVersion, pipeline: str) -> ChampionLineage:
    """Return where a version comes from.

    What the registry's tags say is only followed to what the store has under that digest, and only
    where it is a training of this very pipeline.

    Args:
        store: the artifact store.
        champion: the version.
        pipeline: the pipeline whose model it is.

    Raises:
        AtlasError: it wasn't made by Atlas, or its Plan is gone or is of another pipeline.
    """
    tags, where = champion.tags, f"model {champion.model}, version {champion.version}"
    plan_digest = tags.get("atlas.digest.plan", "")
    if not DIGEST.fullmatch(plan_digest):
        hint = f"train a version with Atlas first: {command('train')}"
        raise AtlasError(f"{where}: its tags name no Plan, so it can't be trained again ({hint})")
    plan = store.plan(plan_digest)
    if plan.name != pipeline or plan.flow != TRAINING:
        found = f"found {plan.flow} of {clean(plan.name, 80)}"
        raise AtlasError(f"{where}: its Plan isn't the training of {pipeline}: {found}")
    run = _run_of(store, pipeline, tags.get("atlas.run", ""), plan)
    if run is None:
        interval = interval_between(
            tags.get("atlas.interval.start", ""), tags.get("atlas.interval.end", "")
        )
        return ChampionLineage(plan, "", tags.get("atlas.commit", ""), interval, {})
    return ChampionLineage(
        plan, run.id, run.commit, (run.interval_start, run.interval_end), run.parameters
    )


def interval_of(lineage: ChampionLineage, window: float, end: str) -> tuple[str, str]:
    """Return the interval of the data that a retraining is to see; empty ones for no interval.

    It ends where the event's data end. It is as long as the window; without one, as long as the
    interval that the champion was trained on, and none where that had none.

    Args:
        lineage: where the champion comes from.
        window: length of the interval in seconds; 0 for the champion's.
        end: where the event's data end, ISO 8601.

    Raises:
        AtlasError: the window reaches back before the calendar.
    """
    start, before = lineage.interval
    if not window and not start:
        return "", ""
    _, last = interval_between("", end)
    moment = datetime.fromisoformat(last).astimezone(UTC)
    length = timedelta(seconds=window) if window else _length(start, before)
    try:
        return interval_between((moment - length).isoformat(), last)
    except OverflowError:
        text = f"its window of {length} reaches back before the calendar"
        raise AtlasError(f"retraining with data up to {end}: {text}") from None


def _length(start: str, end: str) -> timedelta:
    return datetime.fromisoformat(end) - datetime.fromisoformat(start)


def _run_of(store: Store, pipeline: str, run: str, plan: Plan) -> Run | None:
    """Return the run that made a version; None where its record was removed, or is another's."""
    if not is_run_id(run) or not store.has_run(pipeline, run):
        return None
    try:
        found = store.run(pipeline, run)
    except StoreError:
        return None
    return found if found.plan == plan.digest and found.flow == TRAINING else None
