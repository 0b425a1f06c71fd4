"""Airflow as a target: DAG files as text. Airflow itself is never imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from atlas.dataclass import dataclass
from atlas.targets.airflow.dag import DagOptions, dag_file
from atlas.targets.airflow.kinds import kind_of
from atlas.targets.airflow.problems import problems_of
from atlas.targets.protocol import NOWHERE, deployed_name, not_text, project_data, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets.descriptor import CompileSite
    from atlas.targets.protocol import Origin


@dataclass(frozen=True, slots=True)
class AirflowCompiler:
    """Compiles to a DAG file of Airflow 3.

    Attributes:
        tasks: how a step runs: ``process``, on Airflow's worker; ``docker``, in a container beside
            it; ``kubernetes``, in a pod.
        pool: Airflow's pool that steps run in, a slot a core; empty for Airflow's default.
        project: the project's folder, as tasks see it; empty where they don't, and None where it
            isn't known.
    """

    tasks: str = "process"
    pool: str = ""
    project: str | None = None

    @property
    def uses_images(self) -> bool:
        """Processes on Airflow's worker run in none."""
        return self.tasks != "process"

    def require_kind(self) -> None:
        """Refuse a kind of tasks that there is none of.

        Raises:
            TargetError: there is none of that name.
        """
        kind_of(self.tasks)

    def problems(self, plan: Plan) -> list[Problem]:
        """Return what of the Plan Airflow can't do, or does differently."""
        return [*problems_of(plan, self.tasks), *project_data(plan, self.project)]

    def compile(
        self, plan: Plan, images: Mapping[str, str], origin: Origin = NOWHERE
    ) -> Mapping[str, bytes]:
        """Return one file, ``<deployed name>.py``.

        Raises:
            InvalidError: Airflow can't express the Plan.
        """
        refuse((*not_text(plan), *self.problems(plan)))
        form = DagOptions(kind_of(self.tasks), images, self.pool, origin, self.project or "")
        return {f"{deployed_name(plan)}.py": dag_file(plan, form).encode("ascii")}


def compiler_at(site: CompileSite) -> AirflowCompiler:
    """Return the compiler for the kind of tasks and the pool that a platform's Airflow has.

    Raises:
        TargetError: the platform runs tasks in no known way.
    """
    service = site.services.get("airflow", {})
    tasks = service.get("tasks") or "process"
    seen = str(site.project) if site.project and _is_here(site.services, tasks) else ""
    compiler = AirflowCompiler(tasks, service.get("pool") or "", seen if service else None)
    compiler.require_kind()
    return compiler


def _is_here(services: Mapping[str, Mapping[str, Any]], tasks: str) -> bool:
    """Tell whether Airflow's tasks run on this machine, so that they see its folders."""
    address = urlsplit(str(services.get("airflow", {}).get("url", ""))).hostname
    dags = services.get("dags", {})
    is_folder = dags.get("kind") == "folder" and str(dags.get("url", "")).startswith("file:")
    return tasks != "kubernetes" and is_folder and address in ("127.0.0.1", "::1", "localhost")
