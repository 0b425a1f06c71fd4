"""Targets by the names that Environments use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlas.errors import TargetError
from atlas.targets.airflow import Airflow
from atlas.targets.kubeflow import Kubeflow

if TYPE_CHECKING:
    from atlas.targets.protocol import Target

NAMES = ("kubeflow", "airflow")
"""The targets that have files."""


def target(name: str) -> Target:
    """Return a target by its name.

    Raises:
        TargetError: no target of that name has files.
    """
    targets: dict[str, Target] = {each.name: each for each in (Kubeflow(), Airflow())}
    if name not in targets:
        raise TargetError(f"nothing is compiled for target '{name}'; expected {' or '.join(NAMES)}")
    return targets[name]
