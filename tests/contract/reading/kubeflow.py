"""The Trace of compiled KFP IR: read as Kubeflow reads it, without kfp.

Each command is parsed by `atlas.step` itself, with the executor input that Kubeflow's launcher
would fill in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atlas.step.options import parsed
from atlas.step.params import given_params
from tests.contract.reading import settings
from tests.contract.reading.package import Origin, Package, Task, declared, edge, tasks_of
from tests.contract.reading.plan import described, facts_of, run_of, toleration, typed
from tests.contract.trace import Request, StepTrace, Trace, closure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Plan

JOB = "0b0e2f8c-job"
_TYPES = {
    "STRING": "string", "NUMBER_INTEGER": "integer", "NUMBER_DOUBLE": "number", "BOOLEAN": "boolean"
}  # fmt: skip


def kubeflow_trace(content: bytes, plans: Mapping[str, Plan], request: Request) -> Trace:
    """Return what Kubeflow would do in a run of the package."""
    package = Package.parse(content)
    given = _given(package, request)
    tasks = {task.path: task for task in tasks_of(package)}
    for task in tasks.values():
        task.options = _options(package, task, given)
    finish = [task for task in tasks.values() if task.options.finish]
    named = {task.options.step for task in finish}
    assert len(named) <= 1
    beside = [t for t in tasks.values() if t.options.keys or t.options.finish or t.options.when]
    steps = {t.options.step: t for t in tasks.values() if t not in beside}
    gates = _gates([t for t in beside if t.options.when], steps)
    counters = {t.path: t for t in tasks.values() if t.options.keys}
    for task in steps.values():
        task.counter = counters[task.items.value] if task.items else None
    before = closure({name: _direct(name, tasks, steps, gates) for name in steps})
    description = package.pipeline["pipelineInfo"].get("description", "")
    return Trace(
        name=package.pipeline["pipelineInfo"]["name"],
        described=described(description),
        parameters=_parameters(package),
        schedule=(),
        reads=frozenset(),
        steps={
            name: _step(package, task, before[name], plans[task.options.plan], steps, gates=gates)
            for name, task in steps.items()
        },
    )


def _given(package: Package, request: Request) -> dict[str, Any]:
    """Return the pipeline's inputs in a run, as Kubeflow fills them in."""
    inputs = declared(package.pipeline["root"], "parameters")
    values = {n: one["defaultValue"] for n, one in inputs.items() if "defaultValue" in one}
    values |= {
        "atlas_run": request.id,
        "atlas_interval_start": request.interval_start,
        "atlas_interval_end": request.interval_end,
        **request.parameters,
    }
    assert {*values} == {*inputs}, "an input is unknown, or has no value"
    kinds = {n: one["parameterType"] for n, one in inputs.items()}
    return {name: _carried(kinds[name], value) for name, value in values.items()}


def _carried(kind: str, value: Any) -> Any:
    """Return a value as protobuf's Struct carries it: every number is a double."""
    if kind.startswith("NUMBER"):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def _options(package: Package, task: Task, given: Mapping[str, Any]) -> Any:
    """Return the options that `atlas.step` reads from a container's command."""
    container = package.container(task.executor)
    values = {name: _value(origin, given) for name, origin in task.inputs.items()}
    executor_input = json.dumps({"inputs": {"parameterValues": values}})
    words = [*container.get("command", ()), *container.get("args", ())]
    assert not [word for word in words if "{{" in word and word != "{{$}}"]
    start = words.index("python")
    assert words[start : start + 3] == ["python", "-m", "atlas.step"]
    filled = [executor_input if word == "{{$}}" else word for word in words[start + 3 :]]
    return parsed([*filled, "--store", "file:///store"])


def _value(origin: Origin, given: Mapping[str, Any]) -> Any:
    if origin.kind == "pipeline":
        return given[origin.value]
    if origin.kind == "constant":
        return JOB if origin.value == "{{$.pipeline_job_uuid}}" else origin.value
    return {"item": 0, "status": {"state": "SUCCEEDED"}}.get(origin.kind, "")


def _direct(
    name: str,
    tasks: Mapping[tuple[str, ...], Task],
    steps: Mapping[str, Task],
    gates: Mapping[str, Task],
) -> frozenset[str]:
    """Return the steps that must be over before a step, or before what is asked before it."""
    counter = steps[name].counter
    own = [task for task in (steps[name], counter, gates.get(name)) if task]
    waits = {up for task in own for up in task.after}
    found = {
        task.options.step
        for up in waits
        for task in tasks.values()
        if task.path[: len(up)] == up and not task.options.finish
    }
    if steps[name].items:
        assert counter.path in waits
    return frozenset(found - {name})


def _step(
    package: Package,
    task: Task,
    before: frozenset[str],
    plan: Plan,
    steps: Mapping[str, Task],
    *,
    gates: Mapping[str, Task],
) -> StepTrace:
    options = task.options
    run = run_of(
        plan,
        Request(
            options.run,
            options.interval_start,
            options.interval_end,
            json.loads(options.parameters or "{}"),
            options.commit,
        ),
    )
    container = package.container(task.executor)
    kubernetes = package.kubernetes.get(task.executor, {})
    by_path = {one.path: name for name, one in steps.items()}
    assert options.retry or settings.platform_variables(kubernetes) == set(settings.PLATFORM)
    return StepTrace(
        plan=options.plan,
        run=facts_of(run),
        params=typed(given_params(plan.step(options.step), run)),
        image=container["image"],
        before=before,
        inputs={name: edge(package, one, by_path) for name, one in sorted(task.artifacts.items())},
        keys=_keys(package, task, by_path, plan),
        command_index=int(options.index) if options.index else None,
        **settings.retries(task.spec, plan.step(options.step), options),
        timeout=settings.timeout(kubernetes, plan.step(options.step), options),
        **settings.resources(container),
        env=settings.env(container),
        secrets=settings.secrets(kubernetes, plan, plan.step(options.step), options),
        node_selector=kubernetes.get("nodeSelector", {}).get("labels", {}),
        tolerations=tuple(toleration(one) for one in kubernetes.get("tolerations", ())),
        # Where nothing is in branches, its own container finds out.
        may_skip=options.step in (plan.skippable if options.retry else gates),
    )


def _gates(asked: Sequence[Task], steps: Mapping[str, Task]) -> dict[str, Task]:
    """Return the task that tells whether each step runs, and hold the branches to what it tells."""
    gates = {task.options.step: task for task in asked if not task.conditions}
    instead = {task.options.step: task for task in asked if task.conditions}
    assert {*gates} == {*instead}
    for name, gate in gates.items():
        ((branch, text, origin),) = steps[name].conditions
        ((other, opposite, same),) = instead[name].conditions
        assert (origin.value, origin.output) == (same.value, same.output) == (gate.path, "decision")
        assert opposite == f"!({text})"
        assert branch[:-1] == other[:-1]
    assert {name for name, task in steps.items() if task.conditions} == {*gates}
    return gates


def _keys(package: Package, task: Task, by_path: Mapping[tuple[str, ...], str], plan: Plan) -> str:
    """Return where the keys come from, as the counting task's artifacts say."""
    counter = task.counter
    if counter is None:
        assert task.items is None
        return ""
    assert counter.options.plan == task.options.plan
    loops = [plan.step(one.options.step).foreach for one in (counter, task)]
    assert loops[0] == loops[1], "the loop isn't over the step's own keys"
    assert (task.items.kind, task.items.output) == ("task", "indexes")
    artifacts = [edge(package, one, by_path) for one in counter.artifacts.values()]
    return " x ".join(sorted(artifacts)) or "elsewhere"


def _parameters(package: Package) -> dict[str, dict[str, Any]]:
    inputs = declared(package.pipeline["root"], "parameters")
    own = {name: one for name, one in inputs.items() if not name.startswith("atlas_")}
    return {
        name: {"type": _TYPES[one["parameterType"]], "default": one.get("defaultValue")}
        for name, one in own.items()
    }
