"""What is deployed together: the pipelines of one Config, in one Environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from atlas.errors import DeployError, InvalidError
from atlas.load import load_environment
from atlas.load.protection import require_unprotected
from atlas.plan import pipelines, resolve
from atlas.registered import LOCAL_TARGET
from atlas.validate import check
from atlas_deploy.desired.identity import identity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from atlas.environment import Environment, Project
    from atlas.plan import Pipeline, Plan
    from atlas.validate import Report
    from atlas_deploy.releases.tags import Release
    from atlas_deploy.stacks.backend import Backend

PROJECT = "atlas-pipelines"
"""The Pulumi project of every deployment."""


@dataclass(frozen=True)
class Deployment:
    """The pipelines of one Config, in one Environment.

    Attributes:
        config: the Config's name.
        environment: the Environment that it goes to.
        project: the project that it is of.
        pipelines: the Config's only pipeline, or all members of its family; none where they aren't
            needed.
        release: the release that it is of; None for what the documents on disk give.
    """

    config: str
    environment: Environment
    project: Project
    pipelines: Sequence[Pipeline] = ()
    release: Release | None = None

    @property
    def backend(self) -> Backend:
        """Where its stack is kept.

        Raises:
            DeployError: the project says what isn't a backend.
        """
        from atlas_deploy.stacks.backend import Backend

        return Backend.of(self.project)

    @cached_property
    def identity(self) -> str:
        """The id of its project."""
        return identity_of(self.project)

    @property
    def deployed(self) -> list[Pipeline]:
        """Its pipelines, with only those flows that are deployed."""
        return deployed_flows(self.pipelines)

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return f"{self.config}.{self.environment.name}"

    def plans(self) -> Iterator[tuple[Pipeline, Plan]]:
        """Return every Plan, with its pipeline."""
        return ((pipeline, plan) for pipeline in self.pipelines for plan in pipeline.plans.values())


def deployments(path: Path, environment: str) -> list[Deployment]:
    """Return the deployments that a PATH stands for, with their pipelines.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment.

    Raises:
        InvalidError: something is wrong; it carries every Problem.
        DeployError: the PATH has no Config or is a Recipe; or L014, the Environment takes only
            releases.
    """
    _refuse_recipe(path)
    by_config: dict[str, list[Pipeline]] = {}
    for pipeline in resolve(path, environment=environment):
        by_config.setdefault(pipeline.config, []).append(pipeline)
    made = [
        Deployment(config, all_[0].environment, all_[0].project, all_)
        for config, all_ in by_config.items()
    ]
    _require(path, made)
    require_unprotected(made[0].environment)
    return made


def names(path: Path, environment: str) -> list[Deployment]:
    """Return the deployments that a PATH stands for by name alone; their Recipes may be broken.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment.

    Raises:
        InvalidError: no Config can be read.
        DeployError: the PATH has no Config.
    """
    report = _report(path, environment)
    return _named(path, report, {})


def looked_at(path: Path, environment: str) -> list[Deployment]:
    """Return the deployments that a PATH stands for, with those pipelines that aren't broken.

    Raises:
        InvalidError: no Config can be read.
        DeployError: the PATH has no Config.
    """
    report = _report(path, environment)
    right: dict[str, list[Pipeline]] = {}
    for pipeline in pipelines(report):
        right.setdefault(pipeline.config, []).append(pipeline)
    return _named(path, report, right)


def _report(path: Path, environment: str) -> Report:
    """Check a PATH, which may be broken but for its Configs' names, and for the Environment.

    Raises:
        InvalidError: no Config can be read, or the Environment is broken: which deployments are
            meant is in it.
        DocumentError: there is no such Environment, or it can't be read.
        DeployError: it is a Recipe.
    """
    _refuse_recipe(path)
    report = check(path, environment)
    load_environment(report.project, environment)
    if not report.checked and report.errors:
        raise InvalidError(report.errors)
    return report


def _named(path: Path, report: Report, right: Mapping[str, Sequence[Pipeline]]) -> list[Deployment]:
    """Return a deployment for each Config, with the pipelines that are known.

    Raises:
        DeployError: there is no Config.
    """
    made = [
        Deployment(config, report.environment, report.project, right.get(config, ()))
        for config in sorted({checked.file.config.name for checked in report.checked})
    ]
    _require(path, made)
    return made


def _refuse_recipe(path: Path) -> None:
    """Refuse a Recipe: its Config's other flow belongs to the same deployment.

    Raises:
        DeployError: the PATH is a file, and no Config.
    """
    if path.is_file() and not is_config(path):
        raise DeployError(
            f"{path}: not a Config; what is deployed is a whole pipeline: give its folder, "
            f"{path.parent}"
        )


def is_config(path: Path) -> bool:
    """Tell whether a file is called as a Config is."""
    return path.name == "config.json" or path.parent.name == "configs"


def _require(path: Path, resolved: Sequence[Deployment]) -> None:
    """Say that there is nothing to deploy.

    Raises:
        DeployError: there isn't.
    """
    if not resolved:
        raise DeployError(
            f"{path}: no Config, so there is nothing to deploy; expected a config.json or "
            "configs/*.json there or below"
        )


def deployed_flows(pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Return pipelines with only those flows that are deployed: their target isn't ``local``."""
    return [
        replace(
            pipeline,
            plans={
                flow: plan for flow, plan in pipeline.plans.items() if plan.target != LOCAL_TARGET
            },
        )
        for pipeline in pipelines
    ]
