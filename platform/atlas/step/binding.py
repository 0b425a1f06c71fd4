"""Binding a run: what is known only at its start, decided once, by whoever comes first."""

from __future__ import annotations

import json
import os
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.models.actor import this_process
from atlas.step.parameters import checked_parameters
from atlas.step.upstream import upstream_runs
from atlas.step.versions import challenger_of, champion_of, model_of
from atlas.store import Run, run_key
from atlas.store.keys import LAUNCHED, PAGE
from atlas.store.run import RETRAINING
from atlas.values import canonical, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan
    from atlas.store import Store


class FamilyRun(NamedTuple):
    """The run of a family that a command has started several members in; empty for none."""

    name: str = ""
    members: int = 0


NO_FAMILY = FamilyRun()


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What whoever starts a run asks for.

    Attributes:
        id: the run's id, as the target calls it.
        interval_start: ISO 8601, or empty.
        interval_end: ISO 8601, or empty.
        parameters: those that differ from the Plan's defaults.
        trigger: what started it.
        commit: git commit of the code, where it is known.
        repository: URL of the git repository, without user and password, where it is known.
        target: where it runs, if that isn't the Plan's target.
        version: the model version, in place of what the Plan says: a number, an alias, or
            `atlas.step.versions.AT_INTERVAL`.
        family: the family's run that it is part of.
        hold: what its version waits for before it may be the champion (`Run.hold`).
        promotion: the rule that decides on its version (`Run.promotion`); None for the Plan's.
    """

    id: str
    interval_start: str = ""
    interval_end: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = "manual"
    commit: str = ""
    target: str = ""
    version: str = ""
    family: FamilyRun = NO_FAMILY
    hold: str = ""
    promotion: Mapping[str, Any] | None = None
    repository: str = ""


def run_id(flow: str, given: str) -> str:
    """Return a run's id: a target's own may be the same for both flows of a pipeline."""
    name = given.replace("/", "_").replace("\\", "_").strip(". ")
    return name if name.startswith(f"{flow}-") else f"{flow}-{name}"


def bind(store: Store, plan: Plan, request: RunRequest) -> Run:
    """Return the run, bound now or by an earlier step.

    A run of the same id under another Plan, such as an interval that runs again after a deploy,
    is bound again and takes the place of the old one. What its version waits for, and the rule that
    decides on it, stay: the task of an orchestrator that binds it again knows nothing of them.

    Raises:
        StoreError: the store can't be read or written.
        PlatformError: the model registry doesn't answer, or has no such version.
        AtlasError: a parameter is wrong, or a pipeline that is read has no successful run.
    """
    name = run_id(plan.flow, request.id)
    if store.has_run(plan.name, name):
        bound = store.run(plan.name, name)
        if bound.plan == plan.digest:
            return bound
        request = replace(request, hold=bound.hold, promotion=bound.promotion)
        return store.rebind(_new_run(store, plan, replace(request, id=name)))
    bound = store.bind(_new_run(store, plan, replace(request, id=name)))
    remember(store, bound)
    return bound if bound.plan == plan.digest else store.rebind(replace(bound, plan=plan.digest))


def remember(store: Store, run: Run) -> None:
    """Make a run its pipeline's last one of the flow; the one before it is remembered beside."""
    before = last_run(store, run.pipeline, run.flow)
    if before != run.id:
        pointer = canonical({"run": run.id, "previous": before}).encode()
        store.location.write(_last_key(run.pipeline, run.flow), pointer)


def last_run(store: Store, pipeline: str, flow: str) -> str:
    """Return the id of the run of a flow that was started last, or nothing."""
    return _last(store, pipeline, flow).get("run", "")


def previous_run(store: Store, run: Run) -> str:
    """Return the id of the run that was started before this one, or nothing."""
    last = _last(store, run.pipeline, run.flow)
    return last.get("previous", "") if last.get("run") == run.id else ""


def _last(store: Store, pipeline: str, flow: str) -> dict[str, str]:
    try:
        pointer: dict[str, str] = json.loads(store.location.read(_last_key(pipeline, flow)))
    except (FileNotFoundError, ValueError):
        return {}
    return pointer


def remember_target(store: Store, run: Run, target: str) -> None:
    """Record to which target a run is given, before that has it."""
    store.location.create(_target_key(run), canonical({"target": target}).encode())


def target_of(store: Store, run: Run) -> str:
    """Return where a run is: the target that it was given to, else that which started it itself.

    Of a run that a schedule, an upstream or somebody on the orchestrator's page has started, its
    first step binds the target. Empty for a run of an earlier version of Atlas.
    """
    return launched_to(store, run) or run.target


def launched_to(store: Store, run: Run) -> str:
    """Return the target that Atlas has given a run to; empty for one that Atlas didn't start."""
    try:
        return str(json.loads(store.location.read(_target_key(run)))["target"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""


def remember_page(store: Store, run: Run, url: str) -> None:
    """Record where the orchestrator shows a run, once that has it."""
    if url and page_of(store, run) != url:
        store.location.write(_page_key(run), canonical({"url": url}).encode())


def page_of(store: Store, run: Run) -> str:
    """Return the orchestrator's page of a run; empty where none is known."""
    try:
        return str(json.loads(store.location.read(_page_key(run)))["url"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""


def _page_key(run: Run) -> str:
    return f"{run_key(run.pipeline, run.id)}/{PAGE}"


def _target_key(run: Run) -> str:
    return f"{run_key(run.pipeline, run.id)}/{LAUNCHED}"


def _last_key(pipeline: str, flow: str) -> str:
    return f"{pipeline}/last-{flow}.json"


def _new_run(store: Store, plan: Plan, request: RunRequest) -> Run:
    start, end = interval_between(request.interval_start, request.interval_end)
    model = model_of(store, plan, request.version, end)
    challenger, reason = challenger_of(store, plan, model)
    name, members = _round(plan, request, start, end)
    run = Run(
        id=request.id,
        pipeline=plan.name,
        flow=plan.flow,
        plan=plan.digest,
        interval_start=start,
        interval_end=end,
        parameters=checked_parameters(plan, request.parameters),
        model=model,
        champion=champion_of(store, plan, request.promotion),
        challenger=challenger,
        no_challenger=reason,
        trigger=request.trigger,
        commit=request.commit or os.environ.get("ATLAS_COMMIT", ""),
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        user=str(this_process()),
        target=request.target or plan.target,
        round=name,
        round_members=members,
        hold=request.hold,
        promotion=request.promotion,
        repository=request.repository,
    )
    return replace(run, upstream=upstream_runs(store, plan, run))


def _round(plan: Plan, request: RunRequest, start: str, end: str) -> tuple[str, int]:
    """Return which training of a family a run is part of, and of how many members that is.

    Members that a schedule starts have the interval in common. One that is retrained is alone.
    """
    if plan.family is None or request.family.name:
        return request.family if plan.family else NO_FAMILY
    if request.trigger == RETRAINING:
        return NO_FAMILY
    return (f"interval-{digest([start, end])[:16]}", plan.family.members) if end else ("", 0)


def parse_parameters(text: str) -> dict[str, Any]:
    """Return parameters that were given as JSON.

    Raises:
        AtlasError: it isn't a JSON object.
    """
    try:
        parameters = json.loads(text or "{}")
    except ValueError as error:
        raise AtlasError(f"parameters: no JSON: {error}") from None
    if not isinstance(parameters, dict):
        raise AtlasError(f"parameters: found a {type(parameters).__name__}, expected a JSON object")
    return parameters


def interval_between(start: str, end: str) -> tuple[str, str]:
    """Return the ends of an interval as `moment` has them; empty ones where they aren't given.

    Raises:
        AtlasError: one isn't a date or time, or the end is before the start. An empty interval is
            right: a run that somebody asks Airflow for has one.
    """
    first, last = moment(start, "interval start"), moment(end, "interval end")
    if first and last and datetime.fromisoformat(last) < datetime.fromisoformat(first):
        raise AtlasError(f"interval {start}..{end}: ends before it has begun; swap the two")
    return first, last


def moment(text: str, what: str = "interval") -> str:
    """Return a moment in ISO 8601, in UTC where it names no zone; of nothing, nothing.

    Raises:
        AtlasError: it isn't a date or time.
    """
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AtlasError(
            f"{what}: '{text}' isn't a date or time; expected ISO 8601, such as 2026-01-31"
        ) from None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat()
