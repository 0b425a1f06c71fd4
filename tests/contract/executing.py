"""Kubeflow's part over compiled IR: branches, loops and order, each container in this process.

What the real back end does with a package is done here by its rules: a task begins when all that it
depends on has succeeded, one whose trigger policy is false is skipped, and a task that is skipped
hasn't succeeded, so that nothing that depends on it begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas.step.__main__ import main
from tests.contract.reading.package import Package

_CONDITION = re.compile(r"(!\()?inputs\.parameter_values\['([^']+)'\] == '([^']*)'\)?")


@dataclass
class Execution:
    """One run of a package.

    Attributes:
        began: the containers that were started, by the names that Kubeflow shows.
        idle: tasks that were skipped, or that waited for one.
    """

    package: Package
    folder: Path
    began: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)

    def run(self, arguments: Mapping[str, Any]) -> bool:
        """Run the whole; tell whether no container failed."""
        root = self.package.pipeline["root"]
        declared = root.get("inputDefinitions", {}).get("parameters", {})
        given = {name: one.get("defaultValue", "") for name, one in declared.items()}
        return self._dag(root, {**given, **arguments}) is not None

    def end(self, arguments: Mapping[str, Any]) -> bool:
        """Run the exit handler, as Kubeflow does however the others have ended."""
        root = self.package.pipeline["root"]
        declared = root.get("inputDefinitions", {}).get("parameters", {})
        given = {name: one.get("defaultValue", "") for name, one in declared.items()}
        task = root["dag"]["tasks"]["atlas-finish"]
        inputs = _inputs(task, {**given, **arguments}, {})
        called = self.package.pipeline["components"][task["componentRef"]["name"]]
        return self._container(task, called, inputs) is not None

    def _dag(self, component: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
        """Run the tasks of a DAG; return their output parameters, or None for a failure."""
        tasks = component["dag"]["tasks"]
        made: dict[str, Any] = {}
        skipped: set[str] = set()
        while len(made) + len(skipped) < len(tasks):
            over = {*made, *skipped}
            name = next(n for n in tasks if n not in over and _before(tasks[n]) <= over)
            task = tasks[name]
            is_idle = bool(skipped & _before(task))
            inputs = {} if is_idle else _inputs(task, given, made)
            if is_idle or not _is_true(task, inputs):
                skipped.add(name)
                self.idle.append(task["taskInfo"]["name"])
                continue
            made[name] = self._task(task, inputs)
            if made[name] is None:
                return None
        return made

    def _task(self, task: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        called = self.package.pipeline["components"][task["componentRef"]["name"]]
        if "parameterIterator" in task:
            iterator = task["parameterIterator"]
            items = inputs[iterator["items"]["inputParameter"]]
            ran = [self._dag(called, {**inputs, iterator["itemInput"]: one}) for one in items]
            return None if None in ran else {}
        if "dag" in called:
            return None if self._dag(called, inputs) is None else {}
        return self._container(task, called, inputs)

    def _container(
        self, task: Mapping[str, Any], called: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> Any:
        self.began.append(task["taskInfo"]["name"])
        folder = self.folder / str(len(self.began))
        outputs = called.get("outputDefinitions", {})
        executor = {
            "inputs": {"parameterValues": dict(inputs)},
            "outputs": {
                "parameters": {
                    n: {"outputFile": str(folder / n)} for n in outputs.get("parameters", {})
                },
                "artifacts": {
                    n: {
                        "artifacts": [
                            {"name": n, "uri": str(folder / n), "type": one["artifactType"]}
                        ]
                    }
                    for n, one in outputs.get("artifacts", {}).items()
                },
                "outputFile": str(folder / "executor_output.json"),
            },
        }
        container = self.package.container(called["executorLabel"])
        words = [*container.get("command", ()), *container.get("args", ())]
        words = words[words.index("atlas.step") + 1 :]
        if main([json.dumps(executor) if word == "{{$}}" else word for word in words]):
            return None
        written = folder / "executor_output.json"
        told = json.loads(written.read_text()) if written.exists() else {}
        missing = [n for n in outputs.get("artifacts", {}) if not (folder / n).exists()]
        assert missing == [], "Kubeflow's launcher fetches a file for each input"
        values: dict[str, Any] = told.get("parameterValues", {})
        assert {*values} == {*outputs.get("parameters", {})}
        return values


def _before(task: Mapping[str, Any]) -> set[str]:
    return {*task.get("dependentTasks", ())}


def _inputs(
    task: Mapping[str, Any], given: Mapping[str, Any], made: Mapping[str, Any]
) -> dict[str, Any]:
    raw = task.get("inputs", {}).get("parameters", {})
    return {name: _value(one, given, made) for name, one in raw.items()}


def _value(one: Mapping[str, Any], given: Mapping[str, Any], made: Mapping[str, Any]) -> Any:
    if "runtimeValue" in one:
        constant = one["runtimeValue"]["constant"]
        return "job" if constant == "{{$.pipeline_job_uuid}}" else constant
    if "componentInputParameter" in one:
        return given[one["componentInputParameter"]]
    if "taskFinalStatus" in one:
        return {"state": "SUCCEEDED"}
    output = one["taskOutputParameter"]
    return made[output["producerTask"]][output["outputParameterKey"]]


def _is_true(task: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
    text = task.get("triggerPolicy", {}).get("condition", "")
    if not text:
        return True
    found = _CONDITION.fullmatch(text)
    assert found, text
    return (inputs[found[2]] == found[3]) is not bool(found[1])
