"""Process tasks: each step is a process on Airflow's worker, in the Python that the platform names.

The command is the same in every file, and takes what differs from environment variables, so that
no shell and no template ever parses a Recipe's words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.targets.airflow.kind import Arguments, TaskKind, variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep

_FUNCTIONS = '''
COMMAND = 'exec "$ATLAS_PYTHON" -m atlas.step'
ONE = f"{COMMAND} --no-finish"
STEP = {"append_env": True, "skip_on_exit_code": None}


def step(name, env=None, **options):
    """Run a step as a process of its own."""
    env = {**RUN, **env} if env else RUN
    return BashOperator(
        task_id=name, bash_command=ONE, env=env, do_xcom_push=False, **STEP, **options
    )


def finish(name, env=None, **options):
    """Record how the run ended, whatever became of its steps; the run fails if this does.

    For a back-fill's run it is skipped in the end, so that its asset tells of nothing new.
    """
    env = {**RUN, **(env or {}), "ATLAS_STEP": name}
    task = BashOperator(
        task_id="_finish",
        bash_command=f"{COMMAND} --finish --if-failed 1 --if-backfill 99",
        skip_on_exit_code=99,
        env=env,
        append_env=True,
        do_xcom_push=False,
        **END,
        **options,
    )
    return task.as_teardown(on_failure_fail_dagrun=True)
'''
_EACH = '''

def each(name, env=None, **options):
    """Count a step's keys, then run the step once per key."""
    env = {**RUN, **env} if env else RUN
    count = {**env, "ATLAS_STEP": "{{ task.task_id[:-5] }}"}
    keys = BashOperator(
        task_id=f"{name}.keys",
        bash_command=f"{COMMAND} --keys",
        env=count,
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

_WHEN = '''

def when(name, **options):
    """Tell whether a step runs; where it doesn't, this is skipped, and the step with it."""
    env = {**RUN, "ATLAS_STEP": "{{ task.task_id[:-5] }}"}
    return BashOperator(
        task_id=f"{name}.when",
        bash_command=f"{COMMAND} --when --if-skipped 99",
        skip_on_exit_code=99,
        env=env,
        append_env=True,
        do_xcom_push=False,
        trigger_rule="none_failed",
        **END,
        **options,
    )
'''

_MONITOR = '''
COMMAND = 'exec "$ATLAS_PYTHON" -m atlas.retraining'
STEP = {"append_env": True, "skip_on_exit_code": None}


def check(variables):
    """Look at each pipeline; give the names of those for which a retraining is due."""
    task = BashOperator.partial(
        task_id="check",
        bash_command=f"{COMMAND} check",
        output_processor=json.loads,
        map_index_template="{{ task.env['ATLAS_MEMBER'] }}",
        **STEP,
        **TRIES,
    )
    return task.expand(env=variables)


def retrain(variables):
    """Start what is due for each pipeline, or go on with it."""
    task = BashOperator.partial(
        task_id="retrain",
        bash_command=f"{COMMAND} retrain",
        do_xcom_push=False,
        map_index_template="{{ task.env['ATLAS_MEMBER'] }}",
        **STEP,
        **TRIES,
    )
    return task.expand(env=variables)
'''


def _arguments(plan: Plan, step: PlanStep, _images: Mapping[str, str]) -> Arguments:
    return variables(plan, step)


PROCESS = TaskKind(
    name="process",
    standard=(),
    each_standard=("import json",),
    airflow=("from airflow.providers.standard.operators.bash import BashOperator",),
    functions=_FUNCTIONS,
    each=_EACH,
    when=_WHEN,
    arguments=_arguments,
    monitor=_MONITOR,
)
"""Each step a process on Airflow's worker."""
