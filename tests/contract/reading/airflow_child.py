"""Runs in a process of its own: import DAG files through Airflow's DagBag and tell what they do.

Arguments: a folder of DAG files, a JSON file with a run's request for each DAG, and the file that
is written: what couldn't be imported, then one JSON object a DAG. Nothing of Atlas is imported.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from functools import cache, partial
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag


def main(folder, requests, out):
    """Read every DAG of a folder."""
    bag = DagBag(folder)
    with open(requests, encoding="utf-8") as file:
        asked = json.load(file)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(bag.import_errors, file)
        for name, dag in bag.dags.items():
            file.write("\n")
            json.dump(dag_facts(dag, asked[name]), file)


def dag_facts(dag, request):
    """Tell what a DAG does in one run."""
    params = {name: param(dag.params.get_param(name)) for name in dag.params}
    render = renderer(dag, run_context(dag, request))
    return {
        "id": dag.dag_id,
        "timetable": timetable(dag),
        "start": dag.start_date and dag.start_date.isoformat(),
        "catchup": dag.catchup,
        "tags": sorted(dag.tags),
        "doc": dag.doc_md,
        "params": params,
        "tasks": [task_facts(task, render) for task in dag.tasks],
    }


def run_context(dag, request):
    """Return what templates see in a run, as Airflow makes it."""
    for name, value in request["parameters"].items():
        dag.params[name] = value
    start, end = (datetime.fromisoformat(request[f"interval_{one}"]) for one in ("start", "end"))
    run = SimpleNamespace(
        run_type=request.get("run_type", "manual"),
        data_interval_start=start,
        data_interval_end=end,
    )
    passwords = SimpleNamespace(get=lambda name: SimpleNamespace(password=f"password of {name}"))
    return {
        "params": dag.params.validate(),
        "dag_run": run,
        "run_id": request["id"],
        "ti": SimpleNamespace(log_url="https://airflow.example/dags/a/runs/b/tasks/c"),
        "conn": passwords,
    }


def renderer(dag, context):
    """Return what renders a value as a task of some class does, equal ones once."""
    environment = dag.get_template_env()
    rendered = {}

    def render(operator, value, task):
        if "task." not in repr(value):
            task = None
        key = operator, repr(value), task and task.task_id
        if key not in rendered:
            told = {**context, "task": task}
            rendered[key] = probe(operator).render_template(value, told, environment)
        return rendered[key]

    return render


@cache
def probe(operator):
    """Return a task of a class, in no DAG, to render with: a mapped one can't."""
    needs = {"bash": {"bash_command": "true"}, "docker": {"image": "none"}}
    return operator(task_id="probe", **needs.get(kind_of(operator), {}))


def kind_of(operator):
    """Tell what kind of task a class makes."""
    names = {base.__name__ for base in operator.__mro__}
    return next(kind for name, kind in KINDS.items() if name in names)


def timetable(dag):
    """Tell a DAG's timetable: its class, and what it was made from."""
    found = dag.timetable
    facts = {"class": type(found).__name__}
    if facts["class"] == "CronDataIntervalTimetable":
        facts["cron"] = found.expression
        facts["timezone"] = (
            found.timezone if isinstance(found.timezone, str) else found.timezone.name
        )
    if getattr(found, "asset_condition", None):
        facts["assets"] = sorted(asset.name for asset in found.asset_condition.objects)
    return facts


def param(found):
    """Tell a DAG's param: default and schema."""
    default = None if type(found.value).__name__ == "ArgNotSet" else found.value
    return {"default": default, "schema": found.schema, "description": found.description}


def task_facts(task, render):
    """Tell one task: its order, its limits, and its command for the first key."""
    operator = task.operator_class if task.is_mapped else type(task)
    given = task.partial_kwargs if task.is_mapped else vars(task)
    facts = {
        "id": task.task_id,
        "kind": kind_of(operator),
        "upstream": sorted(task.upstream_task_ids),
        "retries": task.retries,
        "retry_delay": seconds(task.retry_delay),
        "retry_factor": task.retry_exponential_backoff,
        "max_retry_delay": seconds(task.max_retry_delay),
        "timeout": seconds(task.execution_timeout),
        "trigger_rule": getattr(task.trigger_rule, "value", task.trigger_rule),
        "is_teardown": task.is_teardown,
        "pool": [task.pool, task.pool_slots],
        "outlets": sorted(asset.name for asset in given.get("outlets") or ()),
        "inlets": sorted(asset.name for asset in given.get("inlets") or ()),
        "keys_from": None,
    }
    own = partial(render, operator, task=task)
    return facts | READERS[kind_of(operator)](task, given, own)


def seconds(value):
    return None if value is None else value.total_seconds()


def first_key(task, name):
    """Return a mapped argument for the first key, and the task whose result it is mapped over."""
    found = task.expand_input.value[name]
    (function,) = found.callables
    return function(0), found.arg.operator.task_id


def bash(task, given, render):
    command, keys = given.get("bash_command"), None
    if task.is_mapped:
        command, keys = first_key(task, "bash_command")
    return {
        "command": render(command),
        "env": {name: render(value) for name, value in given["env"].items()},
        "append_env": given["append_env"],
        "skips": list(given["skip_on_exit_code"] or ()),
        "keys_from": keys,
    }


def docker(task, given, render):
    command, keys = given.get("command"), None
    if task.is_mapped:
        command, keys = first_key(task, "command")
    return {
        "command": render(command),
        "env": {name: render(value) for name, value in given["environment"].items()},
        "skips": list(given.get("skip_on_exit_code") or ()),
        "keys_from": keys,
        "container": {
            "image": render(given["image"]),
            "cores": given.get("cpus"),
            "memory": given.get("mem_limit"),
            "gpu": [one["Count"] for one in given.get("device_requests") or ()],
            "folders": list(given.get("folders") or ()),
            "variables": dict(given.get("secrets") or {}),
        },
    }


def kubernetes(task, given, render):
    arguments, keys = given.get("arguments"), None
    if task.is_mapped:
        arguments, keys = first_key(task, "arguments")
    return {
        "command": render([*given["cmds"], *arguments]),
        "env": variables(given, render),
        "skips": list(given.get("skip_on_exit_code") or ()),
        "keys_from": keys,
        "gives": bool(given.get("do_xcom_push")),
        "container": {
            "image": render(given["image"]),
            "resources": plain(given.get("container_resources") or {}),
            "node_selector": given.get("node_selector") or {},
            "tolerations": [plain(one) for one in given.get("tolerations") or ()],
            "configmaps": configmaps(given),
            "secrets": [
                [one.deploy_target, one.secret, one.key] for one in given.get("secrets") or ()
            ],
        },
    }


def plain(value):
    """Return an object of Kubernetes' client as plain data."""
    return value.to_dict() if hasattr(value, "to_dict") else value


def variables(given, render):
    """Return a pod's variables, which a task that isn't mapped has made objects of."""
    raw = given["env_vars"]
    pairs = raw.items() if isinstance(raw, dict) else [(one.name, one.value) for one in raw]
    return {name: render(value) for name, value in pairs}


def configmaps(given):
    """Return the ConfigMaps that a pod's variables come from."""
    made = [one.config_map_ref.name for one in given.get("env_from") or () if one.config_map_ref]
    return [*made, *(given.get("configmaps") or ())]


KINDS = {"BashOperator": "bash", "DockerOperator": "docker", "KubernetesPodOperator": "kubernetes"}
READERS = {"bash": bash, "docker": docker, "kubernetes": kubernetes}

if __name__ == "__main__":
    main(*sys.argv[1:])
