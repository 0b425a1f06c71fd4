"""A Plan as the source of one Airflow DAG.

What the file says of the Recipe stands in string literals only. The command is the same in every
file, and takes what differs from environment variables, so that no shell and no template ever
parses a Recipe's words.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from atlas.targets.airflow.document import document
from atlas.targets.airflow.literals import (
    NEWLINE,
    call,
    indent,
    mapping,
    sequence,
    source,
    template,
)
from atlas.targets.protocol import deployed_name

if TYPE_CHECKING:
    from atlas.plan import Plan, PlanStep
    from atlas.recipe import Parameter

_LONGEST_TAG = 100
_HEAD = '''\
"""Compiled by Atlas from a Plan, whose digest is a tag. Change the Recipe, not this file."""

{imports}

COMMAND = 'exec "$ATLAS_PYTHON" -m atlas.step'
ONE = f"{{COMMAND}} --no-finish"
RUN = {{
    "ATLAS_PLAN": "{digest}",
    "ATLAS_RUN": (
        "{{{{ dag_run.data_interval_start.strftime('%Y%m%dT%H%M%SZ')"
        " if dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_start"
        " else run_id }}}}"
    ),
    "ATLAS_TRIGGER": "{{{{ TRIGGERS.get(dag_run.run_type, 'manual') }}}}",
    "ATLAS_PARAMETERS": "{{{{ params | tojson }}}}",
    "ATLAS_INTERVAL_START": "{{{{ dag_run.data_interval_start | ts or '' }}}}",
    "ATLAS_INTERVAL_END": "{{{{ dag_run.data_interval_end | ts or '' }}}}",
}}
TRIGGERS = {{"scheduled": "schedule", "backfill": "backfill"}}
STEP = {{"append_env": True, "skip_on_exit_code": None}}


def step(name, env=(), **options):
    """Run a step as a process of its own."""
    env = {{**RUN, **dict(env), "ATLAS_STEP": name}}
    return BashOperator(
        task_id=name, bash_command=ONE, env=env, do_xcom_push=False, **STEP, **options
    )


def finish(name):
    """Record how the run ended, whatever became of its steps; the run fails if this does."""
    env = {{**RUN, "ATLAS_STEP": name}}
    task = BashOperator(
        task_id="_finish",
        bash_command=f"{{COMMAND}} --finish",
        env=env,
        do_xcom_push=False,
        retries=3,
        retry_delay=timedelta(seconds=10),
        **STEP,
    )
    return task.as_teardown(on_failure_fail_dagrun=True)
'''
_EACH = '''

def each(name, env=(), **options):
    """Count a step's keys, then run the step once per key."""
    env = {**RUN, **dict(env), "ATLAS_STEP": name}
    keys = BashOperator(
        task_id=f"{name}.keys",
        bash_command=f"{COMMAND} --keys",
        env=env,
        output_processor=json.loads,
        **STEP,
        **options,
    )
    one = BashOperator.partial(task_id=name, env=env, do_xcom_push=False, **STEP, **options)
    return keys, one.expand(bash_command=keys.output.map(at))


def at(index):
    """Return the command for one key."""
    return f"{ONE} --index {index:d}"
'''


def dag_file(plan: Plan) -> str:
    """Return the source of the Plan's DAG."""
    head = _HEAD.format(digest=plan.digest, imports=_imports(plan))
    each = _EACH if any(step.foreach for step in plan.steps) else ""
    lines = [*(_task(plan, step) for step in plan.steps), *_edges(plan), _finish(plan)]
    body = indent("".join(f"{line}\n" for line in lines))
    return f"{head}{each}\n\nwith {call('DAG', _arguments(plan))}:\n    steps = {{}}\n{body}"


def _imports(plan: Plan) -> str:
    """Return the file's imports: only those that it uses."""
    body = "".join([call("", _arguments(plan)), *(_task(plan, step) for step in plan.steps)])
    standard = ["import json\n"] if any(step.foreach for step in plan.steps) else []
    times = ["datetime", "timedelta"] if "datetime(" in body else ["timedelta"]
    standard += [f"from datetime import {', '.join(times)}\n"]
    standard += ["from zoneinfo import ZoneInfo\n"] if "ZoneInfo(" in body else []
    used = ("CronDataIntervalTimetable", "Param", "literal")
    sdk = ["DAG", *(name for name in used if f"{name}(" in body)]
    airflow = [
        "from airflow.providers.standard.operators.bash import BashOperator\n",
        f"from airflow.sdk import {', '.join(sdk)}",
    ]
    return "".join([*standard, NEWLINE, *airflow])


def _arguments(plan: Plan) -> dict[str, str]:
    """Return the arguments of the DAG as expressions."""
    params = {name: _param(plan.parameters[name]) for name in sorted(plan.parameters)}
    tags = ["atlas", plan.flow, f"pipeline:{plan.pipeline}"[:_LONGEST_TAG], f"plan:{plan.digest}"]
    return {
        "dag_id": source(deployed_name(plan)),
        "description": source(plan.description or None),
        **_schedule(plan),
        "user_defined_macros": '{"TRIGGERS": TRIGGERS}',
        "catchup": "False",
        "is_paused_upon_creation": "False",
        **({"params": mapping(params)} if params else {}),
        "tags": sequence(tags),
        "doc_md": _text(document(plan)),
    }


def _schedule(plan: Plan) -> dict[str, str]:
    """Return when the DAG runs: an explicit timetable, for a bare cron has no data interval."""
    if plan.schedule is None:
        return {"schedule": "None"}
    cron, timezone = source(plan.schedule.cron), source(plan.schedule.timezone)
    timetable = f"CronDataIntervalTimetable({cron}, timezone={timezone})"
    if not plan.schedule.start:
        return {"schedule": timetable}
    start = datetime.fromisoformat(plan.schedule.start)
    parts = (start.year, start.month, start.day, start.hour, start.minute, start.second)
    moment = f"datetime({', '.join(map(str, parts))}, tzinfo=ZoneInfo({timezone}))"
    return {"schedule": timetable, "start_date": moment}


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


def _task(plan: Plan, step: PlanStep) -> str:
    """Return the statement that adds a step to the DAG."""
    name = source(step.name)
    arguments = {**_env(step), **_retries(step), **_limits(step), **_rule(plan, step)}
    if step.description:
        arguments["doc_md"] = _text(f"{step.description}\n")
    made = call("each" if step.foreach else "step", arguments, positional=(name,))
    keys = f"steps[{source(f'{step.name}.keys')}], " if step.foreach else ""
    return f"{keys}steps[{name}] = {made}"


def _env(step: PlanStep) -> dict[str, str]:
    """Return the step's own variables, protected from Airflow's templates."""
    values = {name: template(value) for name, value in sorted(step.env.items())}
    return {"env": mapping(values)} if values else {}


def _retries(step: PlanStep) -> dict[str, str]:
    """Return how the step is tried again; always said, for an Airflow has its own defaults."""
    retries = step.retries
    if not retries.limit:
        return {"retries": "0"}
    return {
        "retries": source(retries.limit),
        "retry_delay": f"timedelta(seconds={source(retries.delay)})",
        "retry_exponential_backoff": source(float(retries.factor)),
        "max_retry_delay": f"timedelta(seconds={source(retries.max_delay)})",
    }


def _limits(step: PlanStep) -> dict[str, str]:
    """Return how long an attempt may take."""
    if step.timeout is None:
        return {}
    return {"execution_timeout": f"timedelta(seconds={source(step.timeout)})"}


def _rule(plan: Plan, step: PlanStep) -> dict[str, str]:
    """Return the rule of a step that follows a ``foreach``, which is skipped without a key."""
    follows = any(plan.step(name).foreach for name in step.upstream())
    return {"trigger_rule": source("none_failed")} if follows else {}


def _edges(plan: Plan) -> list[str]:
    """Return the statements that order the steps."""
    edges = [(up, step.name) for step in plan.steps for up in step.upstream()]
    for step in plan.steps:
        if step.foreach and step.foreach[1].kind == "step":
            edges.append((step.foreach[1].name, f"{step.name}.keys"))
    return [f"steps[{source(up)}] >> steps[{source(down)}]" for up, down in edges]


def _finish(plan: Plan) -> str:
    """Return the statement that has the run recorded after the steps that no other follows."""
    followed = {name for step in plan.steps for name in step.upstream()}
    last = [step.name for step in plan.steps if step.name not in followed]
    ends = ", ".join(f"steps[{source(name)}]" for name in last)
    return f"[{ends}] >> finish({source(last[-1])})"


def _text(text: str) -> str:
    """Return a long text as an expression of one literal a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) == 1:
        return source(text)
    return f"(\n{indent(''.join(f'{source(line)}{NEWLINE}' for line in lines))})"
