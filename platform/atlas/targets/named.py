"""Targets by the names that Environments use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atlas.errors import TargetError
from atlas.targets.airflow import Airflow
from atlas.targets.kubeflow import Kubeflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.targets.protocol import Target

    Service = Mapping[str, Any]

NAMES = ("kubeflow", "airflow")
"""The targets that have files."""


def target(name: str, services: Mapping[str, Service] | None = None) -> Target:
    """Return a target by its name, as a platform has it.

    Args:
        name: the target's.
        services: the platform's, as its outputs have them; by default those of none.

    Raises:
        TargetError: no target of that name has files, or the platform runs tasks in no known way.
    """
    if name not in _MAKERS:
        raise TargetError(f"nothing is compiled for target '{name}'; expected {' or '.join(NAMES)}")
    return _MAKERS[name]((services or {}).get(name, {}))


def _kubeflow(service: Service) -> Target:
    """Return Kubeflow: where a cluster runs it, a last task reports how the run ended."""
    return Kubeflow(exit_handler=service.get("kind", _LOCAL) != _LOCAL)


def _airflow(service: Service) -> Target:
    """Return Airflow, with the kind of tasks and the pool that the platform has."""
    found = Airflow(service.get("tasks") or "process", service.get("pool") or "")
    found.require_kind()
    return found


_LOCAL = "kfp.local"
_MAKERS: Mapping[str, Callable[[Service], Target]] = {"kubeflow": _kubeflow, "airflow": _airflow}
