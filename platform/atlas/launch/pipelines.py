"""Running pipelines on the targets that orchestrators are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.dataclass import dataclass
from atlas.errors import AtlasError
from atlas.launch.followed import Followed
from atlas.launch.following import INTERRUPTED, follow
from atlas.launch.settings import LaunchSettings
from atlas.load.protection import RUN, TRAINED, require_unprotected
from atlas.runner.events import NOTICE, Event, ignore
from atlas.runner.pipelines import comes_after, family_runs
from atlas.step.binding import NO_FAMILY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas.runner.events import Listener
    from atlas.runner.units import Report
    from atlas.store import Store
    from atlas.targets.launcher import Launcher


@dataclass(frozen=True, slots=True)
class LaunchResult:
    """How runs ended.

    Attributes:
        runs: how each of them went.
        complete: whether all came to their ends by themselves: not interrupted, and in time.
        timed_out: whether it was for the time that they didn't.
        missing: services of the platform that didn't answer, in words.
    """

    runs: tuple[Followed, ...]
    complete: bool = True
    timed_out: bool = False
    missing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done."""
        return self.complete and all(run.ok for run in self.runs)

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked for their end."""
        return not self.complete and not self.timed_out


def launch_pipelines(
    chosen: Sequence[tuple[Pipeline, Plan]],
    launcher_of: Callable[[Plan], Launcher],
    store: Store,
    settings: LaunchSettings | None = None,
    *,
    listener: Listener = ignore,
    report: Report | None = None,
) -> LaunchResult:
    """Run Plans on orchestrators, each after those that it reads, and follow them.

    Nothing is started unless all can be.

    Args:
        chosen: the Plans, with their pipelines.
        launcher_of: gives the launcher of a Plan's target.
        store: where artifacts go.
        settings: how.
        listener: gets each event, from the calling thread.
        report: makes each run's report, such as `atlas.draw.report`; by default there is none.

    Returns:
        How each run ended; a step that fails isn't an exception.

    Raises:
        AtlasError: there is nothing to run, a parameter that no Plan has, or what a run takes isn't
            there.
        DeployError: L014, the Environment takes only releases, and what is asked for isn't what is
            deployed.
    """
    settings = settings or LaunchSettings()
    families = family_runs([pipeline for pipeline, _ in chosen], [plan for _, plan in chosen])
    launches = [
        (
            pipeline,
            plan,
            replace(settings, family=families.get((plan.config, plan.flow), NO_FAMILY)),
        )
        for pipeline, plan in chosen
    ]
    return launch_runs(launches, launcher_of, store, listener=listener, report=report)


def launch_runs(
    launches: Sequence[tuple[Pipeline, Plan, LaunchSettings]],
    launcher_of: Callable[[Plan], Launcher],
    store: Store,
    *,
    listener: Listener = ignore,
    report: Report | None = None,
) -> LaunchResult:
    """Run Plans on orchestrators, each with settings of its own: one Plan may have several runs.

    Args:
        launches: the Plans, with their pipelines and settings; how many at once, and for how long,
            the first ones say.
        launcher_of: gives the launcher of a Plan's target.
        store: where artifacts go.
        listener: gets each event, from the calling thread.
        report: makes each run's report; by default there is none.

    Raises:
        AtlasError: as `launch_pipelines`.
    """
    if not launches:
        raise AtlasError("there is no pipeline to run")
    _require_released(launches)
    _check_parameters([plan for _, plan, _ in launches], launches[0][2])
    runs, prepared_plans = [], {}
    for pipeline, plan, settings in launches:
        launcher = launcher_of(plan)
        if plan.digest not in prepared_plans:
            prepared_plans[plan.digest], warnings = launcher.prepare(plan)
            for warning in warnings:
                listener(Event(NOTICE, plan.name, plan.flow, "", text=str(warning)))
        prepared = prepared_plans[plan.digest]
        after = frozenset(_name(other) for _, other, _ in launches if comes_after(plan, other))
        runs.append(
            Followed(
                prepared,
                pipeline.folder,
                store=store,
                launcher=launcher,
                settings=settings,
                listener=listener,
                after=after,
                report=report,
            )
        )
    settings = launches[0][2]
    ended_by = follow(runs, settings.jobs, settings.timeout)
    for run in runs:
        run.refresh()
    return LaunchResult(tuple(runs), not ended_by, bool(ended_by) and ended_by != INTERRUPTED)


def _require_released(launches: Sequence[tuple[Pipeline, Plan, LaunchSettings]]) -> None:
    """Refuse what a protected Environment doesn't take: what isn't deployed, or another model.

    Raises:
        DeployError: L014, the Environment is protected, and something is neither.
    """
    for pipeline, _, settings in launches:
        if not settings.deployed:
            require_unprotected(pipeline.environment, TRAINED)
        if settings.version:
            require_unprotected(pipeline.environment, RUN, f"model version '{settings.version}'")


def _name(plan: Plan) -> str:
    return f"{plan.name}/{plan.flow}"


def _check_parameters(plans: Sequence[Plan], settings: LaunchSettings) -> None:
    known = {name for plan in plans for name in plan.parameters}
    unknown = sorted(set(settings.parameters) - known)
    if unknown:
        expected = ", ".join(sorted(known)) or "none"
        raise AtlasError(f"no pipeline has a parameter '{unknown[0]}'; there are {expected}")
