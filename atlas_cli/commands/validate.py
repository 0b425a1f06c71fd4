"""`atlas validate`: every Problem of the pipelines under a path, at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Callable

    from atlas.errors import Problem
    from atlas.targets import Target
    from atlas.validate import Report


def validate(
    path: Annotated[Path, typer.Argument(help="Recipe, Config, pipeline, or folder.")] = Path(),
    env: Annotated[str, typer.Option(help="Environment to check against.")] = "local",
    import_: Annotated[
        bool, typer.Option("--import", help="Also import the classes, and compare their hints.")
    ] = False,
    notes: Annotated[
        bool, typer.Option("--notes", help="Also tell what the targets do differently.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print SARIF, for code review.")
    ] = False,
) -> None:
    """Check Recipes and Configs, without running anything."""
    from atlas.targets.limits import limits
    from atlas.validate import check

    report = check(path, env)
    told = limits(report, notes=notes, targets=_targets(report))
    problems = [*(_imported(report) if import_ else report.problems), *told]
    if as_sarif:
        from importlib.metadata import version

        from atlas.validate.sarif import sarif

        emit(sarif(problems, version("atlas-ml")), "", as_json=True)
    else:
        data = {"problems": [one.to_json() for one in problems], "files": list(report.files)}
        emit(data, lambda: _text(problems, report), as_json=as_json)
    if any(one.severity == "error" for one in problems):
        raise typer.Exit(1)


def _targets(report: Report) -> Callable[[str], Target]:
    """Return what gives a target by its name, as the Environment's platform has it."""
    from atlas.load import platform_services
    from atlas.targets import target

    return lambda name: target(name, platform_services(report.project, report.environment))


def _imported(report: Report) -> list[Problem]:
    """Import the classes, and answer the notes that only an import can."""
    from atlas.step.imported import OPEN, import_problems

    return [*(one for one in report.problems if one.code != OPEN), *import_problems(report)]


def _text(problems: list[Problem], report: Report) -> str:
    lines = [str(problem) for problem in problems]
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        lines.append(f"{errors} {'problem' if errors == 1 else 'problems'}")
    else:
        lines += [f"{_summary(one)}: fine" for one in report.checked]
    return "\n".join(lines)


def _summary(checked: object) -> str:
    config = checked.file.config  # type: ignore[attr-defined]
    subjects = checked.subjects  # type: ignore[attr-defined]
    members = config.member_count()
    family = f", {members} members" if config.matrix else ""
    flows = ", ".join(
        f"{flow} {len(one.flat.steps)} {'step' if len(one.flat.steps) == 1 else 'steps'}"
        for flow, one in subjects.items()
    )
    return f"{config.name} ({flows}{family})"
