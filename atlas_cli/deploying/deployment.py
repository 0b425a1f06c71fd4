"""What is deployed together: the pipelines of one Config, in one Environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.plan import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from atlas.environment import Environment, Project
    from atlas.plan import Pipeline, Plan

PROJECT = "atlas-pipelines"
"""The Pulumi project of every deployment."""


@dataclass(frozen=True)
class Deployment:
    """The pipelines of one Config, in one Environment.

    Attributes:
        config: the Config's name.
        pipelines: the Config's only pipeline, or all members of its family.
    """

    config: str
    pipelines: Sequence[Pipeline]

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return f"{self.config}.{self.environment.name}"

    @property
    def environment(self) -> Environment:
        """The Environment that it goes to."""
        return self.pipelines[0].environment

    @property
    def project(self) -> Project:
        """The project that it is of."""
        return self.pipelines[0].project

    def plans(self) -> Iterator[tuple[Pipeline, Plan]]:
        """Return every Plan, with its pipeline."""
        return ((pipeline, plan) for pipeline in self.pipelines for plan in pipeline.plans.values())


def deployments(path: Path, environment: str) -> list[Deployment]:
    """Return the deployments that a PATH stands for.

    Args:
        path: a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment.

    Raises:
        InvalidError: something is wrong; it carries every Problem.
        DeployError: the PATH has no Config, or the Environment accepts only releases.
    """
    found: dict[str, list[Pipeline]] = {}
    for pipeline in resolve(path, environment=environment):
        found.setdefault(pipeline.config, []).append(pipeline)
    if not found:
        raise DeployError(
            f"{path}: no Config, so there is nothing to deploy; expected a config.json or "
            "configs/*.json there or below"
        )
    made = [Deployment(config, pipelines) for config, pipelines in found.items()]
    if made[0].environment.protected:
        raise DeployError(
            f"environment {environment}: accepts only releases; make one with `atlas release` and "
            "deploy it with --release"
        )
    return made
