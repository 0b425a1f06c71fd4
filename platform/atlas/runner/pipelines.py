"""Running pipelines: which flows, in which order, families side by side."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from atlas.config import FLOWS
from atlas.errors import AtlasError, PlatformError
from atlas.load.protection import RUN, require_unprotected
from atlas.runner.events import ignore
from atlas.runner.local_run import LocalRun
from atlas.runner.opening import new_id
from atlas.runner.process_environment import process_environment
from atlas.runner.run import RunResult, run_all
from atlas.runner.settings import RunSettings
from atlas.step.binding import NO_FAMILY, FamilyRun
from atlas.step.finish import refreshed, tracker_of_steps
from atlas.step.sync import sync
from atlas.tracking.outbox import state_outbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atlas.plan import Pipeline, Plan
    from atlas.runner.events import Listener
    from atlas.runner.units import Report
    from atlas.store import Store


def run_pipelines(
    pipelines: Sequence[Pipeline],
    settings: RunSettings | None = None,
    *,
    flows: Sequence[str] = FLOWS,
    listener: Listener = ignore,
    store: Store | None = None,
    report: Report | None = None,
) -> RunResult:
    """Run pipelines on this machine, each after those that it reads.

    Args:
        pipelines: what `atlas.plan.resolve` gave.
        settings: how; by default everything, in this process, as much at once as there are cores.
        flows: which flows of them.
        listener: gets each event, from the calling thread and those of steps.
        store: where artifacts go; by default what the Environment and the state folder say.
        report: makes each run's report, such as `atlas.draw.report`; by default there is none.

    Returns:
        How each run ended; a step that fails isn't an exception.

    Raises:
        AtlasError: there is nothing to run, or a parameter or a step that no pipeline has.
        DeployError: L014, the Environment takes only releases.
    """
    settings = settings or RunSettings()
    if not pipelines:
        raise AtlasError("there is no pipeline to run")
    require_unprotected(pipelines[0].environment, RUN)
    with process_environment(pipelines[0].project, pipelines[0].environment) as process_env:
        runs = list(_runs(pipelines, settings, flows, store or process_env.store, report))
        if not runs:
            raise AtlasError(_nothing(pipelines, settings, flows))
        _check_parameters(runs, settings)
        result = run_all(runs, settings, listener)
        _send_what_waits(result.runs)
        for run in filter(lambda run: run.is_open, result.runs):
            run.finished = refreshed(run.store, run.run, run.finished)
        return replace(result, missing=process_env.missing)


def _send_what_waits(runs: Sequence[LocalRun]) -> None:
    """Send runs that couldn't be sent before, now that MLflow can perhaps be reached.

    Runs of this command may be among them: then they wait no more, and say so.
    """
    tracker, outbox = tracker_of_steps(), state_outbox()
    if tracker is None or outbox is None:
        return
    ours = {(run.run.pipeline, run.run.id): run for run in runs if run.is_open}
    with suppress(PlatformError):
        for sent in sync(outbox, tracker, refused=False):
            run = ours.get((sent.pipeline, sent.run))
            if run is not None and sent.finished is not None:
                run.finished = sent.finished


def _runs(
    pipelines: Sequence[Pipeline],
    settings: RunSettings,
    flows: Sequence[str],
    store: Store,
    report: Report | None,
) -> Iterator[LocalRun]:
    """Give a run for each Plan that has what is selected."""
    chosen = [
        (pipeline, plan)
        for pipeline in pipelines
        for flow, plan in pipeline.plans.items()
        if flow in flows and _has_selected(plan, settings)
    ]
    plans = [plan for _, plan in chosen]
    families = family_runs(pipelines, plans)
    for pipeline, plan in chosen:
        after = frozenset(_name(other) for other in plans if comes_after(plan, other))
        behind = frozenset(_name(other) for other in plans if follows_family(plan, other))
        yield LocalRun(
            plan,
            pipeline.folder,
            store,
            settings,
            after=after,
            behind=behind,
            family=families.get((plan.config, plan.flow), NO_FAMILY),
            report=report,
        )


def _has_selected(plan: Plan, settings: RunSettings) -> bool:
    selection = settings.selection
    names = (*selection.start, *selection.until, *selection.only)
    steps = plan.by_name
    return all(any(s == name or s.startswith(f"{name}.") for s in steps) for name in names)


def family_runs(
    pipelines: Sequence[Pipeline], plans: Sequence[Plan]
) -> dict[tuple[str, str], FamilyRun]:
    """Return the run of each family of which several members run together, by Config and flow."""
    count: dict[tuple[str, str], int] = {}
    families = {pipeline.config for pipeline in pipelines if pipeline.members > 1}
    for plan in plans:
        count[plan.config, plan.flow] = count.get((plan.config, plan.flow), 0) + 1
    several = (key for key, number in count.items() if number > 1 and key[0] in families)
    return {key: FamilyRun(new_id(key[1]), count[key]) for key in several}


def comes_after(plan: Plan, other: Plan) -> bool:
    """Tell whether a Plan reads what another makes: its model, or an output of a step."""
    if plan is other:
        return False
    sources = [source for step in plan.steps for source in step.sources()]
    if any(source.kind == "model" for source in sources) and _trains_for(plan, other):
        return True
    return any(
        source.step in other.by_name
        for source in sources
        if (source.kind == "pipeline" and source.name in (other.pipeline, other.config))
        or (source.kind == "family" and source.name == other.config)
        or (source.kind == "history" and source.name == other.pipeline != plan.pipeline)
    )


def follows_family(plan: Plan, other: Plan) -> bool:
    """Tell whether a Plan reads a model whose family another trains a member of.

    The family's champions move together, when all of its members are trained.
    """
    reads = any(source.kind == "model" for step in plan.steps for source in step.sources())
    return (
        reads and plan.flow != FLOWS[0] and other.family is not None and other.config == plan.config
    )


def _trains_for(plan: Plan, other: Plan) -> bool:
    """Tell whether a Plan trains the model of another's name."""
    names = plan.model and plan.model.name, other.model and other.model.name
    return other.flow == FLOWS[0] and names[0] is not None and names[0] == names[1]


def _name(plan: Plan) -> str:
    return f"{plan.name}/{plan.flow}"


def _check_parameters(runs: Sequence[LocalRun], settings: RunSettings) -> None:
    known = {name for run in runs for name in run.plan.parameters}
    unknown = sorted(set(settings.parameters) - known)
    if unknown:
        expected = ", ".join(sorted(known)) or "none"
        raise AtlasError(f"no pipeline has a parameter '{unknown[0]}'; there are {expected}")


def _nothing(pipelines: Sequence[Pipeline], settings: RunSettings, flows: Sequence[str]) -> str:
    selection = settings.selection
    names = (*selection.start, *selection.until, *selection.only)
    if not names:
        return f"no pipeline has a flow {' or '.join(flows)}"
    known = {step.name for p in pipelines for plan in p.plans.values() for step in plan.steps}
    return f"no pipeline has the steps {', '.join(names)}; there are {', '.join(sorted(known))}"
