"""Compiled by Atlas from a Config's retraining. Change the Config, not this file."""

import json
import os
from datetime import timedelta
from urllib.parse import unquote

from airflow.providers.docker.operators.docker import DockerOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, AssetAny, task

WATCHED = {
    "ATLAS_MONITORS": "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f",
}
PIPELINES = [
    "dev-tumour-apac",
    "dev-tumour-emea",
]
IMAGE = "$ATLAS_REGISTRY/atlas/tumour/monitor@sha256:0000000000000000000000000000000000000000000000000000000000000000"
TRIES = {"retries": 2, "retry_delay": timedelta(minutes=1)}

COMMAND = ["python", "-m", "atlas.retraining"]
SEEN = ()
CREDENTIALS = [
    "ATLAS_MLFLOW_CREDENTIALS",
    "ATLAS_PUSHGATEWAY_CREDENTIALS",
    "ATLAS_OPENLINEAGE_CREDENTIALS",
    "ATLAS_KUBEFLOW_CREDENTIALS",
    "ATLAS_AIRFLOW_CREDENTIALS",
]
PLATFORM = [
    "ATLAS_STORE",
    "ATLAS_MLFLOW_URL",
    "ATLAS_PUSHGATEWAY_URL",
    "ATLAS_OPENLINEAGE_URL",
    "ATLAS_KUBEFLOW_URL",
    "ATLAS_AIRFLOW_URL",
    "ATLAS_KUBEFLOW_NAMESPACE",
    "ATLAS_MLFLOW_CREDENTIALS",
    "ATLAS_PUSHGATEWAY_CREDENTIALS",
    "ATLAS_OPENLINEAGE_CREDENTIALS",
    "ATLAS_KUBEFLOW_CREDENTIALS",
    "ATLAS_AIRFLOW_CREDENTIALS",
]


class Step(DockerOperator):
    """Runs a step in its image; what differs from place to place comes from the worker."""

    def __init__(self, *, folders=(), secrets=(), **options):
        """Take the folders that the step sees besides the store, and its secrets' variables."""
        super().__init__(auto_remove="force", mount_tmp_dir=False, **options)
        self.folders, self.secrets = folders, secrets

    def execute(self, context):
        """Run the container; give what a task that counts keys has printed."""
        here = os.environ
        known = {name: here[name] for name in PLATFORM if name in here}
        given = {name: here[of] for name, of in dict(self.secrets).items() if of in here}
        self._private_environment = {**known, **given}
        store = known.get("ATLAS_STORE", "")
        is_folder = store.startswith("file://")
        folders = {*self.folders, *([unquote("/" + store.split("/", 3)[3])] if is_folder else [])}
        folders |= {self.environment[name] for name in SEEN if name in self.environment}
        self.mounts = [{"type": "bind", "source": f, "target": f} for f in sorted(folders)]
        files = [known[name] for name in CREDENTIALS if os.path.isfile(known.get(name, ""))]
        self.mounts += [
            {"type": "bind", "source": f, "target": f, "read_only": True} for f in files
        ]
        registry = here.get("ATLAS_REGISTRY", "")
        self.image = self.image.replace("$ATLAS_REGISTRY/", f"{registry}/" if registry else "")
        if "ATLAS_IMAGE" in self.environment:
            self.environment = {**self.environment, "ATLAS_IMAGE": self.image}
        self.user = f"{os.getuid()}:{os.getgid()}"
        self.network_mode = here.get("ATLAS_CONTAINER_NETWORK", "host")
        printed = super().execute(context)
        return json.loads(printed) if self.do_xcom_push else None


def check(variables):
    """Look at each pipeline; give the names of those for which a retraining is due."""
    task = Step.partial(
        task_id="check",
        image=IMAGE,
        command=[*COMMAND, "check"],
        map_index_template="{{ task.environment['ATLAS_MEMBER'] }}",
        **TRIES,
    )
    return task.expand(environment=variables)


def retrain(variables):
    """Start what is due for each pipeline, or go on with it."""
    task = Step.partial(
        task_id="retrain",
        image=IMAGE,
        command=[*COMMAND, "retrain"],
        do_xcom_push=False,
        map_index_template="{{ task.environment['ATLAS_MEMBER'] }}",
        **TRIES,
    )
    return task.expand(environment=variables)


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
    default_args={"owner": "shop", "pool": "cores"},
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
