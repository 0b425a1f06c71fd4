"""Compiled by Atlas from a Plan, whose digest is a tag. Change the Recipe, not this file."""

import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

RUN = {
    "ATLAS_PLAN": "5055a20d591e454433e0779a76affc7754168e5218184e174a37eb164aeb327c",
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


def pages(experiment, model=""):
    """Return a line of links to MLflow's pages, where this Airflow knows MLflow's address."""
    known = [os.environ.get(f"ATLAS_MLFLOW_{name}", "") for name in ("PAGE", "URL")]
    server = next(filter(None, known), "").rstrip("/")
    links = [(f"experiment {experiment}", "experiments")]
    links += [(f"model {model}", f"models/{model}")] if model else []
    line = ", ".join(f"[{name}]({server}/#/{page})" for name, page in links)
    return f"MLflow: {line}\n\n" if server else ""


with DAG(
    dag_id="dev-tumour-inference",
    description="Score the day's batch.",
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="Europe/Berlin"),
    start_date=datetime(2026, 1, 1, 0, 0, 0, tzinfo=ZoneInfo("Europe/Berlin")),
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"owner": "shop"},
    tags=[
        "atlas",
        "inference",
        "pipeline:tumour",
        "plan:5055a20d591e",
    ],
    owner_links={"shop": "https://git.example/team/models"},
    doc_md=pages("dev-tumour", "dev-tumour")
    + (
        "Code: [git.example/team/models](https://git.example/team/models)\n"
        "\n"
        "Score the day's batch.\n"
        "\n"
        "Steps:\n"
        "\n"
        "- `load` (steps:LoadTumours)\n"
        "- `score` (steps:Score) after `load`\n"
        "- `write` (steps:Write) after `score`\n"
        "\n"
        "Made from:\n"
        "\n"
        "- plan: `5055a20d591e454433e0779a76affc7754168e5218184e174a37eb164aeb327c`\n"
        "- config: `c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1c0f1`\n"
        "- recipe: `4ec1be1111111111111111111111111111111111111111111111111111111111`\n"
        "- code: `c0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0de`\n"
        "- model: `models:/dev-tumour@champion`\n"
    ),
):
    steps = {}
    steps["load"] = step(
        "load",
        retries=1,
        retry_delay=timedelta(seconds=1.0),
        retry_exponential_backoff=2.0,
        max_retry_delay=timedelta(seconds=300.0),
    )
    steps["score"] = step("score", retries=0)
    steps["write"] = step("write", retries=0)
    steps["load"] >> steps["score"]
    steps["score"] >> steps["write"]
    [steps["write"]] >> finish("write", outlets=[Asset("atlas://dev-tumour/inference")])
