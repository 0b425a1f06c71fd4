"""Having a retraining's run done: here, or on an orchestrator, once, whoever asks how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.config import PromotionRule
from atlas.dataclass import dataclass
from atlas.errors import AtlasError, DeployError, InvalidError, TargetError
from atlas.registered import LOCAL_TARGET
from atlas.runner.events import ignore
from atlas.runner.settings import APART
from atlas.step.finish import finished_run
from atlas.store import code_folder
from atlas.store.run import RETRAINING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from atlas.plan import Plan
    from atlas.retraining.records import RetrainingRequest, StartedRetraining
    from atlas.runner import Event
    from atlas.runner.units import Report
    from atlas.step.finished import Finished
    from atlas.store import Store
    from atlas.targets.launcher import Launcher
    from atlas.tracking.registry import ModelRegistry

_NOT_DEPLOYED = "T301"


@dataclass(frozen=True, slots=True)
class RetrainingPlace:
    """Where retrainings are recorded, and what has them done.

    Attributes:
        store: the artifact store.
        registry: MLflow's where the platform has one, else the store's own.
        launcher_of: gives the launcher of a target, for a Plan as it was published, or for what is
            deployed under its name.
        restored: gives the folder of a Plan's code where the store has lost it, from its commit;
            None where there is no repository.
        listener: takes the events of a run on this machine, or on an orchestrator.
        report: makes a run's report; None for none.
        isolate: how steps of a run on this machine are kept apart (`RunSettings.isolate`).
    """

    store: Store
    registry: ModelRegistry
    launcher_of: Callable[[str, Plan], Launcher]
    restored: Callable[[Plan, str], Path] | None = None
    listener: Callable[[Event], None] = ignore
    report: Report | None = None
    isolate: str = APART


@dataclass(frozen=True, slots=True)
class RunState:
    """How a retraining's run stands.

    Attributes:
        finished: how it ended; None while it is under way.
        why: why it failed or isn't over, where there is something to say.
        page: where the orchestrator shows it.
    """

    finished: Finished | None = None
    why: str = ""
    page: str = ""


def trained_plan(
    place: RetrainingPlace, target: str, plan: Plan, deployed: str
) -> tuple[Plan, str]:
    """Return the Plan that a target trains for a champion's, and why it is another one, if it is.

    A target that keeps every version trains the champion's own. One that has one Plan under a name,
    as Airflow's DAG is of one, trains what is deployed.

    Args:
        place: where retrainings are recorded.
        target: the target's name.
        plan: the Plan that made the champion.
        deployed: digest of the training Plan that is deployed; empty for none.

    Raises:
        TargetError: the target can't start it: not deployed, paused, images missing.
        PlatformError: the target doesn't answer.
    """
    if target == LOCAL_TARGET:
        return plan, ""
    try:
        prepared, _ = place.launcher_of(target, plan).prepare(plan)
    except TargetError as error:
        if error.code != _NOT_DEPLOYED or deployed in ("", plan.digest):
            raise
        newer = place.store.plan(deployed)
        prepared, _ = place.launcher_of(target, newer).prepare(newer)
    if prepared.digest == plan.digest:
        return plan, ""
    text = f"{target} has Plan {prepared.digest[:12]} deployed, which is trained"
    return prepared, f"{text}; the champion was made by Plan {plan.digest[:12]}"


def check_rule(plan: Plan, promotion: Mapping[str, Any] | None) -> None:
    """Check that the steps of a Plan record the metrics of a rule.

    Args:
        plan: the Plan that is to train.
        promotion: the rule that will decide; None for the Plan's own.

    Raises:
        AtlasError: a metric is of a step that the Plan doesn't have.
    """
    rule = PromotionRule.parse(promotion or {})
    missing = [m.metric for m in rule.metrics if m.step not in plan.by_name] if rule else []
    if missing:
        steps = ", ".join(plan.by_name)
        raise AtlasError(
            f"{plan.name}: the Config's promotion asks for '{missing[0]}', and Plan "
            f"{plan.digest[:12]}, which would train, has only the steps {steps}; train a version "
            f"with the Recipe of today: {command('train')}"
        )


def code_of(place: RetrainingPlace, plan: Plan, commit: str) -> Path:
    """Return the folder of a Plan's code: its snapshot in the store, or else what its commit has.

    Raises:
        AtlasError: neither can be reached.
    """
    try:
        return code_folder(place.store, plan.code)
    except AtlasError:
        if place.restored is None:
            raise
        return place.restored(plan, commit)


def run(
    place: RetrainingPlace, request: RetrainingRequest, started: StartedRetraining, folder: Path
) -> RunState:
    """Start a retraining's run, or go on with it, and return how it stands.

    On this machine it runs to its end. On an orchestrator it is started and looked at once.

    Raises:
        AtlasError: it can't be started, or looked at.
    """
    plan = place.store.plan(started.plan)
    asked = _Asked(request, started, plan)
    if started.target == LOCAL_TARGET:
        return _here(place, asked, folder)
    return _elsewhere(place, asked, folder)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a run is asked for, in the words of both ways to run it."""

    request: RetrainingRequest
    started: StartedRetraining
    plan: Plan

    @property
    def parameters(self) -> Mapping[str, Any]:
        known = {n: v for n, v in self.request.parameters.items() if n in self.plan.parameters}
        return {**known, **self.request.changed}

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "run": self.started.run,
            "interval_start": self.request.interval_start,
            "interval_end": self.request.interval_end,
            "trigger": RETRAINING,
            "version": self.request.version,
            "commit": "" if self.started.note else self.request.commit,
            "hold": self.request.hold,
            "promotion": self.request.promotion,
        }


def _here(place: RetrainingPlace, asked: _Asked, folder: Path) -> RunState:
    from atlas.runner import RunSettings
    from atlas.runner.local_run import LocalRun
    from atlas.runner.run import run_all

    is_known = place.store.has_run(asked.plan.name, asked.started.run)
    settings = RunSettings(
        **asked.settings,
        parameters={} if is_known else asked.parameters,
        resume=is_known,
        isolate=place.isolate,
    )
    run = LocalRun(asked.plan, folder, place.store, settings, report=place.report)
    result = run_all([run], settings, place.listener)
    if run.error and not run.is_open:
        raise AtlasError(run.error)
    if result.interrupted:  # Neither what follows nor another event is begun.
        raise KeyboardInterrupt
    if not result.complete or run.finished is None:
        return RunState(None, run.error or "it was interrupted; the same command goes on with it")
    errors = [f"{unit.step}: {end.error}" for unit, end in run.outcomes.items() if not end.ok]
    return RunState(run.finished, run.error or "; ".join(errors[:3]))


def _elsewhere(place: RetrainingPlace, asked: _Asked, folder: Path) -> RunState:
    from atlas.launch import Followed, LaunchSettings

    launcher = place.launcher_of(asked.started.target, asked.plan)
    settings = LaunchSettings(**asked.settings, parameters=asked.parameters, deployed=True)
    followed = Followed(
        asked.plan,
        folder,
        store=place.store,
        launcher=launcher,
        settings=settings,
        listener=place.listener,
        report=place.report,
    )
    try:
        followed.start()
    except (TargetError, DeployError, InvalidError) as error:  # It was refused, and is over.
        ended = finished_run(place.store, followed.run) if followed.is_open else None
        if ended is None:
            raise
        return RunState(ended, str(error))
    if followed.finished is None:
        followed.look()
    errors = [f"{unit.step}: {end.error}" for unit, end in followed.outcomes.items() if not end.ok]
    return RunState(followed.finished, followed.error or "; ".join(errors[:3]), followed.url)
