"""Compiled by Atlas from a Plan, whose digest is a tag. Change the Recipe, not this file."""

import json
import os
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, Param, literal

RUN = {
    "ATLAS_PLAN": "e0f9da15f0c5db7ed8529dce8fbd0498b81f49e3e6d9de7776220c7e480a7d4c",
    "ATLAS_STEP": "{{ task.task_id }}",
    "ATLAS_REQUEST": (
        "{{ {'run': dag_run.data_interval_start.strftime('%Y%m%dT%H%M%SZ')"
        " if dag_run.run_type in ('scheduled', 'backfill') and dag_run.data_interval_start"
        " else run_id,"
        " 'trigger': {'scheduled': 'schedule', 'backfill': 'backfill',"
        " 'asset_triggered': 'upstream'}.get(dag_run.run_type, 'manual'),"
        " 'parameters': params,"
        " 'interval_start': dag_run.data_interval_start | ts or '',"
        " 'interval_end': dag_run.data_interval_end | ts or ''} | tojson }}"
    ),
    # Where no `base_url` is set, Airflow takes its pages for those of this machine.
    "ATLAS_RUN_PAGE": (
        "{% set page = ti.log_url | default('') %}"
        "{{ '' if page.startswith('http://localhost:8080/')"
        " else page.partition('/tasks/')[0] }}"
    ),
}
END = {"retries": 1, "retry_delay": timedelta(seconds=10)}

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


def pages(experiment, model=""):
    """Return a line of links to MLflow's pages, where this Airflow knows MLflow's address."""
    known = [os.environ.get(f"ATLAS_MLFLOW_{name}", "") for name in ("PAGE", "URL")]
    server = next(filter(None, known), "").rstrip("/")
    links = [(f"experiment {experiment}", "experiments")]
    links += [(f"model {model}", f"models/{model}")] if model else []
    line = ", ".join(f"[{name}]({server}/#/{page})" for name, page in links)
    return f"MLflow: {line}\n\n" if server else ""


with DAG(
    dag_id="dev-tumour-training",
    description="Learn to tell malignant from benign tumours.",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    params={
        "criterion": Param("gini", type="string", enum=["gini", "entropy"]),
        "test_fraction": Param(
            0.25,
            type="number",
            minimum=0.05,
            maximum=0.5,
            description="What is kept for the test.",
        ),
        "trees": Param(100, type="integer", minimum=1),
        "verbose": Param(False, type="boolean"),
    },
    tags=[
        "atlas",
        "training",
        "pipeline:tumour",
        "plan:e0f9da15f0c5",
    ],
    doc_md=pages("dev-tumour", "dev-tumour")
    + (
        "Learn to tell malignant from benign tumours.\n"
        "\n"
        "Steps:\n"
        "\n"
        "- `load` (steps:LoadTumours)\n"
        "- `features.scale` (steps:Scale) after `load`\n"
        "- `train` (steps:TrainForest) for each key of `load` after `features.scale`, `load`\n"
        "- `evaluate` (steps:Evaluate) after `train`, `features.scale`, `load`\n"
        "- `report` (steps:Report) after `evaluate`, `train`\n"
        "\n"
        "Made from:\n"
        "\n"
        "- plan: `e0f9da15f0c5db7ed8529dce8fbd0498b81f49e3e6d9de7776220c7e480a7d4c`\n"
        "- config: `c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1`\n"
        "- recipe: `4ec1be0000000000000000000000000000000000000000000000000000000000`\n"
        "- code: `c0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0de`\n"
        "- model: `models:/dev-tumour@champion`\n"
    ),
):
    steps = {}
    steps["load"] = step(
        "load",
        env={
            "GREETING": literal('it\'s {% raw %} a "day"\n'),
            "OMP_NUM_THREADS": "2",
        },
        retries=2,
        retry_delay=timedelta(seconds=1.5),
        retry_exponential_backoff=3.0,
        max_retry_delay=timedelta(seconds=60.0),
        execution_timeout=timedelta(seconds=1800.0),
    )
    steps["features.scale"] = step(
        "features.scale",
        retries=1,
        retry_delay=timedelta(seconds=1.0),
        retry_exponential_backoff=2.0,
        max_retry_delay=timedelta(seconds=300.0),
        doc_md="One scaler for both flows.\n",
    )
    steps["train.keys"], steps["train"] = each("train", retries=0)
    steps["evaluate"] = step("evaluate", retries=0, trigger_rule="none_failed")
    steps["report"] = step("report", retries=0, trigger_rule="none_failed")
    steps["load"] >> steps["features.scale"]
    steps["features.scale"] >> steps["train"]
    steps["load"] >> steps["train"]
    steps["train"] >> steps["evaluate"]
    steps["features.scale"] >> steps["evaluate"]
    steps["load"] >> steps["evaluate"]
    steps["evaluate"] >> steps["report"]
    steps["train"] >> steps["report"]
    steps["load"] >> steps["train.keys"]
    [steps["report"]] >> finish("report", outlets=[Asset("atlas://dev-tumour/training")])
