"""A Plan as the source of one Airflow DAG.

What the file says of the Recipe stands in string literals only, protected from Airflow's templates.
How a step runs is its kind's matter (`atlas.targets.airflow.kind`); everything else is here.
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.targets.airflow.document import document, mlflow_names, owner_links
from atlas.targets.airflow.literals import (
    NEWLINE,
    call,
    indent,
    mapping,
    sequence,
    source,
    template,
    without_strings,
)
from atlas.targets.airflow.schedule import asset, schedule
from atlas.targets.airflow.skipping import gated_steps, trigger_rule, when_task
from atlas.targets.protocol import (
    NOWHERE,
    Origin,
    deployed_name,
    ending_step,
    names_in_project,
    plan_tag,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.plan import Plan, PlanStep
    from atlas.recipe import Parameter
    from atlas.targets.airflow.kind import TaskKind

_LONGEST_TAG = 100
_GRACE_SECONDS = 120
"""What a challenger's task has besides its step's timeout, to record why it ends."""
_HEAD = '''\
"""Compiled by Atlas from a Plan, whose digest is a tag. Change the Recipe, not this file."""

{imports}

RUN = {{
    "ATLAS_PLAN": "{digest}",{commit}{project}
    "ATLAS_STEP": "{{{{ task.task_id }}}}",
    "ATLAS_REQUEST": (
        "{{{{ {{'run': dag_run.data_interval_start.strftime('%Y%m%dT%H%M%SZ')"
        " if dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_start"
        " else run_id,"
        " 'trigger': {{'scheduled': 'schedule', 'backfill': 'backfill',"
        " 'asset_triggered': 'upstream'}}.get(dag_run.run_type, 'manual'),"
        " 'parameters': params,"
        " 'interval_start': dag_run.data_interval_start | ts or '',"
        " 'interval_end': dag_run.data_interval_end | ts or ''}} | tojson }}}}"
    ),
    # Where no `base_url` is set, Airflow takes its pages for those of this machine.
    "ATLAS_RUN_PAGE": (
        "{{% set page = ti.log_url | default('') %}}"
        "{{{{ '' if page.startswith('http://localhost:8080/')"
        " else page.partition('/tasks/')[0] }}}}"
    ),
}}
END = {{"retries": 1, "retry_delay": timedelta(seconds=10)}}
'''
_PAGES = '''

def pages(experiment, model=""):
    """Return a line of links to MLflow's pages, where this Airflow knows MLflow's address."""
    known = [os.environ.get(f"ATLAS_MLFLOW_{name}", "") for name in ("PAGE", "URL")]
    server = next(filter(None, known), "").rstrip("/")
    links = [(f"experiment {experiment}", "experiments")]
    links += [(f"model {model}", f"models/{model}")] if model else []
    line = ", ".join(f"[{name}]({server}/#/{page})" for name, page in links)
    return f"MLflow: {line}\\n\\n" if server else ""
'''


@dataclass(frozen=True, slots=True)
class DagOptions:
    """How a DAG's tasks run.

    Attributes:
        kind: the kind of tasks.
        images: image name → reference; only kinds that run steps in images need it.
        pool: Airflow's pool that steps run in, a slot a core; empty for Airflow's default.
        origin: what the Plan is of.
        project: the project's folder, as tasks see it; empty where they don't.
    """

    kind: TaskKind
    images: Mapping[str, str] = field(default_factory=dict)
    pool: str = ""
    origin: Origin = NOWHERE
    project: str = ""


def dag_file(plan: Plan, form: DagOptions) -> str:
    """Return the source of the Plan's DAG."""
    each_function = form.kind.each if any(step.foreach for step in plan.steps) else ""
    gated = gated_steps(plan)
    when_function = form.kind.when if gated else ""
    lines = [
        *(line for step in plan.steps for line in _tasks(plan, step, form, gated)),
        *_edges(plan),
        _finish(plan, form),
    ]
    body = indent("".join(f"{line}\n" for line in lines))
    dag = f"with {call('DAG', _arguments(plan, form))}:\n    steps = {{}}\n{body}"
    functions = f"{form.kind.functions}{each_function}{when_function}"
    imports = _imports(form.kind, each_function, f"{functions}{without_strings(dag)}")
    commit = f'\n    "ATLAS_COMMIT": {source(form.origin.commit)},' if form.origin.commit else ""
    head = _HEAD.format(
        digest=plan.digest, imports=imports, commit=commit, project=_project(plan, form)
    )
    return f"{head}{functions}{_PAGES}\n\n{dag}"


def _project(plan: Plan, form: DagOptions) -> str:
    """Return the line that says where the project is, for a Plan with data in it."""
    if not form.project or not names_in_project(plan):
        return ""
    return f'\n    "ATLAS_PROJECT": {template(form.project)},'


def _imports(kind: TaskKind, each_function: str, body: str) -> str:
    """Return the imports that the file's code uses, given without what the Plan's strings say."""
    times = ["datetime", "timedelta"] if "datetime(" in body else ["timedelta"]
    standard = {"import os", *kind.standard, *(kind.each_standard if each_function else ())}
    froms = [f"from datetime import {', '.join(times)}"]
    froms += ["from urllib.parse import unquote"] if "unquote(" in body else []
    froms += ["from zoneinfo import ZoneInfo"] if "ZoneInfo(" in body else []
    used = ("Asset", "CronDataIntervalTimetable", "Param", "literal")
    names = sorted(["DAG", *(name for name in used if f"{name}(" in body)], key=_import_order)
    airflow = [line for line in kind.airflow if line.rpartition(" ")[2] in body]
    groups = [
        [*sorted(standard), *froms],
        [*airflow, f"from airflow.sdk import {', '.join(names)}"],
    ]
    return "\n\n".join("\n".join(group) for group in groups)


def _import_order(name: str) -> tuple[bool, bool, str]:
    """Sort names as import sorters do: constants, then classes, then functions."""
    return name[0].islower(), not name.isupper(), name


def _arguments(plan: Plan, form: DagOptions) -> dict[str, str]:
    """Return the arguments of the DAG as expressions."""
    params = {name: _param(plan.parameters[name]) for name in sorted(plan.parameters)}
    tags = ["atlas", plan.flow, f"pipeline:{plan.pipeline}", plan_tag(plan.digest)]
    given = {"owner": form.origin.owner, "pool": form.pool}
    defaults = {name: value for name, value in given.items() if value}
    tags += [f"release:{form.origin.release}"] if form.origin.release else []
    pages = call("pages", {}, positional=map(source, mlflow_names(plan)))
    return {
        "dag_id": source(deployed_name(plan)),
        "description": source(form.origin.description or plan.description or None),
        **schedule(plan),
        "catchup": "False",
        "is_paused_upon_creation": "False",
        **({"default_args": source(defaults)} if defaults else {}),
        **({"params": mapping(params)} if params else {}),
        "tags": sequence(tag[:_LONGEST_TAG] for tag in tags),
        **owner_links(form.origin),
        "doc_md": f"{pages}\n+ {_text(document(plan, form.origin))}",
    }


def _param(parameter: Parameter) -> str:
    """Return a parameter as Airflow's Param, whose bounds hold when a run is triggered."""
    schema: dict[str, Any] = {
        "type": parameter.type,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "enum": list(parameter.choices),
        "description": parameter.description,
    }
    given = {key: source(value) for key, value in schema.items() if value not in (None, [], "")}
    default = () if parameter.default is None else (source(parameter.default),)
    return call("Param", given, positional=default)


def _tasks(plan: Plan, step: PlanStep, form: DagOptions, gated: frozenset[str]) -> Iterator[str]:
    """Give the statements that add a step to the DAG, and before it what tells whether it runs."""
    if step.name in gated:
        own = form.kind.arguments(plan, step, form.images)
        arguments = {"image": own["image"]} if "image" in own else {}
        made = call("when", arguments, positional=(source(step.name),))
        yield f"steps[{source(when_task(step.name))}] = {made}"
    yield _task(plan, step, form)


def _task(plan: Plan, step: PlanStep, form: DagOptions) -> str:
    """Return the statement that adds a step to the DAG."""
    name = source(step.name)
    own = form.kind.arguments(plan, step, form.images)
    arguments = {
        **own,
        **_retries(step),
        **_limits(step),
        **({"trigger_rule": source(rule)} if (rule := trigger_rule(plan, step)) else {}),
        **_slots(step, form),
    }
    if step.description:
        arguments["doc_md"] = _text(f"{step.description}\n")
    made = call("each" if step.foreach else "step", arguments, positional=(name,))
    keys = f"steps[{source(f'{step.name}.keys')}], " if step.foreach else ""
    return f"{keys}steps[{name}] = {made}"


def _retries(step: PlanStep) -> dict[str, str]:
    """Return how the step is tried again; always written, because an Airflow has its own defaults.

    With a factor, Airflow adds up to as much again to each wait, by chance.
    """
    retries = step.retries
    if not retries.limit:
        return {"retries": "0"}
    return {
        "retries": source(retries.limit),
        "retry_delay": f"timedelta(seconds={source(min(retries.delay, retries.max_delay))})",
        "retry_exponential_backoff": source(float(retries.factor)),
        "max_retry_delay": f"timedelta(seconds={source(retries.max_delay)})",
    }


def _slots(step: PlanStep, form: DagOptions) -> dict[str, str]:
    """Return how many slots of the platform's pool the step takes: one a core."""
    cores = math.ceil(step.resources.cpu or 1)
    return {"pool_slots": source(cores)} if form.pool and cores > 1 else {}


def _limits(step: PlanStep) -> dict[str, str]:
    """Return how long an attempt may take; one that its run outlives ends itself first."""
    if step.timeout is None:
        return {}
    seconds = step.timeout + (_GRACE_SECONDS if step.outlived else 0)
    return {"execution_timeout": f"timedelta(seconds={source(seconds)})"}


def _edges(plan: Plan) -> list[str]:
    """Return the statements that order the steps."""
    gated = gated_steps(plan)
    edges = [
        (up, when_task(step.name) if step.name in gated else step.name)
        for step in plan.steps
        for up in step.upstream()
    ]
    for step in plan.steps:
        keys = f"{step.name}.keys"
        if step.name in gated:
            gate = when_task(step.name)
            edges += [(gate, step.name), *([(gate, keys)] if step.foreach else [])]
        elif step.foreach:
            edges += [(of.name, keys) for of in step.foreach.sources() if of.kind == "step"]
    return [f"steps[{source(up)}] >> steps[{source(down)}]" for up, down in edges]


def _finish(plan: Plan, form: DagOptions) -> str:
    """Return the statement that has the run recorded after the steps that no other follows.

    It announces new results. Where the run isn't done it fails, so that it announces none, and
    Airflow, which looks at this task alone, calls the run failed.
    """
    followed = {name for step in plan.steps for name in step.upstream()}
    last = [step for step in plan.steps if step.name not in followed]
    arguments = form.kind.arguments(plan, ending_step(plan, last[-1]), form.images)
    arguments |= {"outlets": f"[{asset(plan.name, plan.flow)}]"}
    finish = call("finish", arguments, positional=(template(last[-1].name),))
    ends = ", ".join(f"steps[{source(step.name)}]" for step in last)
    return f"[{ends}] >> {finish}"


def _text(text: str) -> str:
    """Return a long text as an expression of one literal a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) == 1:
        return source(text)
    return f"(\n{indent(''.join(f'{source(line)}{NEWLINE}' for line in lines))})"
