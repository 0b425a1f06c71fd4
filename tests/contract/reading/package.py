"""The tasks of compiled KFP IR: nested DAGs opened, inputs followed to where they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

_CONDITION = re.compile(r"(!\()?(inputs\.parameter_values\['([^']+)'\]) == 'run'\)?")
"""What tells Kubeflow which branch is the step's."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    conditions: tuple[tuple[tuple[str, ...], str, Origin], ...] = ()
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


@dataclass(frozen=True)
class Scope:
    """What the tasks inside a DAG have from outside of it."""

    path: tuple[str, ...] = ()
    parameters: Mapping[str, Origin] = field(default_factory=dict)
    artifacts: Mapping[str, Origin] = field(default_factory=dict)
    after: frozenset[tuple[str, ...]] = frozenset()
    items: Origin | None = None
    conditions: tuple[tuple[tuple[str, ...], str, Origin], ...] = ()


def tasks_of(package: Package) -> Iterator[Task]:
    root = package.pipeline["root"]
    inputs = {name: Origin("pipeline", name) for name in declared(root, "parameters")}
    yield from _inside(package, root, Scope(parameters=inputs))


def declared(component: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = component.get("inputDefinitions", {}).get(kind, {})
    return found


def _inside(package: Package, component: Mapping[str, Any], scope: Scope) -> Iterator[Task]:
    """Give the containers of a DAG, with what they are given and what they wait for."""
    for name, task in component["dag"]["tasks"].items():
        assert not task.get("cachingOptions"), "Kubeflow's own cache is on"
        assert "triggerPolicy" not in task or name == "atlas-finish" or "condition-" in name
        called = package.pipeline["components"][task["componentRef"]["name"]]
        _check_interface(called, task)
        inner = _scope_of(name, task, scope)
        if "dag" in called:
            yield from _inside(package, called, inner)
        else:
            given, read = dict(inner.parameters), dict(inner.artifacts)
            yield Task(
                inner.path, task, called["executorLabel"], given, read, {*inner.after}, scope.items,
                inner.conditions,
            )  # fmt: skip


def _scope_of(name: str, task: Mapping[str, Any], scope: Scope) -> Scope:
    """Return what a task is given, which is what the tasks inside it have from outside."""
    inputs = task.get("inputs", {})
    given = {k: _parameter(one, scope) for k, one in inputs.get("parameters", {}).items()}
    read = {k: _artifact(one, scope) for k, one in inputs.get("artifacts", {}).items()}
    waits = {(*scope.path, up) for up in task.get("dependentTasks", ())}
    data = {one.value for one in (*given.values(), *read.values()) if one.kind == "task"}
    after = scope.after | waits | data
    conditions = scope.conditions
    text = task.get("triggerPolicy", {}).get("condition", "")
    if text:
        ((_, _, key),) = [found.groups() for found in _CONDITION.finditer(text)]
        conditions += (((*scope.path, name), text, given[key]),)
    made = Scope((*scope.path, name), given, read, after, scope.items, conditions)
    if "parameterIterator" not in task:
        return made
    iterator = task["parameterIterator"]
    items = given[iterator["items"]["inputParameter"]]
    looped = {**given, iterator["itemInput"]: Origin("item", None)}
    return replace(made, parameters=looped, items=items)


def _check_interface(called: Mapping[str, Any], task: Mapping[str, Any]) -> None:
    """Hold a task to its component: what is declared is given, and nothing else."""
    for kind in ("parameters", "artifacts"):
        inputs = declared(called, kind)
        given = {*task.get("inputs", {}).get(kind, {})}
        if kind == "parameters" and "parameterIterator" in task:
            given.add(task["parameterIterator"]["itemInput"])
        required = {name for name, spec in inputs.items() if not spec.get("isOptional")}
        assert given <= {*inputs}
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


def edge(package: Package, origin: Origin, by_path: Mapping[tuple[str, ...], str]) -> str:
    """Return where an artifact comes from: a step, or all keys of one gathered out of its loop."""
    if origin.value in by_path:
        return f"{by_path[origin.value]}.{origin.output}"
    loop = _component(package, origin.value)
    either = loop["dag"]["outputs"]["artifacts"][origin.output]["artifactSelectors"]
    if len(either) == 2:  # the step's branch, and the other
        return _of_branch(package, origin, by_path, either)
    (selected,) = loop["dag"]["outputs"]["artifacts"][origin.output]["artifactSelectors"]
    inner = (*origin.value, selected["producerSubtask"])
    return f"{by_path[inner]}.{selected['outputArtifactKey']}*"


def _of_branch(
    package: Package,
    origin: Origin,
    by_path: Mapping[tuple[str, ...], str],
    either: Sequence[Mapping[str, Any]],
) -> str:
    """Return where an artifact comes from that a step makes, or what stands for it."""
    found = []
    for branch in either:
        path = (*origin.value, branch["producerSubtask"])
        outputs = _component(package, path)["dag"]["outputs"]["artifacts"]
        (selected,) = outputs[branch["outputArtifactKey"]]["artifactSelectors"]
        key = selected["outputArtifactKey"]
        found.append((by_path.get((*path, selected["producerSubtask"])), key))
    ((step, output), (other, same)) = sorted(found, key=lambda pair: pair[0] is None)
    assert (other, same) == (None, output), "the other branch has other outputs"
    return f"{step}.{output}"


def _component(package: Package, path: tuple[str, ...]) -> Mapping[str, Any]:
    found = package.pipeline["root"]
    for name in path:
        reference = found["dag"]["tasks"][name]["componentRef"]["name"]
        found = package.pipeline["components"][reference]
    return found
