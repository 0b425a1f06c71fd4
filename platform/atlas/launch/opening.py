"""The run to start, or the one to go on with: the Run is bound before any orchestrator has it.

So a wrong parameter or a missing model fails at once, the run has one id everywhere, and whoever
was killed between two moves finds at the next call how far it had come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.errors import StoreError, TargetError
from atlas.git import commit_of
from atlas.runner.opening import new_id
from atlas.step import RunRequest, bind
from atlas.step.binding import last_run, moment, remember_target, run_id, target_of
from atlas.step.parameters import checked_parameters
from atlas.store import add_code

if TYPE_CHECKING:
    from pathlib import Path

    from atlas.launch.settings import LaunchSettings
    from atlas.plan import Plan
    from atlas.store import Run, Store
    from atlas.targets.launcher import LaunchedRun, Launcher


@dataclass(frozen=True, slots=True)
class OpenedLaunch:
    """A run that is bound, and that its orchestrator may have already.

    Attributes:
        run: the run.
        launched: the run there; None when it hasn't been given to the orchestrator.
        is_over: whether how it ended is recorded, and its orchestrator does nothing more for it.
    """

    run: Run
    launched: LaunchedRun | None = None
    is_over: bool = False


def open_launch(
    store: Store, plan: Plan, folder: Path, launcher: Launcher, settings: LaunchSettings
) -> OpenedLaunch:
    """Bind a new run, or find the one that is asked for or under way.

    Args:
        store: the artifact store.
        plan: the Plan that will run.
        folder: the pipeline's folder.
        launcher: of the orchestrator.
        settings: what the caller asks for.

    Raises:
        AtlasError: the run can't be bound.
        TargetError: T308, the id that is asked for belongs to another run.
    """
    request = _request(plan, folder, launcher.target, settings)
    known = _named(store, plan, request, launcher) if settings.run else None
    known = known or (None if settings.run else _under_way(store, plan, request, launcher))
    if known is not None:
        return known
    store.add_plan(plan)
    add_code(store, folder, plan.code)
    run = bind(store, plan, request)
    remember_target(store, run, launcher.target)
    return OpenedLaunch(run, launcher.find(plan, run))


def _request(plan: Plan, folder: Path, target: str, settings: LaunchSettings) -> RunRequest:
    given = {n: v for n, v in settings.parameters.items() if n in plan.parameters}
    return RunRequest(
        id=settings.run or new_id(plan.flow),
        interval_start=settings.interval_start,
        interval_end=settings.interval_end,
        parameters=given,
        trigger=settings.trigger,
        version=settings.version,
        commit=commit_of(folder) if settings.commit is None else settings.commit,
        target=target,
        family=settings.family,
        hold=settings.hold,
        promotion=settings.promotion,
    )


def _named(
    store: Store, plan: Plan, request: RunRequest, launcher: Launcher
) -> OpenedLaunch | None:
    """Return the run of the id that is asked for; None when there is none yet.

    What the caller leaves open, that run decides.

    Raises:
        TargetError: T308, it is another one.
    """
    name = run_id(plan.flow, request.id)
    if not store.has_run(plan.name, name):
        return None
    run = store.run(plan.name, name)
    differs = _difference(store, plan, run, request, launcher)
    left_open = {"interval": not request.interval_start, "parameters": not request.parameters}
    if any(not left_open.get(name) for name in differs):
        what = " and ".join(differs)
        raise TargetError(
            f"run {run.id} of {plan.name} is there already, with another {what}; "
            "choose another id, or ask for the same",
            code="T308",
        )
    return _as_known(store, plan, run, launcher)


def _under_way(
    store: Store, plan: Plan, request: RunRequest, launcher: Launcher
) -> OpenedLaunch | None:
    """Return the pipeline's last run if it asks for the same and isn't over."""
    last = last_run(store, plan.name, plan.flow)
    try:
        run = store.run(plan.name, last) if last else None
    except StoreError:
        run = None
    if run is None or _difference(store, plan, run, request, launcher):
        return None
    known = _as_known(store, plan, run, launcher)
    return None if known.is_over else known


def _as_known(store: Store, plan: Plan, run: Run, launcher: Launcher) -> OpenedLaunch:
    """Return a run that is bound; its end is recorded before its model is registered."""
    outcome = store.run_outcome(run.pipeline, run.id)
    is_recorded = outcome is not None and outcome.get("plan") == run.plan
    launched = launcher.find(plan, run)
    if is_recorded and (launched is None or launcher.status(launched).is_over):
        return OpenedLaunch(run, is_over=True)
    return OpenedLaunch(run, launched)


def _values(plan: Plan, request: RunRequest) -> dict[str, Any] | None:
    """Return every parameter as a new run would have it; None where one has no value."""
    needed = {name for name, parameter in plan.parameters.items() if parameter.default is None}
    complete = needed <= request.parameters.keys()
    return checked_parameters(plan, request.parameters) if complete else None


def _difference(
    store: Store, plan: Plan, run: Run, request: RunRequest, launcher: Launcher
) -> list[str]:
    """Return in what a run isn't what is asked for; nothing when it is the same."""
    desired: dict[str, Any] = {
        "target": launcher.target,
        "Plan": plan.digest,
        "interval": (moment(request.interval_start), moment(request.interval_end)),
        "parameters": _values(plan, request),
    }
    recorded = {
        "target": target_of(store, run),
        "Plan": run.plan,
        "interval": (run.interval_start, run.interval_end),
        "parameters": run.parameters,
    }
    return [name for name in desired if desired[name] != recorded[name]]
