"""The kinds of tasks that a DAG can run its steps with, by the names that a platform uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import TargetError
from atlas.targets.airflow.docker import DOCKER
from atlas.targets.airflow.kubernetes import KUBERNETES
from atlas.targets.airflow.process import PROCESS

if TYPE_CHECKING:
    from atlas.targets.airflow.kind import TaskKind

KINDS = ("process", "docker", "kubernetes")
"""How a step can run: on Airflow's worker, in a container beside it, in a pod."""


def kind_of(tasks: str) -> TaskKind:
    """Return a kind of tasks by its name.

    Raises:
        TargetError: there is none of that name.
    """
    kinds = {kind.name: kind for kind in (PROCESS, DOCKER, KUBERNETES)}
    if tasks not in kinds:
        raise TargetError(f"Airflow has no tasks '{tasks}'; expected {' or '.join(KINDS)}")
    return kinds[tasks]
