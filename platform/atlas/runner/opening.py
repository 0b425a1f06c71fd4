"""Starting a run, or going on with one: its id, its lock, and its place in the outbox."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from atlas import files
from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.git import commit_of
from atlas.git.addresses import repository_of
from atlas.step import RunRequest, bind
from atlas.step.binding import interval_between, last_run, previous_run, remember, run_id
from atlas.store import FolderLocation, add_code
from atlas.store.location import TEMPORARY, explained
from atlas.store.run import SANDBOX
from atlas.tracking.outbox import pending_for, state_outbox

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.plan import Plan
    from atlas.runner.settings import RunSettings
    from atlas.step.binding import FamilyRun
    from atlas.store import Run, Store


@dataclass(frozen=True)
class OpenedRun:
    """A run that may begin.

    Attributes:
        run: the run.
        resumed: whether it had begun before, so that what is done of it stays.
        adopt: id of the run whose results are taken where nothing that they depend on has changed.
        previous: id of the run before this one, or empty.
        held: what is held until the run is over: its lock.
    """

    run: Run
    resumed: bool = False
    adopt: str = ""
    previous: str = ""
    held: ExitStack = field(default_factory=ExitStack)


def open_run(
    store: Store, plan: Plan, folder: Path, settings: RunSettings, family: FamilyRun
) -> OpenedRun:
    """Bind a run, or find the one to go on with; keep its Plan and code; remember it in the outbox.

    Args:
        store: the artifact store.
        plan: the Plan.
        folder: the pipeline's folder.
        settings: what the caller asks for.
        family: the family's run that it is nested in.

    Raises:
        AtlasError: the run can't be bound, or another process runs it.
    """
    store.add_plan(plan)
    add_code(store, folder, plan.code)
    before = _run_to_resume(store, plan, settings) if settings.resume else None
    if before is not None and _is_asked_for(before, plan, settings):
        opened = OpenedRun(before, True, previous=previous_run(store, before))
        remember(store, before)
    else:
        _require_new(store, plan, settings)
        request = _request(plan, folder, settings, new=settings.resume)
        run = bind(store, plan, replace(request, family=family))
        adopt = before.id if before else ""
        opened = OpenedRun(run, adopt=adopt, previous=previous_run(store, run))
    _lock(store, opened)
    outbox = state_outbox()
    is_apart = settings.rehearsal or opened.run.trigger == SANDBOX
    if outbox is not None and not is_apart:
        outbox.add(pending_for(store, opened.run, running=True, parent=family.name))
    return opened


def _is_asked_for(before: Run, plan: Plan, settings: RunSettings) -> bool:
    """Tell whether an earlier run is of the same Plan, parameters and interval, and as apart."""
    interval = interval_between(settings.interval_start, settings.interval_end)
    return (
        before.plan == plan.digest
        and (before.trigger == SANDBOX) == (settings.trigger == SANDBOX)
        and not settings.parameters
        and interval in (("", ""), (before.interval_start, before.interval_end))
    )


def _require_new(store: Store, plan: Plan, settings: RunSettings) -> None:
    """Refuse to put a new run in the place of one that is there: a model may be made of it.

    Raises:
        StoreError: there is a run of that id.
    """
    if settings.run and not settings.resume:
        run = run_id(plan.flow, settings.run)
        if store.has_run(plan.name, run):
            raise StoreError(
                f"run {run} of {plan.name}: is there already; resume it, or give another id"
            )


def _run_to_resume(store: Store, plan: Plan, settings: RunSettings) -> Run | None:
    """Return the run to go on with; None when there is none to speak of."""
    if settings.run:
        return store.run(plan.name, run_id(plan.flow, settings.run))
    last = last_run(store, plan.name, plan.flow)
    return store.run(plan.name, last) if last else None


def _request(plan: Plan, folder: Path, settings: RunSettings, *, new: bool) -> RunRequest:
    given = {n: v for n, v in settings.parameters.items() if n in plan.parameters}
    commit = commit_of(folder) if settings.commit is None else settings.commit
    return RunRequest(
        target="local",
        id=new_id(plan.flow) if new or not settings.run else settings.run,
        interval_start=settings.interval_start,
        interval_end=settings.interval_end,
        parameters=given,
        trigger=settings.trigger,
        version=settings.version,
        commit=commit,
        repository=repository_of(folder) if commit else "",
        hold=settings.hold,
        promotion=settings.promotion,
    )


def new_id(flow: str) -> str:
    """Return an id for a new run: when it was started, and three digits by chance.

    Ids of one flow sort as their runs were started, also within a second.
    """
    now = datetime.now(UTC)
    moment, chance = (
        now.microsecond * 4096 // 1_000_000,
        int.from_bytes(os.urandom(2), "big") % 4096,
    )
    return f"{flow}-{now:%Y%m%dT%H%M%S}-{moment:03x}{chance:03x}"


def _lock(store: Store, opened: OpenedRun) -> None:
    """Hold the run's lock as long as this process lives; only a folder has locks.

    Raises:
        StoreError: another process holds it, or the store's file system has no locks.
    """
    if not isinstance(store.location, FolderLocation):
        return
    key = f"{opened.run.pipeline}/{opened.run.id}/{TEMPORARY}lock"
    lock = store.location.appending(key)
    opened.held.callback(lock.close)
    with explained("lock", str(store.location.local(key))):
        is_locked = files.lock(lock)
    if not is_locked:
        opened.held.close()
        message = f"run {opened.run.id} of {opened.run.pipeline}: another process runs it"
        raise StoreError(f"{message}; wait until it is over")
