"""The end of a run: its outcome, its trained model, and its record on the way to MLflow."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import AtlasError, PlatformError, StepError
from atlas.step.batches import recorded_batch
from atlas.step.execute import recorded
from atlas.step.finished import Finished
from atlas.step.inputs import Reader
from atlas.step.lineage_events import sent_lineage
from atlas.step.outcome import DONE, FAILED, PARTIAL, SKIPPED, Outcome
from atlas.step.publishing import published
from atlas.step.rivals import challenger_warnings
from atlas.step.skipping import skip_reason, skipped_steps
from atlas.step.upstream import earlier_runs, latest_key
from atlas.store.keys import OUTCOME, run_key
from atlas.store.run import BACKFILL, SANDBOX
from atlas.tracking.outbox import pending_for, state_outbox
from atlas.tracking.registry import LocalRegistry
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from atlas.models.promotion import Promotion
    from atlas.plan import Plan, PlanStep
    from atlas.store import Run, Store
    from atlas.tracking.mlflow import MlflowTracker
    from atlas.tracking.outbox import Outbox, Pending
    from atlas.tracking.registry import ModelRegistry


def finish(
    store: Store,
    plan: Plan,
    run: Run,
    *,
    selected: Collection[str] | None = None,
    parent: str = "",
    again: bool = True,
) -> Finished:
    """Record how a run ended, register what it trained, and tell MLflow.

    Doing it twice changes nothing: the same run is the same MLflow run and the same version. The
    run is in the outbox before its end is recorded, so a kill between the two loses nothing. Of a
    run in the sandbox only its end is recorded.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        selected: the steps that were asked for; None for all.
        parent: name of the family's run that it is nested in, or empty.
        again: whether MLflow may have something of the run already.

    Raises:
        StoreError: the outcome can't be recorded.
    """
    missing = unfinished(store, plan, run)
    failed = missing if selected is None else [name for name in missing if name in selected]
    status = FAILED if failed else PARTIAL if missing else DONE
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    outcome = {"status": status, "plan": plan.digest, "ended": now, "missing": missing}
    key = f"{run_key(run.pipeline, run.id)}/{OUTCOME}"
    if run.trigger == SANDBOX:
        store.location.write(key, canonical(outcome).encode())
        store.note_changed(run.pipeline, run.id)
        return Finished(status, tuple(failed))
    _announce(pending_for(store, run, running=True, parent=parent))
    batch = recorded_batch(store, plan, run) if status == DONE else ()
    is_new = store.run_outcome(run.pipeline, run.id) is None
    store.location.write(key, canonical(outcome).encode())
    warnings = (
        () if status == PARTIAL or missing != failed else published(store, plan, run, outcome)
    )
    if not missing and run.trigger != BACKFILL:
        store.location.write(latest_key(plan.name, plan.flow), _pointer(store, plan, run))
    pending = pending_for(store, run, running=False, parent=parent)
    warnings = (*batch, *warnings, *challenger_warnings(store, plan, run))
    so_far = Finished(status, tuple(failed), warnings=warnings)
    finished = deliver(store, plan, run, so_far, pending, again=again)
    finished = replace(finished, warnings=(*finished.warnings, *sent_lineage(store, run)))
    finished = _notified(store, plan, run, finished)
    facts = finished.to_json()
    if facts and not finished.waits:
        store.location.write(key, canonical({**outcome, **facts}).encode())
    if not is_new:
        store.note_changed(run.pipeline, run.id)
    return finished


def _notified(store: Store, plan: Plan, run: Run, finished: Finished) -> Finished:
    """Tell whoever is to be notified; that it can't be done is a warning."""
    if not plan.notify:
        return finished
    from atlas.step.notifying import notify_end

    return replace(finished, warnings=(*finished.warnings, *notify_end(store, plan, run, finished)))


def tracker_of_steps() -> MlflowTracker | None:
    """Return the MLflow server that variables name, if there is one."""
    url = os.environ.get("ATLAS_MLFLOW_URL", "")
    if not url:
        return None
    from atlas.tracking.mlflow import MlflowTracker

    return MlflowTracker(url)


def deliver(
    store: Store,
    plan: Plan,
    run: Run,
    finished: Finished,
    pending: Pending,
    *,
    again: bool = True,
) -> Finished:
    """Send a run that is over to MLflow, and register its model; else keep it in the outbox.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        finished: how it ended.
        pending: what the outbox keeps of it.
        again: whether MLflow may have something of the run already.
    """
    tracker, outbox = tracker_of_steps(), state_outbox()
    if tracker is None:
        _keep(outbox, pending)
        return _locally(store, plan, run, finished)
    from atlas.step.delivery import WAIT_SECONDS, put_off, sending, track

    tracked = ""
    try:
        with sending(store, run.pipeline, run.id, wait=WAIT_SECONDS) as is_mine:
            if not is_mine:
                raise PlatformError(f"run {run.id}: another process is sending it to MLflow")
            parent = pending.parent
            sent = track(store, plan, run, finished, tracker, parent=parent, again=again)
            tracked = sent.tracked
            sent = _registered(store, plan, run, tracker, sent)
            if outbox is not None:
                outbox.remove(pending)
            return sent
    except PlatformError as error:
        _keep(outbox, put_off(pending, error))
        warning = f"{error}; {_what_waits(outbox, tracked)}"
        finished = replace(finished, warnings=(*finished.warnings, warning))
        return _locally(store, plan, run, finished)


def _locally(store: Store, plan: Plan, run: Run, finished: Finished) -> Finished:
    """Register a run's model in the store alone, until MLflow can be reached."""
    try:
        return _registered(store, plan, run, LocalRegistry(store), finished)
    except PlatformError as error:
        warning = f"{error}; {command('runs', '--sync')} registers it"
        return replace(finished, warnings=(*finished.warnings, warning))


def _what_waits(outbox: Outbox | None, tracked: str) -> str:
    """Return what MLflow hasn't got of a run yet, and what sends it, for a warning."""
    if outbox is None:
        return "nothing sends it later, for no ATLAS_STATE names a state folder"
    later = command("runs", "--sync")
    if tracked:
        return f"MLflow has the run, its model waits in the outbox, {later} registers it"
    return f"the run waits in the outbox, {later} sends it"


def amend(store: Store, run: Run, finished: Finished) -> None:
    """Record of a run that is over what has become of it since, such as that MLflow has it.

    One that waits for its family was amended when it began to: since then, another process may have
    recorded that it waits no more.
    """
    raw = store.run_outcome(run.pipeline, run.id)
    if raw:
        kept = {name: raw[name] for name in ("status", "plan", "ended", "missing") if name in raw}
        text = canonical({**kept, **finished.to_json()})
        store.location.write(f"{run_key(run.pipeline, run.id)}/{OUTCOME}", text.encode())
        store.note_changed(run.pipeline, run.id)


def unfinished(store: Store, plan: Plan, run: Run) -> list[str]:
    """Return the steps of a run that aren't done, in the Plan's order."""
    return [step.name for step in plan.steps if not _is_done(store, plan, run, step)]


def finish_if_over(store: Store, plan: Plan, run: Run, step: str) -> Finished | None:
    """Finish a run after the last of its steps, where no one else will; only once.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        step: the step that has just been done.
    """
    followed = {name for other in plan.steps for name in other.upstream()}
    if step in followed or unfinished(store, plan, run):
        return None
    marker = f"{run_key(run.pipeline, run.id)}/finished-{run.plan[:16]}.json"
    return finish(store, plan, run) if store.location.create(marker, b"{}") else None


def _is_done(store: Store, plan: Plan, run: Run, step: PlanStep) -> bool:
    if step.name in plan.skippable and _is_skipped(store, plan, run, step):
        return True
    if step.foreach is None:
        outcome = recorded(store, run, step.name)
        return outcome is not None and outcome.ok and not outcome.is_skipped
    makers = {source.name for source in step.foreach.sources() if source.kind == "step"}
    if not all(_is_done(store, plan, run, plan.step(name)) for name in makers):
        return False
    try:
        count = range(len(Reader(store, plan, run).keys(step)))
    except StepError:
        return False
    outcomes = (recorded(store, run, step.name, index) for index in count)
    return all(outcome is not None and outcome.ok for outcome in outcomes)


def _is_skipped(store: Store, plan: Plan, run: Run, step: PlanStep) -> bool:
    """Tell whether a run skips a step; one that no target has begun is recorded as skipped."""
    try:
        reason = skip_reason(Reader(store, plan, run), step.name)
    except AtlasError:
        return False
    before = recorded(store, run, step.name) if reason else None
    if reason and (before is None or not before.is_skipped):
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        outcome = Outcome(SKIPPED, run.plan, started=now, ended=now, reason=reason)
        store.write_outcome(run.pipeline, run.id, step.name, outcome.to_json(), None)
    return bool(reason)


def _pointer(store: Store, plan: Plan, run: Run) -> bytes:
    """Return what the store keeps of a pipeline's latest run: its id, and the steps that it has.

    Of a step that it has skipped, the run that has it stays the one that had it before.
    """
    skipped = skipped_steps(store, plan, run) if plan.skippable else {}
    steps = [step.name for step in plan.steps if step.name not in skipped]
    earlier = earlier_runs(store, plan.name, plan.flow, skipped)
    pointer = {"run": run.id, "steps": steps, **({"earlier": earlier} if earlier else {})}
    return canonical(pointer).encode()


def _announce(pending: Pending) -> None:
    """Leave a run in the outbox until it is delivered, unless it is there since it began."""
    outbox = state_outbox()
    if outbox is not None and outbox.find(pending) is None:
        outbox.add(pending)


def _keep(outbox: Outbox | None, pending: Pending) -> None:
    """Leave a run in the outbox, where there is one."""
    if outbox is not None:
        outbox.add(pending)


def _registered(
    store: Store, plan: Plan, run: Run, registry: ModelRegistry, finished: Finished
) -> Finished:
    """Register what a run trained; without a model nothing of that is imported."""
    if plan.model is None:
        return finished
    from atlas.step.registering import registered

    return registered(store, plan, run, registry, finished)


def _promotion(raw: Mapping[str, Any]) -> Promotion:
    """Return a decision as it was recorded."""
    from atlas.models.promotion import Promotion

    return Promotion(**raw)


def refreshed(store: Store, run: Run, finished: Finished | None) -> Finished | None:
    """Return how a run ended, with what became since of a version that waited for its family."""
    if finished is None or not finished.waits:
        return finished
    return finished_run(store, run) or finished


def finished_run(store: Store, run: Run) -> Finished | None:
    """Return how a run ended under its Plan, as it was recorded; None when it hasn't."""
    raw = store.run_outcome(run.pipeline, run.id)
    if not raw or raw.get("plan", run.plan) != run.plan:
        return None
    return Finished(
        raw["status"],
        missing=tuple(raw.get("missing", ())),
        model=raw.get("model", ""),
        version=raw.get("version", ""),
        promotion=_promotion(raw["promotion"]) if raw.get("promotion") else None,
        tracked=raw.get("tracked", ""),
        warnings=tuple(raw.get("warnings", ())),
    )
