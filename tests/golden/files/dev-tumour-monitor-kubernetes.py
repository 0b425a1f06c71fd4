"""Compiled by Atlas from a Config's retraining. Change the Config, not this file."""

import os
from datetime import timedelta

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
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
MOUNT = {"name": "atlas-platform", "mountPath": "/var/run/secrets/atlas", "readOnly": True}
SECRET = {"secretName": "atlas-platform", "optional": True}
TEMPLATE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "spec": {
        "containers": [{"name": "base", "volumeMounts": [MOUNT]}],
        "volumes": [{"name": "atlas-platform", "secret": SECRET}],
    },
}
# The Pod Security Standard `restricted`; the user is that of the images that Atlas builds.
USER = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
RIGHTS = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD = {
    "configmaps": ["atlas-platform"],
    "security_context": USER,
    "pod_template_dict": TEMPLATE,
    "startup_timeout_seconds": 900,
}


class Step(KubernetesPodOperator):
    """Runs a step in its image, from the registry that the worker knows."""

    def execute(self, context):
        """Run the pod."""
        registry = os.environ.get("ATLAS_REGISTRY", "")
        self.image = self.image.replace("$ATLAS_REGISTRY/", f"{registry}/" if registry else "")
        for variable in self.env_vars:
            if variable.name == "ATLAS_IMAGE":
                variable.value = self.image
        return super().execute(context)

    def build_pod_request_obj(self, context=None):
        """Return the pod; no container of it has rights, nor has one that Airflow adds."""
        pod = super().build_pod_request_obj(context)
        for container in pod.spec.containers:
            container.security_context = RIGHTS
        return pod


OPENS = {
    "name": "atlas-retraining",
    "mountPath": "/var/run/secrets/atlas-retraining",
    "readOnly": True,
}
BASE = TEMPLATE["spec"]["containers"][0]
BASE["volumeMounts"].append(OPENS)
BASE["envFrom"] = [{"configMapRef": {"name": "atlas-retraining", "optional": True}}]
TEMPLATE["spec"]["volumes"].append(
    {"name": "atlas-retraining", "secret": {"secretName": "atlas-retraining", "optional": True}}
)


def check(variables):
    """Look at each pipeline; give the names of those for which a retraining is due."""
    command = f"{' '.join(COMMAND)} check > /airflow/xcom/return.json"
    task = Step.partial(
        task_id="check",
        image=IMAGE,
        cmds=["sh", "-c"],
        arguments=[command],
        do_xcom_push=True,
        **POD,
        **TRIES,
    )
    return task.expand(env_vars=variables)


def retrain(variables):
    """Start what is due for each pipeline, or go on with it."""
    task = Step.partial(
        task_id="retrain",
        image=IMAGE,
        cmds=COMMAND,
        arguments=["retrain"],
        **POD,
        **TRIES,
    )
    return task.expand(env_vars=variables)


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
