"""The Trace of a Plan: what every target has to do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from atlas.step.parameters import checked_parameters
from atlas.step.params import given_params
from atlas.store import Run
from atlas.targets import deployed_name
from tests.contract.trace import Request, StepTrace, Trace, closure, waits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import InputSource, Plan, PlanStep, Schedule
    from atlas.recipe import Parameter

_TOLD = re.compile(r"(?:- )?(\w+): `?([^\s`]+)`?")
_NAMES = ("plan", "recipe", "config", "features", "code", "commit", "release", "model")


def plan_trace(plan: Plan, images: Mapping[str, str], request: Request) -> Trace:
    """Return what any target has to do in a run of the Plan."""
    run = run_of(plan, request)
    before = closure({step.name: frozenset(step.upstream()) for step in plan.steps})
    return Trace(
        name=deployed_name(plan),
        described=told_of(plan, request),
        parameters={name: _parameter(one) for name, one in plan.parameters.items()},
        schedule=schedule_of(plan),
        reads=_assets(plan) if plan.schedule is None else frozenset(),
        steps={step.name: _step(plan, step, run, images, before) for step in plan.steps},
    )


def _assets(plan: Plan) -> frozenset[str]:
    """Return what starts a run when it is new: the flows of other pipelines that are read."""
    prefix = plan.name.removesuffix(plan.pipeline)
    read = {one for step in plan.steps for one in step.sources() if one.kind == "pipeline"}
    flows = {one: (one.flow,) if one.flow else ("training", "inference") for one in read}
    return frozenset(f"atlas://{prefix}{one.name}/{flow}" for one in read for flow in flows[one])


def told_of(plan: Plan, request: Request) -> frozenset[tuple[str, str]]:
    """Return what must be readable wherever the Plan is shown."""
    digests = {"plan": plan.digest, "code": plan.code, **plan.digests}
    model = f"models:/{plan.model.name}@{plan.model.version}" if plan.model else ""
    told = {**digests, "commit": request.commit, "release": request.release, "model": model}
    return frozenset(item for item in told.items() if item[1])


def described(text: str) -> frozenset[tuple[str, str]]:
    """Return what a description tells: the last lines of it, each a name and a value."""
    lines = text.rstrip().splitlines()
    told = [_TOLD.fullmatch(line) for line in lines]
    return frozenset((found[1], found[2]) for found in told if found and found[1] in _NAMES)


def schedule_of(plan: Plan) -> tuple[str, ...]:
    """Return cron, timezone and start; nothing without a schedule."""
    found = plan.schedule
    return (found.cron, found.timezone, _moment(found)) if found else ()


def _moment(schedule: Schedule) -> str:
    if not schedule.start:
        return ""
    local = datetime.fromisoformat(schedule.start).replace(tzinfo=ZoneInfo(schedule.timezone))
    return local.astimezone(UTC).isoformat()


def run_of(plan: Plan, request: Request) -> Run:
    """Return the run as `atlas.step` binds it."""
    return Run(
        id=request.id,
        pipeline=plan.name,
        flow=plan.flow,
        plan=plan.digest,
        interval_start=request.interval_start,
        interval_end=request.interval_end,
        parameters=checked_parameters(plan, request.parameters),
        commit=request.commit,
    )


def facts_of(run: Run) -> dict[str, Any]:
    """Return the facts of a run that every step is given."""
    return {
        "id": run.id,
        "interval": (run.interval_start, run.interval_end),
        "parameters": dict(run.parameters),
        "commit": run.commit,
    }


def _step(
    plan: Plan,
    step: PlanStep,
    run: Run,
    images: Mapping[str, str],
    before: Mapping[str, frozenset[str]],
) -> StepTrace:
    retries = step.retries
    return StepTrace(
        plan=plan.digest,
        run=facts_of(run),
        params=typed(given_params(step, run)),
        image=images[step.image],
        before=before[step.name],
        inputs={
            name: shown(plan, source)
            for name, source in step.inputs.items()
            if source.kind == "step"
        },
        keys=keys_of(plan, step),
        command_index=0 if step.foreach else None,
        retries=retries.limit,
        waits=waits(retries.limit, retries.delay, retries.factor, retries.max_delay),
        timeout=step.timeout,
        cpu=step.resources.cpu,
        memory=step.resources.memory,
        gpu=step.resources.gpu or None,
        env=dict(step.env),
        secrets=_secrets(plan, {*step.secrets, *credentials(plan, step.sources())}),
        node_selector=dict(step.node_selector),
        tolerations=tuple(map(toleration, step.tolerations)),
        may_skip=step.name in plan.skippable,
    )


def credentials(plan: Plan, sources: Any) -> set[str]:
    """Return the secrets that open the data among some sources."""
    read = {source.name for source in sources if source.kind == "data"}
    return {plan.data[name].credential for name in read if plan.data[name].credential}


def _secrets(plan: Plan, names: set[str]) -> dict[str, Any]:
    return {name: dict(plan.secrets[name]) for name in sorted(names)}


def keys_of(plan: Plan, step: PlanStep) -> str:
    """Return where a step's keys come from, in words; nothing for a step that runs once."""
    if step.foreach is None:
        return ""
    lists = sorted(shown(plan, one) for one in step.foreach.sources())
    return " x ".join(lists) or "elsewhere"


def shown(plan: Plan, source: InputSource) -> str:
    """Return a source in words; ``*`` marks one that is gathered."""
    if source.kind != "step":
        return f"{source.kind}:{source.name}"
    each = "*" if plan.step(source.name).foreach and not source.same_key else ""
    return f"{source.name}.{source.output}{each}"


def toleration(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a toleration with Kubernetes' defaults filled in, and without what is empty."""
    given = {key: value for key, value in raw.items() if value}
    return {"operator": "Equal", **given}


def typed(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return params with the types of their values: 1, 1.0 and True are equal, and aren't one."""
    return {name: (type(value).__name__, value) for name, value in params.items()}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "type": parameter.type,
        "default": parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "choices": list(parameter.choices),
    }
