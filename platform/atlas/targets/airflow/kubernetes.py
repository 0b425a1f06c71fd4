"""Kubernetes tasks: each step in a pod of its image.

The pod learns where the platform is from the same ConfigMap as Kubeflow's, the files that open its
services are in the same Secret, where there is one, and the step's own secrets are Kubernetes' too:
neither the file nor Airflow's database has them. The pods of a monitor alone have what starts
training: a ConfigMap and a Secret `atlas-retraining`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.targets.airflow.kind import Arguments, TaskKind, image_of, secrets_of, variables
from atlas.targets.airflow.literals import source
from atlas.targets.protocol import secret_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan, PlanStep

_COMMAND = """
COMMAND = ["python", "-m", "atlas.step"]
"""
_POD = """\
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
"""
_CLASS = '''

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
'''
_FUNCTIONS = '''

def step(name, env=None, **options):
    """Run a step in a pod."""
    env = {**RUN, **(env or {}), "ATLAS_IMAGE": options["image"]}
    arguments = ["--no-finish"]
    return Step(
        task_id=name, cmds=COMMAND, arguments=arguments, env_vars=env, **POD, **options
    )


def finish(name, env=None, **options):
    """Record how the run ended, whatever became of its steps; the run fails if this does.

    For a back-fill's run it is skipped in the end, so that its asset tells of nothing new.
    """
    env = {**RUN, **(env or {}), "ATLAS_STEP": name}
    task = Step(
        task_id="_finish",
        cmds=COMMAND,
        arguments=["--finish", "--if-failed", "1", "--if-backfill", "99"],
        skip_on_exit_code=99,
        env_vars=env,
        **POD,
        **END,
        **options,
    )
    return task.as_teardown(on_failure_fail_dagrun=True)
'''
_EACH = '''

def each(name, env=None, **options):
    """Count a step's keys, then run the step once per key."""
    env = {**RUN, **(env or {}), "ATLAS_IMAGE": options["image"]}
    count = {**env, "ATLAS_STEP": "{{ task.task_id[:-5] }}"}
    command = f"{' '.join(COMMAND)} --keys > /airflow/xcom/return.json"
    keys = Step(
        task_id=f"{name}.keys",
        cmds=["sh", "-c"],
        arguments=[command],
        env_vars=count,
        do_xcom_push=True,
        **POD,
        **options,
    )
    one = Step.partial(task_id=name, cmds=COMMAND, env_vars=env, **POD, **options)
    return keys, one.expand(arguments=keys.output.map(at))


def at(index):
    """Return the arguments for one key."""
    return ["--no-finish", "--index", f"{index:d}"]
'''
_WHEN = '''

def when(name, **options):
    """Tell whether a step runs; where it doesn't, this is skipped, and the step with it."""
    env = {**RUN, "ATLAS_STEP": "{{ task.task_id[:-5] }}", "ATLAS_IMAGE": options["image"]}
    return Step(
        task_id=f"{name}.when",
        cmds=COMMAND,
        arguments=["--when", "--if-skipped", "99"],
        env_vars=env,
        skip_on_exit_code=99,
        trigger_rule="none_failed",
        **POD,
        **END,
        **options,
    )
'''

_MONITOR_COMMAND = """
COMMAND = ["python", "-m", "atlas.retraining"]
"""
_MONITOR = '''

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
'''


def _arguments(plan: Plan, step: PlanStep, images: Mapping[str, str]) -> Arguments:
    """Return what the pod of a step differs in."""
    made = {"image": image_of(plan, step, images), **variables(plan, step, _unexpanded)}
    resources = _resources(step)
    if resources:
        made["container_resources"] = source({"requests": resources, "limits": resources})
    if step.node_selector:
        made["node_selector"] = source(dict(sorted(step.node_selector.items())))
    if step.tolerations:
        made["tolerations"] = source(
            [dict(sorted(toleration.items())) for toleration in step.tolerations]
        )
    secrets = [_secret(name, place) for name, place in secrets_of(plan, step, "kubernetes")]
    return made | ({"secrets": f"[{', '.join(secrets)}]"} if secrets else {})


def _unexpanded(value: str) -> str:
    """Protect a value from Kubernetes, which would expand ``$(NAME)`` and makes one of ``$$``."""
    return value.replace("$", "$$")


def _resources(step: PlanStep) -> dict[str, str]:
    """Return what a step asks for, as Kubernetes writes it."""
    asked = step.resources
    made = {
        "cpu": None if asked.cpu is None else f"{asked.cpu:f}".rstrip("0").rstrip("."),
        "memory": None if asked.memory is None else str(asked.memory),
        "nvidia.com/gpu": str(asked.gpu) if asked.gpu else None,
    }
    return {name: amount for name, amount in made.items() if amount is not None}


def _secret(name: str, place: Mapping[str, str]) -> str:
    secret, _, key = place["kubernetes"].partition("/")
    words = ("env", secret_variable(name), secret, key)
    return f"Secret({', '.join(map(source, words))})"


KUBERNETES = TaskKind(
    name="kubernetes",
    standard=("import os",),
    each_standard=(),
    airflow=(
        "from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator",
        "from airflow.providers.cncf.kubernetes.secret import Secret",
    ),
    functions=_COMMAND + _POD + _CLASS + _FUNCTIONS,
    each=_EACH,
    when=_WHEN,
    arguments=_arguments,
    monitor=_MONITOR_COMMAND + _POD + _CLASS + _MONITOR,
)
"""Each step in a pod."""
