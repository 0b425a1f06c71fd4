"""Compiled by Atlas from a Config's retraining. Change the Config, not this file."""

import json
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAny, task

WATCHED = {
    "ATLAS_MONITORS": "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f",
}
PIPELINES = [
    "dev-tumour-apac",
    "dev-tumour-emea",
]
TRIES = {"retries": 2, "retry_delay": timedelta(minutes=1)}

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


@task(**TRIES)
def pipelines(triggering_asset_events=None):
    """Give the pipelines whose runs have started this one; all of them where none has."""
    begun = {asset.uri.split("/")[-2] for asset in triggering_asset_events or ()}
    return variables([name for name in PIPELINES if name in begun] or PIPELINES)


@task(trigger_rule="all_done", **TRIES)
def due(names):
    """Give the pipelines for which a retraining is due, of those that could be checked."""
    found = {*(names or ())}
    return variables([name for name in PIPELINES if name in found])


def variables(names):
    """Give the variables of the task of each pipeline."""
    return [{**WATCHED, "ATLAS_MEMBER": name} for name in names]


with DAG(
    dag_id="dev-tumour-monitor",
    description="Looks whether each of 2 pipelines should be trained again.",
    schedule=AssetAny(
        Asset("atlas://dev-tumour-apac/inference"),
        Asset("atlas://dev-tumour-apac/training"),
        Asset("atlas://dev-tumour-emea/inference"),
        Asset("atlas://dev-tumour-emea/training"),
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "shop"},
    tags=[
        "atlas",
        "monitor",
        "monitor:5f5f5f5f5f5f",
    ],
    owner_links={"shop": "https://git.example/team/models"},
    doc_md=(
        "Code: [git.example/team/models](https://git.example/team/models)\n"
        "\n"
        "- new_rows: 1,000\n"
        "- drift: of all features, at most 1 % of false alarms\n"
        "\n"
        "- monitors: `5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f`\n"
        "- commit: `abc`\n"
    ),
):
    checks = check(pipelines())
    retrainings = retrain(due(checks.output))
    [checks, retrainings] >> EmptyOperator(task_id="_end", trigger_rule="none_failed")
