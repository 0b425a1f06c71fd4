"""The Trace of compiled KFP IR: read as Kubeflow reads it, without kfp.

Nested DAGs are opened, inputs are followed to where they come from, and each command is parsed by
`atlas.step` itself, with the executor input that Kubeflow's launcher would fill in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from atlas.step.__main__ import _parsed
from atlas.step.params import given_params
from tests.contract.reading.plan import credentials, facts_of, run_of, toleration, typed
from tests.contract.trace import Request, StepTrace, Trace, closure, waits

if TYPE_CHECKING:
    from atlas.plan import Plan, PlanStep

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
JOB = "0b0e2f8c-job"


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: the pipeline's input, a constant, a task's output, or a loop."""

    kind: str
    value: Any
    output: str = ""
    gathered: bool = False


@dataclass
class Task:
    """A container of the pipeline, out of all the DAGs that it is nested in."""

    path: tuple[str, ...]
    spec: Mapping[str, Any]
    executor: str
    inputs: dict[str, Origin]
    artifacts: dict[str, Origin]
    after: set[tuple[str, ...]]
    items: Origin | None = None
    options: Any = None
    counter: Task | None = None


@dataclass(frozen=True)
class Package:
    """A compiled package: the pipeline, and Kubernetes' part of it."""

    pipeline: Mapping[str, Any]
    kubernetes: Mapping[str, Any]

    @classmethod
    def parse(cls, content: bytes) -> Package:
        pipeline, *rest = yaml.load_all(content, LOADER)
        platforms = rest[0].get("platforms", {})
        executors = platforms["kubernetes"]["deploymentSpec"]["executors"] if platforms else {}
        return cls(pipeline, executors)

    def container(self, executor: str) -> Mapping[str, Any]:
        return self.pipeline["deploymentSpec"]["executors"][executor]["container"]


def kubeflow_trace(content: bytes, plans: Mapping[str, Plan], request: Request) -> Trace:
    """Return what Kubeflow would do in a run of the package."""
    package = Package.parse(content)
    given = _given(package, request)
    tasks = {task.path: task for task in _tasks(package)}
    for task in tasks.values():
        task.options = _options(package, task, given)
    finish = [task for task in tasks.values() if task.options.finish]
    named = {task.options.step for task in finish}
    assert len(named) <= 1
    steps = {t.options.step: t for t in tasks.values() if not (t.options.keys or t.options.finish)}
    counters = {t.options.step: t for t in tasks.values() if t.options.keys}
    for name, task in steps.items():
        task.counter = counters.get(name)
    before = closure({name: _direct(name, tasks, steps) for name in steps})
    description = package.pipeline["pipelineInfo"].get("description", "")
    return Trace(
        name=package.pipeline["pipelineInfo"]["name"],
        described=frozenset(re.findall(r"\b[0-9a-f]{64}\b", description)),
        parameters=_parameters(package),
        schedule=(),
        reads=frozenset(),
        steps={
            name: _step(package, task, before[name], plans[task.options.plan], steps)
            for name, task in steps.items()
        },
    )


# Tasks --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scope:
    """What the tasks inside a DAG have from outside of it."""

    path: tuple[str, ...] = ()
    parameters: Mapping[str, Origin] = field(default_factory=dict)
    artifacts: Mapping[str, Origin] = field(default_factory=dict)
    after: frozenset[tuple[str, ...]] = frozenset()
    items: Origin | None = None


def _tasks(package: Package) -> Iterator[Task]:
    root = package.pipeline["root"]
    inputs = {name: Origin("pipeline", name) for name in _declared(root, "parameters")}
    yield from _inside(package, root, Scope(parameters=inputs))


def _declared(component: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = component.get("inputDefinitions", {}).get(kind, {})
    return found


def _inside(package: Package, component: Mapping[str, Any], scope: Scope) -> Iterator[Task]:
    """Give the containers of a DAG, with what they are given and what they wait for."""
    for name, task in component["dag"]["tasks"].items():
        assert not task.get("cachingOptions"), "Kubeflow's own cache is on"
        assert "triggerPolicy" not in task or name == "atlas-finish"
        called = package.pipeline["components"][task["componentRef"]["name"]]
        _check_interface(called, task)
        inner = _scope_of(name, task, scope)
        if "dag" in called:
            yield from _inside(package, called, inner)
        else:
            given, read = dict(inner.parameters), dict(inner.artifacts)
            yield Task(
                inner.path, task, called["executorLabel"], given, read, {*inner.after}, scope.items
            )


def _scope_of(name: str, task: Mapping[str, Any], scope: Scope) -> Scope:
    """Return what a task is given, which is what the tasks inside it have from outside."""
    inputs = task.get("inputs", {})
    given = {k: _parameter(one, scope) for k, one in inputs.get("parameters", {}).items()}
    read = {k: _artifact(one, scope) for k, one in inputs.get("artifacts", {}).items()}
    waits = {(*scope.path, up) for up in task.get("dependentTasks", ())}
    data = {one.value for one in (*given.values(), *read.values()) if one.kind == "task"}
    after = scope.after | waits | data
    made = Scope((*scope.path, name), given, read, after, scope.items)
    if "parameterIterator" not in task:
        return made
    iterator = task["parameterIterator"]
    items = given[iterator["items"]["inputParameter"]]
    looped = {**given, iterator["itemInput"]: Origin("item", None)}
    return replace(made, parameters=looped, items=items)


def _check_interface(called: Mapping[str, Any], task: Mapping[str, Any]) -> None:
    """Hold a task to its component: what is declared is given, and nothing else."""
    for kind in ("parameters", "artifacts"):
        declared = _declared(called, kind)
        given = {*task.get("inputs", {}).get(kind, {})}
        if kind == "parameters" and "parameterIterator" in task:
            given.add(task["parameterIterator"]["itemInput"])
        required = {name for name, spec in declared.items() if not spec.get("isOptional")}
        assert given <= {*declared}
        assert required <= given


def _parameter(one: Mapping[str, Any], scope: Scope) -> Origin:
    if "runtimeValue" in one:
        return Origin("constant", one["runtimeValue"]["constant"])
    if "componentInputParameter" in one:
        return scope.parameters[one["componentInputParameter"]]
    if "taskFinalStatus" in one:
        return Origin("status", one["taskFinalStatus"]["producerTask"])
    made = one["taskOutputParameter"]
    return Origin("task", (*scope.path, made["producerTask"]), made["outputParameterKey"])


def _artifact(one: Mapping[str, Any], scope: Scope) -> Origin:
    if "componentInputArtifact" in one:
        return scope.artifacts[one["componentInputArtifact"]]
    made = one["taskOutputArtifact"]
    return Origin("task", (*scope.path, made["producerTask"]), made["outputArtifactKey"])


# Runs ---------------------------------------------------------------------------------------------


def _given(package: Package, request: Request) -> dict[str, Any]:
    """Return the pipeline's inputs in a run, as Kubeflow fills them in."""
    declared = _declared(package.pipeline["root"], "parameters")
    values = {n: one["defaultValue"] for n, one in declared.items() if "defaultValue" in one}
    values |= {
        "atlas_run": request.id,
        "atlas_interval_start": request.interval_start,
        "atlas_interval_end": request.interval_end,
        **request.parameters,
    }
    assert {*values} == {*declared}, "an input is unknown, or has no value"
    kinds = {n: one["parameterType"] for n, one in declared.items()}
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
    return _parsed([*filled, "--store", "file:///store"])


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
) -> frozenset[str]:
    """Return the steps that must be over before a step, or the task that counts its keys."""
    counter = steps[name].counter
    own = [steps[name], *([counter] if counter else [])]
    waits = {up for task in own for up in task.after}
    found = {
        task.options.step
        for up in waits
        for task in tasks.values()
        if task.path[: len(up)] == up and not task.options.finish
    }
    if steps[name].items:
        assert steps[name].items.value == counter.path, "the loop isn't over the step's own keys"
        assert counter.path in waits
    return frozenset(found - {name})


# Steps --------------------------------------------------------------------------------------------


def _step(
    package: Package,
    task: Task,
    before: frozenset[str],
    plan: Plan,
    steps: Mapping[str, Task],
) -> StepTrace:
    options = task.options
    run = run_of(
        plan,
        Request(
            options.run,
            options.interval_start,
            options.interval_end,
            json.loads(options.parameters or "{}"),
        ),
    )
    container = package.container(task.executor)
    kubernetes = package.kubernetes.get(task.executor, {})
    by_path = {one.path: name for name, one in steps.items()}
    assert options.retry or platform_variables(kubernetes) == set(PLATFORM)
    return StepTrace(
        plan=options.plan,
        run=facts_of(run),
        params=typed(given_params(plan.step(options.step), run)),
        image=container["image"],
        before=before,
        inputs={name: _edge(package, one, by_path) for name, one in sorted(task.artifacts.items())},
        keys=_keys(package, task, by_path),
        command_index=int(options.index) if options.index else None,
        **_retries(task.spec, plan.step(options.step), options),
        timeout=_timeout(kubernetes, plan.step(options.step), options),
        **_resources(container),
        env=_env(container),
        secrets=_secrets(kubernetes, plan, plan.step(options.step), options),
        node_selector=kubernetes.get("nodeSelector", {}).get("labels", {}),
        tolerations=tuple(toleration(one) for one in kubernetes.get("tolerations", ())),
    )


def _edge(package: Package, origin: Origin, by_path: Mapping[tuple[str, ...], str]) -> str:
    """Return where an artifact comes from: a step, or all keys of one gathered out of its loop."""
    if origin.value in by_path:
        return f"{by_path[origin.value]}.{origin.output}"
    loop = _component(package, origin.value)
    (selected,) = loop["dag"]["outputs"]["artifacts"][origin.output]["artifactSelectors"]
    inner = (*origin.value, selected["producerSubtask"])
    return f"{by_path[inner]}.{selected['outputArtifactKey']}*"


def _component(package: Package, path: tuple[str, ...]) -> Mapping[str, Any]:
    found = package.pipeline["root"]
    for name in path:
        reference = found["dag"]["tasks"][name]["componentRef"]["name"]
        found = package.pipeline["components"][reference]
    return found


def _keys(package: Package, task: Task, by_path: Mapping[tuple[str, ...], str]) -> str:
    """Return where the keys come from, as the counting task's only artifact says."""
    counter = task.counter
    if counter is None:
        assert task.items is None
        return ""
    assert counter.options.plan == task.options.plan
    assert (task.items.kind, task.items.output) == ("task", "indexes")
    artifacts = [_edge(package, one, by_path) for one in counter.artifacts.values()]
    return artifacts[0] if artifacts else "elsewhere"


def _retries(spec: Mapping[str, Any], step: PlanStep, options: Any) -> dict[str, Any]:
    """Return how often a task is tried again, and when: KFP's longest "duration" is a deadline.

    With ``--retry``, for kfp.local, the step itself does.
    """
    policy = spec.get("retryPolicy")
    if options.retry:
        own = step.retries
        return {
            "retries": own.limit,
            "waits": waits(own.limit, own.delay, own.factor, own.max_delay),
        }
    if not policy:
        return {"retries": 0, "waits": ()}
    first, deadline = (float(policy[k][:-1]) for k in ("backoffDuration", "backoffMaxDuration"))
    assert deadline == 3600
    factor, limit = policy["backoffFactor"], policy["maxRetryCount"]
    assert float(factor).is_integer(), "Argo takes no fraction"
    return {"retries": limit, "waits": waits(limit, first, factor, math.inf)}


def _timeout(kubernetes: Mapping[str, Any], step: PlanStep, options: Any) -> float | None:
    """Return when an attempt ends: `atlas.step` keeps the time, Kubernetes' deadline is behind it."""
    seconds = kubernetes.get("activeDeadlineSeconds")
    if step.timeout is not None and not options.retry:
        assert float(seconds) >= step.timeout
    return step.timeout


_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def _resources(container: Mapping[str, Any]) -> dict[str, Any]:
    asked = container.get("resources", {})
    for one in ("Cpu", "Memory"):
        assert asked.get(f"resource{one}Limit") == asked.get(f"resource{one}Request")
    memory, accelerator = asked.get("resourceMemoryLimit"), asked.get("accelerator", {})
    count = accelerator.get("resourceCount") or accelerator.get("count")
    return {
        "cpu": float(asked["resourceCpuLimit"]) if "resourceCpuLimit" in asked else None,
        "memory": _bytes(memory) if memory else None,
        "gpu": int(count) if count else None,
    }


def _bytes(text: str) -> int:
    unit = _UNITS.get(text[-2:])
    return int(text[:-2]) * unit if unit else int(text)


def _env(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables as Kubernetes sets them: it expands ``$(NAME)``, and halves ``$$``.

    For kfp.local, which sets none, the command does.
    """
    command = container.get("command", ())
    if command[0] == "env":
        return dict(word.split("=", 1) for word in command[1 : command.index("python")])
    pairs = {one["name"]: one.get("value", "") for one in container.get("env", ())}
    assert len(pairs) == len(container.get("env", ()))
    return {name: expanded(value) for name, value in pairs.items()}


def expanded(value: str) -> str:
    """Expand a variable's value as Kubernetes does where no variable is known."""
    return re.sub(r"\$(\$|\([^)]*\))", lambda m: "$" if m[1] == "$" else f"<{m[0]}>", value)


def _secrets(
    kubernetes: Mapping[str, Any], plan: Plan, step: PlanStep, options: Any
) -> dict[str, Any]:
    """Return the secrets that Kubernetes gives; with kfp.local, who runs it gives them."""
    if options.retry:
        names = {*step.secrets, *credentials(plan, step.sources())}
        return {name: dict(plan.secrets[name]) for name in names}
    found = {}
    for one in kubernetes.get("secretAsEnv", ()):
        for pair in one["keyToEnv"]:
            name = pair["envVar"].removeprefix("ATLAS_SECRET_").lower().replace("_", "-")
            found[name] = {"kubernetes": f"{one['secretName']}/{pair['secretKey']}"}
    return found


PLATFORM = ("ATLAS_STORE", "ATLAS_MLFLOW_URL", "ATLAS_PUSHGATEWAY_URL")
"""What every container on a cluster must know: where the platform is."""


def platform_variables(kubernetes: Mapping[str, Any]) -> set[str]:
    return {
        pair["envVar"]
        for one in kubernetes.get("configMapAsEnv", ())
        for pair in one["keyToEnv"]
        if one["configMapName"] == "atlas-platform"
    }


_TYPES = {
    "STRING": "string", "NUMBER_INTEGER": "integer", "NUMBER_DOUBLE": "number", "BOOLEAN": "boolean"
}  # fmt: skip


def _parameters(package: Package) -> dict[str, dict[str, Any]]:
    declared = _declared(package.pipeline["root"], "parameters")
    own = {name: one for name, one in declared.items() if not name.startswith("atlas_")}
    return {
        name: {"type": _TYPES[one["parameterType"]], "default": one.get("defaultValue")}
        for name, one in own.items()
    }
