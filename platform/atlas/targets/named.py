"""Targets by the names that Environments use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas.errors import TargetError
from atlas.targets.airflow import Airflow
from atlas.targets.kubeflow import Kubeflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from atlas.targets.protocol import Target

    Services = Mapping[str, Mapping[str, Any]]

NAMES = ("kubeflow", "airflow")
"""The targets that have files."""


def target(name: str, services: Services | None = None, project: Path | None = None) -> Target:
    """Return a target by its name, as a platform has it.

    Args:
        name: the target's.
        services: the platform's, as its outputs have them; by default those of none.
        project: the project's folder on this machine, for data in it.

    Raises:
        TargetError: no target of that name has files, or the platform runs tasks in no known way.
    """
    if name not in _MAKERS:
        raise TargetError(f"nothing is compiled for target '{name}'; expected {' or '.join(NAMES)}")
    return _MAKERS[name](services or {}, project)


def _kubeflow(services: Services, _project: Path | None) -> Target:
    """Return Kubeflow: where a cluster runs it, a last task reports how the run ended."""
    return Kubeflow(exit_handler=services.get("kubeflow", {}).get("kind", _LOCAL) != _LOCAL)


def _airflow(services: Services, project: Path | None) -> Target:
    """Return Airflow, with the kind of tasks and the pool that the platform has."""
    service = services.get("airflow", {})
    tasks = service.get("tasks") or "process"
    seen = str(project) if project and _is_here(services, tasks) else ""
    found = Airflow(tasks, service.get("pool") or "", seen if service else None)
    found.require_kind()
    return found


def _is_here(services: Services, tasks: str) -> bool:
    """Tell whether Airflow's tasks run on this machine, so that they see its folders."""
    address = urlsplit(str(services.get("airflow", {}).get("url", ""))).hostname
    dags = services.get("dags", {})
    is_folder = dags.get("kind") == "folder" and str(dags.get("url", "")).startswith("file:")
    return tasks != "kubernetes" and is_folder and address in ("127.0.0.1", "::1", "localhost")


_LOCAL = "kfp.local"
_MAKERS: Mapping[str, Callable[[Services, Path | None], Target]] = {
    "kubeflow": _kubeflow,
    "airflow": _airflow,
}
