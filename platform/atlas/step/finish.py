"""The end of a run: its outcome, its trained model, and its record on the way to MLflow."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from atlas.advice import command
from atlas.errors import PlatformError, StepError
from atlas.step.execute import recorded
from atlas.step.inputs import Reader
from atlas.step.outcome import DONE, FAILED, PARTIAL
from atlas.step.secrets import mask_for
from atlas.step.upstream import latest_key
from atlas.store import Part, artifact_key
from atlas.store.keys import OUTCOME, run_key
from atlas.store.run import same_parts
from atlas.tracking.mlflow import Mlflow
from atlas.tracking.promotion import Promotion, promote
from atlas.tracking.record import metrics_of, record_of, tags_of
from atlas.tracking.registry import CHAMPION, LocalRegistry, Registration
from atlas.tracking.spool import Pending, pending_for, state_spool
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Collection

    from atlas.plan import Plan, PlanStep
    from atlas.store import Run, Store
    from atlas.tracking.registry import Registry, Tracker, Version


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a run.

    Attributes:
        status: ``done`` or ``failed``.
        missing: steps that aren't done.
        model: the registered name of the model that it trained, or empty.
        version: the new version's number.
        promotion: whether that is the champion now, and why.
        tracked: MLflow's id of the run; empty when it waits in the spool.
        warnings: what didn't work out beside the run itself.
    """

    status: str
    missing: tuple[str, ...] = ()
    model: str = ""
    version: str = ""
    promotion: Promotion | None = None
    tracked: str = ""
    warnings: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return what came of the run besides its steps, as plain data without what is empty."""
        raw = asdict(self)
        names = ("model", "version", "promotion", "tracked", "warnings")
        return {name: raw[name] for name in names if raw[name]}

    def lines(self) -> list[str]:
        """Return it in words, a line each."""
        lines = [f"warning: {text}" for text in self.warnings]
        if self.missing:
            lines.append(f"not done: {', '.join(self.missing)}")
        if self.model:
            lines.append(f"{self.model} version {self.version} is registered")
        if self.promotion:
            verb = "is" if self.promotion.promoted else "isn't"
            lines.append(f"version {self.version} {verb} the {CHAMPION}: {self.promotion.reason}")
        return lines


def finish(
    store: Store,
    plan: Plan,
    run: Run,
    *,
    wanted: Collection[str] | None = None,
    parent: str = "",
    again: bool = True,
) -> Finished:
    """Record how a run ended, register what it trained, and tell MLflow.

    Doing it twice changes nothing: the same run is the same MLflow run and the same version.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        wanted: the steps that were asked for; None for all.
        parent: name of the family's run that it is nested in, or empty.
        again: whether MLflow may have something of the run already.

    Raises:
        StoreError: the outcome can't be recorded.
    """
    missing = unfinished(store, plan, run)
    failed = missing if wanted is None else [name for name in missing if name in wanted]
    status = FAILED if failed else PARTIAL if missing else DONE
    ended = datetime.now(UTC).isoformat(timespec="milliseconds")
    outcome = {"status": status, "plan": plan.digest, "ended": ended, "missing": missing}
    key = f"{run_key(run.pipeline, run.id)}/{OUTCOME}"
    store.place.write(key, canonical(outcome).encode())
    if not missing:
        steps = [step.name for step in plan.steps]
        pointer = canonical({"run": run.id, "steps": steps}).encode()
        store.place.write(latest_key(plan.name, plan.flow), pointer)
    pending = pending_for(store, run, running=False, parent=parent)
    finished = deliver(store, plan, run, Finished(status, tuple(failed)), pending, again=again)
    facts = finished.to_json()
    if facts:
        store.place.write(key, canonical({**outcome, **facts}).encode())
    return finished


def tracker_of_steps() -> Tracker | None:
    """Return the MLflow server that the platform has told steps of, if it has one."""
    url = os.environ.get("ATLAS_MLFLOW_URL", "")
    return Mlflow(url) if url else None


def deliver(
    store: Store,
    plan: Plan,
    run: Run,
    finished: Finished,
    pending: Pending,
    *,
    again: bool = True,
    tracker: Tracker | None = None,
) -> Finished:
    """Tell MLflow of a run that is over, and register its model; else keep it in the spool.

    Args:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        finished: how it ended.
        pending: what the spool keeps of it.
        again: whether MLflow may have something of the run already.
        tracker: where to; by default the platform's MLflow.
    """
    tracker = tracker or tracker_of_steps()
    if tracker is None:
        return _keep(pending, _registered(store, plan, run, LocalRegistry(store), finished))
    tracked = ""
    try:
        record = record_of(store, plan, run).masked(mask_for(plan))
        tracked = tracker.send(record, parent=pending.parent, again=again)
        finished = _registered(store, plan, run, tracker, replace(finished, tracked=tracked))
    except PlatformError as error:
        warning = f"{error}; {_what_waits(tracked)}"
        finished = replace(finished, warnings=(*finished.warnings, warning))
        return _keep(pending, _registered(store, plan, run, LocalRegistry(store), finished))
    spool = state_spool()
    if spool is not None:
        spool.remove(pending)
    return finished


def _what_waits(tracked: str) -> str:
    """Return what MLflow hasn't got of a run yet, and what sends it, for a warning."""
    if state_spool() is None:
        return "nothing sends it later, for no ATLAS_STATE names a state folder"
    later = command("runs", "--sync")
    if tracked:
        return f"MLflow has the run, its model waits in the spool, {later} registers it"
    return f"the run waits in the spool, {later} sends it"


def amend(store: Store, run: Run, finished: Finished) -> None:
    """Record of a run that is over what has become of it since, such as that MLflow has it."""
    raw = store.run_outcome(run.pipeline, run.id)
    if raw:
        kept = {name: raw[name] for name in ("status", "plan", "ended", "missing") if name in raw}
        text = canonical({**kept, **finished.to_json()})
        store.place.write(f"{run_key(run.pipeline, run.id)}/{OUTCOME}", text.encode())


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
    return finish(store, plan, run) if store.place.create(marker, b"{}") else None


def _is_done(store: Store, plan: Plan, run: Run, step: PlanStep) -> bool:
    if step.foreach is None:
        outcome = recorded(store, run, step.name)
        return outcome is not None and outcome.ok
    source = step.foreach[1]
    if source.kind == "step" and not _is_done(store, plan, run, plan.step(source.name)):
        return False
    try:
        count = range(len(Reader(store, plan, run).keys(step)))
    except StepError:
        return False
    outcomes = (recorded(store, run, step.name, index) for index in count)
    return all(one is not None and one.ok for one in outcomes)


def _registered(
    store: Store, plan: Plan, run: Run, registry: Registry, finished: Finished
) -> Finished:
    """Register the model that a training run has made, and promote it if it passes the rule."""
    model = plan.model
    if run.flow != "training" or model is None or not model.parts or finished.status != DONE:
        return finished
    registration = _registration(store, plan, run)
    champion = registry.find(model.name, CHAMPION)
    if champion is not None and _is_same(champion, registration):
        promotion = Promotion(True, "this run made the very same", champion.version)
        return replace(finished, model=model.name, version=champion.version, promotion=promotion)
    version = registry.register(registration, finished.tracked)
    metrics = registration.metrics
    rule, rival = plan.promotion, run.champion
    promotion = promote(registry, model.name, version, rule, metrics, rival=rival)
    if not isinstance(registry, LocalRegistry):
        _mirror(LocalRegistry(store), registration, version, promotion)
    warnings = (*finished.warnings, *_notes(store, plan, run))
    return replace(
        finished, model=model.name, version=version, promotion=promotion, warnings=warnings
    )


def _notes(store: Store, plan: Plan, run: Run) -> tuple[str, ...]:
    """Return what the step that scored the model says of its scoring the champion."""
    judge = plan.promotion.get("metric", "").rpartition(".")[0]
    outcome = recorded(store, run, judge) if judge in plan.by_name else None
    return outcome.notes if outcome else ()


def _is_same(champion: Version, registration: Registration) -> bool:
    """Tell whether a version was made by the same Plan, with the same parts to the byte.

    So a repeated training, cached or not, adds no version that differs in nothing.
    """
    plan = "atlas.digest.plan"
    try:
        there = champion.resolved().parts
    except PlatformError:
        return False
    same = same_parts(registration.parts, there)
    return same and champion.tags.get(plan) == registration.tags.get(plan)


def _mirror(
    local: LocalRegistry, registration: Registration, version: str, promotion: Promotion
) -> None:
    """Keep what MLflow knows in the store too, for runs while MLflow is down."""
    local.add(registration, version)
    if promotion.promoted:
        local.set_alias(registration.model, CHAMPION, version)


def _registration(store: Store, plan: Plan, run: Run) -> Registration:
    model = plan.model
    assert model is not None  # noqa: S101  (the caller has looked; for mypy)
    parts = {name: _part(store, run, output) for name, output in model.parts.items()}
    data = {
        f"atlas.data.{name}": canonical({"uri": one.uri, "version": one.version})
        for name, one in plan.data.items()
    }
    tags = {**tags_of(plan, run), **data}
    tags = mask_for(plan).plain(tags)
    return Registration(model.name, run.id, parts, tags, metrics_of(store, plan, run))


def _part(store: Store, run: Run, output: str) -> Part:
    step, _, name = output.rpartition(".")
    key = artifact_key(run.pipeline, run.id, step, name, None)
    manifest = store.manifest_at(key)
    return Part(f"{store.url}/{key}", manifest.sha256, manifest.digest)


def _keep(pending: Pending, finished: Finished) -> Finished:
    """Leave a run in the spool, where there is one."""
    spool = state_spool()
    if spool is not None:
        spool.add(pending)
    return finished


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
        promotion=Promotion(**raw["promotion"]) if raw.get("promotion") else None,
        tracked=raw.get("tracked", ""),
        warnings=tuple(raw.get("warnings", ())),
    )
