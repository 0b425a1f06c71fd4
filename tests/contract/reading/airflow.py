"""The Trace of compiled DAG files, imported by a real Airflow in a process of its own."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from atlas.step.options import parsed
from atlas.step.params import given_params
from tests.contract.reading.plan import (
    credentials,
    described,
    facts_of,
    keys_of,
    run_of,
    shown,
    toleration,
    typed,
)
from tests.contract.reading.settings import expanded
from tests.contract.trace import Request, StepTrace, Trace, closure, waits

if TYPE_CHECKING:
    from atlas.plan import Plan

REGISTRY = "registry.example:5000"
"""What stands for the registry that a worker knows."""
CHILD = Path(__file__).with_name("airflow_child.py")
SETTINGS = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
}


def imported(
    files: Mapping[str, bytes], requests: Mapping[str, Request], folder: Path
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return what Airflow can't import, and what each DAG does, by name."""
    dags, asked, out = folder / "dags", folder / "requests.json", folder / "found.jsonl"
    dags.mkdir()
    for name, content in files.items():
        (dags / name).write_bytes(content)
    asked.write_text(json.dumps({name: asdict(one) for name, one in requests.items()}))
    done = subprocess.run(
        [sys.executable, "-P", CHILD, dags, asked, out],
        env={**os.environ, **SETTINGS, "AIRFLOW_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    errors, *found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    return errors, {dag["id"]: dag for dag in found}


def airflow_trace(dag: Mapping[str, Any], plans: Mapping[str, Plan]) -> Trace:
    """Return what Airflow would do in the run that the child was given."""
    assert dag["catchup"] is False
    tasks = {task["id"]: task for task in dag["tasks"]}
    options = {name: _options(task) for name, task in tasks.items() if task["command"]}
    steps = {o.step: n for n, o in options.items() if not (o.keys or o.finish or o.when)}
    gates = {o.step: n for n, o in options.items() if o.when}
    for name in gates.values():
        assert (tasks[name]["skips"], options[name].if_skipped) == ([99], "99")
        assert tasks[name]["trigger_rule"] == "none_failed"
    counters = {o.step: n for n, o in options.items() if o.keys}
    of = {name: one.step for name, one in options.items() if not one.finish}
    finish = [name for name, one in options.items() if one.finish]
    _check_finish(tasks, finish, steps, "/".join(dag["id"].rsplit("-", 1)))
    direct = {
        step: frozenset(
            of[up]
            for task in (name, counters.get(step), gates.get(step))
            if task
            for up in tasks[task]["upstream"]
        )
        - {step}
        for step, name in steps.items()
    }
    before = closure(direct)
    skipped = skipped_by_airflow(tasks, options, steps, gates, plans)
    return Trace(
        name=dag["id"],
        described=described(dag["doc"]),
        parameters={name: _parameter(one) for name, one in dag["params"].items()},
        schedule=_schedule(dag),
        reads=frozenset(dag["timetable"].get("assets", ())),
        steps={
            step: _step(
                tasks[name],
                tasks.get(counters.get(step)),
                options[name],
                before[step],
                plans,
                may_skip=step in skipped,
            )
            for step, name in steps.items()
        },
    )


def _options(task: Mapping[str, Any]) -> Any:
    """Return the options that `atlas.step` reads from a task's command and variables."""
    words = _words(task["command"])
    variables = {n: v for n, v in task["env"].items() if n.startswith("ATLAS_")}
    assert not {*variables} & {"ATLAS_STORE", "ATLAS_MLFLOW_URL", "ATLAS_PUSHGATEWAY_URL"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    with patch.dict(os.environ, {**kept, **variables}, clear=True):
        return parsed([*words, "--store", "file:///store"])


def _words(command: str | Sequence[str]) -> list[str]:
    """Return the options in a task's command, whatever starts it."""
    if isinstance(command, str):
        shell, python, *words = shlex.split(command)
        assert (shell, python) == ("exec", "$ATLAS_PYTHON")
    else:
        if command[:2] == ["sh", "-c"]:
            line, _, file = command[2].partition(" > ")
            assert file == "/airflow/xcom/return.json"
            command = shlex.split(line)
        python, *words = command
        assert python == "python"
    assert words[:2] == ["-m", "atlas.step"]
    return words[2:]


def _check_finish(
    tasks: Mapping[str, Any], finish: Sequence[str], steps: Mapping[str, str], pipeline: str
) -> None:
    """Hold the DAG to one task that records the run's end, whatever became of the steps."""
    (name,) = finish
    task = tasks[name]
    assert task["is_teardown"]
    assert task["trigger_rule"] == "all_done_setup_success"
    followed = {up for one in tasks if one != name for up in tasks[one]["upstream"]}
    assert {*task["upstream"]} >= {*steps.values()} - followed
    assert task["outlets"] == [f"atlas://{pipeline}"]
    assert _options(task).if_failed == "1", "a run that isn't done fails, and tells of no results"
    assert 1 not in task["skips"]


def _step(
    task: Mapping[str, Any],
    counter: Mapping[str, Any] | None,
    options: Any,
    before: frozenset[str],
    plans: Mapping[str, Plan],
    *,
    may_skip: bool,
) -> StepTrace:
    plan = plans[options.plan]
    step = plan.step(options.step)
    parameters = json.loads(options.parameters or "{}")
    interval = (options.interval_start, options.interval_end)
    run = run_of(plan, Request(options.run, *interval, parameters, options.commit))
    assert task["keys_from"] == (counter["id"] if counter else None)
    assert not task.get("skips"), "an exit code of the user's would skip the step"
    _check_rule(task, plan, step)
    return StepTrace(
        plan=options.plan,
        run=facts_of(run),
        params=typed(given_params(step, run)),
        before=before,
        # The file says nothing of data: the command names the Plan, which does.
        inputs={
            name: shown(plan, source)
            for name, source in step.inputs.items()
            if source.kind == "step"
        },
        keys=keys_of(plan, step) if counter else "",
        command_index=int(options.index) if options.index else None,
        **_retries(task),
        timeout=task["timeout"],
        **_process_environment(task),
        env=_env(task),
        secrets=_secrets(task, plan, step.sources(), step.secrets),
        may_skip=may_skip,
    )


def skipped_by_airflow(
    tasks: Mapping[str, Any],
    options: Mapping[str, Any],
    steps: Mapping[str, str],
    gates: Mapping[str, str],
    plans: Mapping[str, Plan],
) -> set[str]:
    """Return the steps that Airflow skips in some run, and hold it to the Plan in every one.

    Runs differ in which conditions are true, and in whether lists of keys are empty.
    """
    plan = plans[options[next(iter(steps.values()))].plan]
    conditions = [step.name for step in plan.steps if step.when]
    found: set[str] = set()
    for true in product((False, True), repeat=min(len(conditions), 4)):
        for has_keys in (False, True):
            wanted = skipped_by_plan(plan, dict(zip(conditions, true, strict=False)))
            states = _states(tasks, options, gates, wanted, has_keys)
            empty = {name for name in steps if plan.step(name).foreach and not has_keys}
            assert {s for s, task in steps.items() if not states[task]} - empty == wanted - empty
            assert all(not states[steps[name]] for name in wanted)
            found |= wanted
    return found


def skipped_by_plan(plan: Plan, truths: Mapping[str, bool]) -> set[str]:
    """Return the steps that a run skips in which conditions are true or not."""
    skipped: set[str] = set()
    for step in plan.steps:
        lacks = any(group and skipped.issuperset(group) for group in step.needs())
        if lacks or not truths.get(step.name, True):
            skipped.add(step.name)
    return skipped


def _states(
    tasks: Mapping[str, Any],
    options: Mapping[str, Any],
    gates: Mapping[str, str],
    skipped: set[str],
    has_keys: bool,
) -> dict[str, bool]:
    """Return which tasks Airflow runs, by their trigger rules: nothing fails."""
    states: dict[str, bool] = {}
    while len(states) < len(tasks):
        for name, task in tasks.items():
            if name in states or not {*task["upstream"]} <= {*states}:
                continue
            rule = task["trigger_rule"]
            ran = rule != "all_success" or all(states[up] for up in task["upstream"])
            if name in gates.values():
                ran = ran and options[name].step not in skipped
            states[name] = ran and (has_keys or not task["keys_from"])
    return states


def _check_rule(task: Mapping[str, Any], plan: Plan, step: Any) -> None:
    """A step after one that may have no key, or that may be skipped, must run all the same."""
    may_lack = any(plan.step(name).foreach or name in plan.skippable for name in step.upstream())
    is_free = may_lack and step.name not in plan.skippable
    assert task["trigger_rule"] == ("none_failed" if is_free else "all_success")


def _process_environment(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a task runs and what it may use."""
    found = task.get("container", {})
    limits = found.get("resources", {}).get("limits", {})
    assert limits == found.get("resources", {}).get("requests", {})
    gpus = [*found.get("gpu", ()), *filter(None, [limits.get("nvidia.com/gpu")])]
    memory = found.get("memory") or limits.get("memory")
    if task["kind"] == "kubernetes":
        assert found["configmaps"] == ["atlas-platform"]
    return {
        "image": found.get("image", "").replace("$ATLAS_REGISTRY", REGISTRY),
        "cpu": float(limits["cpu"]) if "cpu" in limits else None,
        "memory": int(memory) if memory else None,
        "gpu": int(gpus[0]) if gpus else None,
        "node_selector": found.get("node_selector", {}),
        "tolerations": tuple(toleration(one) for one in found.get("tolerations", ())),
    }


def _retries(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return how often a task is tried again, and when but for Airflow's jitter."""
    limit = task["retries"]
    if not limit:
        return {"retries": 0, "waits": ()}
    longest = task["max_retry_delay"] if task["retry_factor"] != 1 else math.inf
    return {
        "retries": limit,
        "waits": waits(limit, task["retry_delay"], task["retry_factor"], longest),
    }


def _env(task: Mapping[str, Any]) -> dict[str, str]:
    found = {name: value for name, value in task["env"].items() if not name.startswith("ATLAS_")}
    if task["kind"] == "kubernetes":
        return {name: expanded(value) for name, value in found.items()}
    return found


def _secrets(
    task: Mapping[str, Any], plan: Plan, sources: Any, own: Sequence[str]
) -> dict[str, Any]:
    """Return the secrets that a task can get at, where they are."""
    found = {}
    for name, value in task["env"].items():
        if name.startswith("ATLAS_SECRET_"):
            found[_secret(name)] = {"airflow": value.removeprefix("password of ")}
    container = task.get("container", {})
    for name, variable in container.get("variables", {}).items():
        found[_secret(name)] = {"variable": variable}
    for target, secret, key in container.get("secrets", ()):
        found[_secret(target)] = {"kubernetes": f"{secret}/{key}"}
    for name in {*own, *credentials(plan, sources)}:
        place = plan.secrets[name]
        # A process looks for these itself; a container does so where it sees the file.
        if task["kind"] == "bash" and not {"variable", "file"}.isdisjoint(place):
            found[name] = dict(place)
        if place.get("file") in container.get("folders", ()):
            found[name] = dict(place)
    return found


def _secret(variable: str) -> str:
    return variable.removeprefix("ATLAS_SECRET_").lower().replace("_", "-")


_BOUNDS = ("minimum", "maximum")


def _parameter(one: Mapping[str, Any]) -> dict[str, Any]:
    schema = one["schema"]
    return {
        "type": schema["type"],
        "default": one["default"],
        **{name: schema.get(name) for name in _BOUNDS},
        "choices": schema.get("enum", []),
    }


def _schedule(dag: Mapping[str, Any]) -> tuple[str, ...]:
    found = dag["timetable"]
    if found["class"] in ("NullTimetable", "AssetTriggeredTimetable"):
        return ()
    assert found["class"] == "CronDataIntervalTimetable"
    return (found["cron"], found["timezone"], dag["start"] or "")
