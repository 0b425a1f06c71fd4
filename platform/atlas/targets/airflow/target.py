"""Airflow as a target: DAG files as text. Airflow itself is never imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas.targets.airflow.dag import Form, dag_file
from atlas.targets.airflow.kinds import kind_of
from atlas.targets.airflow.problems import problems_of
from atlas.targets.protocol import NOWHERE, deployed_name, not_text, project_data, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.errors import Problem
    from atlas.plan import Plan
    from atlas.targets.protocol import Origin


@dataclass(frozen=True, slots=True)
class Airflow:
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
    def name(self) -> str:
        """The target's name, as Environments write it."""
        return "airflow"

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
        form = Form(kind_of(self.tasks), images, self.pool, origin, self.project or "")
        return {f"{deployed_name(plan)}.py": dag_file(plan, form).encode("ascii")}
