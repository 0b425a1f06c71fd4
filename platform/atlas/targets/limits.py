"""What targets can't do of pipelines that are right otherwise, at the lines that ask for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from atlas.plan import pipelines
from atlas.recipe import SETTINGS
from atlas.registered import LOCAL_TARGET
from atlas.targets.several import compiler_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.errors import Problem
    from atlas.plan import Pipeline
    from atlas.targets.protocol import Compiler
    from atlas.validate import Report
    from atlas.validate.flat import DocumentPath
    from atlas.validate.subject import Subject


def limits(
    report: Report, *, warnings: bool = False, compilers: Callable[[str], Compiler] | None = None
) -> list[Problem]:
    """Return what the targets of a Report's Environment can't do.

    Args:
        report: what validation found. Configs that are broken are left out: they have no Plan.
        warnings: whether to include what the targets do differently.
        compilers: returns a target's compiler by its name; by default those of no platform.
    """
    subjects = {
        (checked.file.folder, checked.file.config.name): checked.subjects
        for checked in report.checked
    }
    compiler_of = cache(compilers or compiler_named)
    problems = (
        problem
        for pipeline in pipelines(report, with_code=False)
        for problem in _limits(pipeline, subjects[pipeline.folder, pipeline.config], compiler_of)
        if warnings or problem.severity == "error"
    )
    return list(dict.fromkeys(problems))


def _limits(
    pipeline: Pipeline, subjects: Mapping[str, Subject], compilers: Callable[[str], Compiler]
) -> Iterator[Problem]:
    for flow, plan in pipeline.plans.items():
        for problem in compilers(plan.target).problems(plan) if plan.target != LOCAL_TARGET else ():
            yield _place(subjects[flow], problem.path).problem(
                problem.code,
                problem.message,
                found=problem.found,
                expected=problem.expected,
                hint=problem.hint,
                severity=problem.severity,
            )


def _place(subject: Subject, path: str) -> DocumentPath:
    """Return where in the documents stands what a Plan has at a path."""
    head, _, rest = path.partition(".")
    if head == "steps":
        return _in_step(subject, rest)
    if head == "data":
        name, _, setting = rest.rpartition(".")
        return subject.environment_place / head / name / setting
    if head == "secrets":
        return subject.environment_place / head / rest
    if head == "parameters":
        place = subject.flat.place / head
        for part in rest.split("."):
            place = place / part
        return place
    own = subject.config_place / "schedule" / subject.flat.flow
    scheduled = subject.flat.flow in subject.file.config.schedule
    return own if head == "schedule" and scheduled else subject.config_place / "name"


def _in_step(subject: Subject, path: str) -> DocumentPath:
    """Return a step's place, or that of its setting; a step's full name may have dots."""
    steps = subject.flat.steps
    names = [name for name in steps if f"{path}.".startswith(f"{name}.")]
    if not names:
        return subject.flat.place / "steps"
    step = steps[max(names, key=len)]
    setting, _, member = path[len(step.name) + 1 :].partition(".")
    if setting == "outputs":
        return step.cls_place
    return step.setting_place(setting, member) if setting in SETTINGS else step.place
