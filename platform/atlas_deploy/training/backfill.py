"""The runs of a back-fill: one for each interval of a schedule in a range, with ids that say which.

The run of an interval has the id that its schedule would give it, ``inference-20260101T060000Z``;
one that takes its place has ``-2``, ``-3`` and so on behind. So the same command twice starts
nothing twice: it goes on with what has begun, and leaves what is done.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.step.intervals import dated, intervals, zone_of, zoned
from atlas.step.outcome import DONE
from atlas.step.versions import AT_INTERVAL, model_of
from atlas.values import seconds
from atlas_deploy.training.request import RESUME, RUN, SKIP, PlannedRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas.store import Store

FLOW = "inference"
NONE, FAILED, COMPLETED = "none", "failed", "completed"
"""Which intervals that have run are run once more: none, those whose run failed, or all."""
MOST = 10_000
"""The most intervals of one back-fill."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a back-fill is asked for.

    Attributes:
        first: start of the range: ISO 8601, in the schedule's time zone where it names none; or so
            long ago, as ``2d``.
        end: its end, exclusive, likewise; empty for now.
        reprocess: which intervals that have run are run once more.
        version: the model version: a number, an alias, `AT_INTERVAL`, or empty for what the Config
            says.
        deployed: whether what is deployed runs; which version that follows or pins, it says itself.
    """

    first: str
    end: str = ""
    reprocess: str = NONE
    version: str = ""
    deployed: bool = False


def planned_runs(
    store: Store,
    chosen: Sequence[tuple[Pipeline, Plan]],
    backfill: Backfill,
    now: datetime | None = None,
) -> list[PlannedRun]:
    """Return what is to be done with each interval, the oldest first.

    The version that an alias stands for is looked up once: all intervals are scored with the same.

    Args:
        store: the artifact store.
        chosen: the Plans, with their pipelines.
        backfill: what is asked for.
        now: intervals that end later are left out; by default the present.

    Raises:
        AtlasError: B001, B002, or a time is none.
        PlatformError: the model's registry doesn't answer, or has no such version.
    """
    moment = now or datetime.now(UTC)
    planned = [
        run
        for pipeline, plan in chosen
        for run in _of_plan(store, pipeline, plan, backfill, moment)
    ]
    if not planned:
        raise AtlasError("no interval of the schedule begins in this range", code="B002")
    if len(planned) > MOST:
        text = f"the range has {len(planned):,} intervals, expected at most {MOST:,}"
        raise AtlasError(f"{text} (take it in parts)", code="B002")
    return sorted(planned, key=lambda run: (run.interval[0], run.plan.name))


def _of_plan(
    store: Store, pipeline: Pipeline, plan: Plan, backfill: Backfill, now: datetime
) -> Iterator[PlannedRun]:
    schedule = plan.schedule
    if schedule is None:
        text = f"{plan.name}: {FLOW} has no schedule, so there are no intervals"
        hint = "give it one in the Config"
        raise AtlasError(f"{text} ({hint})", code="B001")
    zone = zone_of(schedule)
    first = _ago(backfill.first, now) or zoned(backfill.first, zone, "--from")
    end = (_ago(backfill.end, now) or zoned(backfill.end, zone, "--to")) if backfill.end else now
    if end <= first:
        raise AtlasError(f"the range {first.isoformat()}..{end.isoformat()} is empty", code="B002")
    version = backfill.version
    if not backfill.deployed:
        version = _version(store, plan, version)
    for start, over in intervals(schedule, first, end):
        run, action, reason = _decision(store, plan, start, backfill.reprocess)
        if datetime.fromisoformat(over) > now:
            action, reason = SKIP, "isn't over yet"
        yield PlannedRun(pipeline, plan, (start, over), run, action, reason, version)


def _ago(text: str, now: datetime) -> datetime | None:
    """Return the moment so long ago; None for a text that isn't a duration."""
    try:
        return now - timedelta(seconds=seconds(text))
    except ValueError:
        return None


def _version(store: Store, plan: Plan, desired: str) -> str:
    """Return the version that every interval is scored with; empty for what the Config pins."""
    if desired == AT_INTERVAL or plan.model is None:
        return desired
    is_pinned = not desired and plan.model.version.isdigit()
    model = None if is_pinned else model_of(store, plan, desired)
    return model.version if model else ""


def _decision(store: Store, plan: Plan, start: str, reprocess: str) -> tuple[str, str, str]:
    """Return the id of an interval's run, what is to be done, and why."""
    number = 1
    while store.has_run(plan.name, run_id_of(start, number + 1)):
        number += 1
    last, following = run_id_of(start, number), run_id_of(start, number + 1)
    if not store.has_run(plan.name, last):
        return last, RUN, "has not run"
    run, outcome = store.run(plan.name, last), store.run_outcome(plan.name, last)
    if outcome is None and run.plan == plan.digest:
        return last, RESUME, "has begun, and isn't over"
    if outcome is not None and outcome.get("status") == DONE:
        return (following, RUN, "is done") if reprocess == COMPLETED else (last, SKIP, "is done")
    text = "has failed" if outcome else "wasn't over when another Plan was deployed"
    return (last, SKIP, text) if reprocess == NONE else (following, RUN, text)


def run_id_of(start: str, number: int = 1) -> str:
    """Return the id of an interval's run, as its schedule gives it; a later one has a number."""
    name = f"{FLOW}-{dated(start)}"
    return name if number == 1 else f"{name}-{number}"
