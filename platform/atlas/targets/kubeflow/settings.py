"""What a step asks for besides its work, put on its KFP task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kfp import kubernetes
from kfp.dsl import structures

from atlas.http.variables import IMAGE, STORAGE, VARIABLES
from atlas.targets.kubeflow import words
from atlas.targets.protocol import ending_step, secret_names, secret_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.plan import Plan, PlanStep

GPU = "nvidia.com/gpu"
"""The extended resource that a GPU is on Kubernetes."""


def configure(task: Any, plan: Plan, step: PlanStep, *, local: bool) -> None:
    """Set everything on a task that the step's own component doesn't say.

    Args:
        task: KFP's task.
        plan: the Plan.
        step: its step.
        local: whether `kfp.local` runs it, which would heed none of this.
    """
    task.set_caching_options(False)
    if local:
        return
    _platform(task, step)
    for setting in _SETTINGS:
        setting(task, plan, step)


def configure_beside(task: Any, plan: Plan, step: PlanStep) -> None:
    """Set on a task that only serves a step what it needs to get at the store."""
    task.set_caching_options(False)
    _platform(task, step)
    for setting in (_retries, _placement):
        setting(task, plan, step)


def configure_end(task: Any, plan: Plan) -> None:
    """Set on the task that reports how a run ended what it needs, who is notified of it too."""
    last = plan.steps[-1]
    configure_beside(task, plan, last)
    _secrets(task, plan, ending_step(plan, last))


def _platform(task: Any, step: PlanStep) -> None:
    """Tell where the platform and its storage are, and give the files that open them.

    A variable of the step's own goes before the platform's: KFP would put the platform's last.
    """
    variables = {name: name for name in (*VARIABLES, *STORAGE) if name not in step.env}
    kubernetes.use_config_map_as_env(task, words.CONFIG_MAP, variables, optional=True)
    kubernetes.use_secret_as_volume(task, words.SECRET, words.SECRET_FOLDER, optional=True)


def _resources(task: Any, _plan: Plan, step: PlanStep) -> None:
    """Ask for cores and bytes, as request and limit, and for GPUs.

    Set at once: each of the task's own methods for it walks the whole call stack.
    """
    asked = step.resources
    cores = None if asked.cpu is None else f"{asked.cpu:f}".rstrip("0").rstrip(".")
    memory = None if asked.memory is None else _size(asked.memory)
    gpu = {"accelerator_type": GPU, "accelerator_count": str(asked.gpu)} if asked.gpu else {}
    if cores or memory or gpu:
        task.container_spec.resources = structures.ResourceSpec(
            cpu_request=cores, cpu_limit=cores, memory_request=memory, memory_limit=memory, **gpu
        )


def _size(amount: int) -> str:
    """Return a number of bytes in the largest unit that it is a whole number of."""
    for power, unit in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki")):
        if amount and amount % 1024**power == 0:
            return f"{amount // 1024**power}{unit}"
    return str(amount)


def _retries(task: Any, _plan: Plan, step: PlanStep) -> None:
    """Try again with back-off, in whole seconds.

    KFP's "max duration" isn't the longest wait but a deadline: nothing is tried again, and no
    attempt goes on, that long after the first one's start. It gets the most that KFP allows.
    """
    retries = step.retries
    if retries.limit:
        task.set_retry(
            retries.limit,
            backoff_duration=f"{math.ceil(min(retries.delay, retries.max_delay))}s",
            backoff_factor=float(retries.factor),
            backoff_max_duration=f"{words.RETRYING}s",
        )


def _timeout(task: Any, _plan: Plan, step: PlanStep) -> None:
    """End a pod that `atlas.step` hasn't ended: it keeps the step's time itself, and says so.

    A pod's deadline also counts the time in which it waits for a node and its image is pulled.
    """
    if step.timeout is not None:
        kubernetes.set_timeout(task, math.ceil(step.timeout) + words.GRACE)


def _env(task: Any, _plan: Plan, step: PlanStep) -> None:
    """Set the step's own variables and its image's.

    Kubernetes would expand ``$(NAME)``, and makes one of ``$$``.
    """
    values = {name: value.replace("$", "$$") for name, value in sorted(step.env.items())}
    task.container_spec.env = {**values, IMAGE: task.container_spec.image}


def _secrets(task: Any, plan: Plan, step: PlanStep) -> None:
    """Mount the Kubernetes secrets that the step needs as variables."""
    for name in secret_names(plan, step):
        place = plan.secrets.get(name, {}).get("kubernetes")
        if place:
            secret, _, key = place.partition("/")
            kubernetes.use_secret_as_env(task, secret, {key: secret_variable(name)})


def _placement(task: Any, _plan: Plan, step: PlanStep) -> None:
    """Say on which nodes the step may run."""
    for key, value in sorted(step.node_selector.items()):
        kubernetes.add_node_selector(task, key, value)
    for toleration in step.tolerations:
        kubernetes.add_toleration(task, **toleration)


_SETTINGS: Sequence[Callable[[Any, Plan, PlanStep], None]] = (
    _resources, _retries, _timeout, _env, _secrets, _placement,
)  # fmt: skip
