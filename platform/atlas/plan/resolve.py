"""Resolving: from documents that were found right to Plans."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.config_alerts import Alerts, alerts_of
from atlas.config_retraining import RetrainingRule
from atlas.dataclass import dataclass
from atlas.errors import InvalidError
from atlas.plan.build import PlanBuilder
from atlas.plan.code import code_digest
from atlas.validate import check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.environment import Environment, Project
    from atlas.plan.model import Plan
    from atlas.validate import Checked, Report


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: a Config's only one, or one member of its family.

    Attributes:
        name: the Config's name and, in a family, the member's axis values.
        config: the Config's name.
        folder: the pipeline's folder.
        plans: flow → Plan.
        project: the project it is in.
        environment: the Environment that the Plans are for.
        axes: this member's axis values.
        members: how many pipelines the Config stands for.
        description: what the Config says of itself.
        alerts: when somebody has to look at it, in this Environment.
        retraining: what starts a new training; None for nothing.
    """

    name: str
    config: str
    folder: Path
    plans: Mapping[str, Plan]
    project: Project
    environment: Environment
    axes: Mapping[str, str] = field(default_factory=dict)
    members: int = 1
    description: str = ""
    alerts: Alerts = field(default_factory=Alerts)
    retraining: RetrainingRule | None = None

    def run(self, settings: Any = None, **options: Any) -> Any:
        """Run the pipeline on this machine, as `atlas run` does.

        Args:
            settings: an `atlas.runner.RunSettings`; by default everything runs, and a
                model is registered and may be promoted, as with `atlas run`.
            **options: further arguments of `atlas.runner.run_pipelines`: ``flows``, ``listener``…

        Returns:
            An `atlas.runner.RunResult`; a step that fails raises nothing.

        Raises:
            AtlasError: there is nothing to run, or a parameter or a step that it doesn't have.
        """
        # By name: a Plan knows of no back end, and nothing of one is loaded before it is asked for.
        from importlib import import_module

        return import_module("atlas.runner").run_pipelines([self], settings, **options)


def resolve(path: str | Path, *, environment: str = "local") -> list[Pipeline]:
    """Return every pipeline that a PATH stands for, with its Plans.

    Args:
        path: a Recipe, a Config, a pipeline's folder, or a folder that is scanned.
        environment: name of the Environment.

    Raises:
        InvalidError: something is wrong; it carries every Problem.
    """
    report = check(Path(path), environment)
    if report.errors:
        raise InvalidError(report.errors)
    return pipelines(report)


def pipelines(report: Report, *, with_code: bool = True) -> list[Pipeline]:
    """Return the pipelines of the Configs that validation found right.

    Args:
        report: what validation found.
        with_code: whether their Plans have the digest of their code, which every file is read for.
    """
    sound = [checked for checked in report.checked if not checked.broken]
    return [
        pipeline for checked in sound for pipeline in _members(checked, report, with_code=with_code)
    ]


def _members(checked: Checked, report: Report, *, with_code: bool) -> list[Pipeline]:
    config = checked.file.config
    folder = checked.file.folder
    code = code_digest(folder, report.code.get(folder)) if with_code else ""
    builders = {
        flow: PlanBuilder(subject, code, report)
        for flow, subject in checked.subjects.items()
        if flow in checked.file.flows
    }
    subject = next(iter(checked.subjects.values()))
    alerts = alerts_of(config, subject.environment)
    retraining = RetrainingRule.parse(config.retraining)
    return [
        Pipeline(
            name=config.member_name(axes),
            config=config.name,
            folder=folder,
            plans={flow: builder.plan(axes) for flow, builder in builders.items()},
            project=subject.project,
            environment=subject.environment,
            axes=axes,
            members=config.member_count(),
            description=config.description,
            alerts=alerts,
            retraining=retraining,
        )
        for axes in config.members()
    ]
