"""`atlas validate`: every Problem of the pipelines under a path, at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.findings import Findings, findings, state_digest
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.errors import Problem
    from atlas.targets import Compiler
    from atlas.validate import Report


def validate(
    path: Annotated[Path, typer.Argument(help="Recipe, Config, pipeline, or folder.")] = Path(),
    env: Annotated[str, typer.Option(help="Environment to check against.")] = "local",
    import_: Annotated[
        bool, typer.Option("--import", help="Also import the classes, and compare their hints.")
    ] = False,
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Also show what the targets do differently.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print SARIF, for code review.")
    ] = False,
) -> None:
    """Check Recipes and Configs, without running anything."""
    found = (
        _imported(path, env, warnings=warnings) if import_ else _kept(path, env, warnings=warnings)
    )
    if as_sarif:
        from importlib.metadata import version

        from atlas.validate.sarif import sarif

        emit(sarif(found.problems, version("atlas-ml")), "", as_json=True)
    else:
        data = {"problems": [one.to_json() for one in found.problems], "files": list(found.files)}
        emit(data, lambda: _text(found), as_json=as_json)
    if any(one.severity == "error" for one in found.problems):
        raise typer.Exit(1)


def _kept(path: Path, env: str, *, warnings: bool) -> Findings:
    """Check everything, or take what was found before, where nothing has changed."""
    own = state_digest(str(Path(__file__).resolve().parents[1]))
    return findings(path, [env, warnings, own], lambda: _checked(path, env, warnings=warnings))


def _checked(path: Path, env: str, *, warnings: bool) -> Findings:
    """Check everything, without importing it."""
    from atlas.validate import check

    report = check(path, env)
    return _as_findings(report, report.problems, warnings=warnings)


def _imported(path: Path, env: str, *, warnings: bool) -> Findings:
    """Import the classes, too, and settle the warnings that only an import can."""
    from atlas.step.imported import OPEN, import_problems
    from atlas.validate import check

    report = check(path, env)
    problems = [*(one for one in report.problems if one.code != OPEN), *import_problems(report)]
    return _as_findings(report, problems, warnings=warnings)


def _as_findings(report: Report, problems: Sequence[Problem], *, warnings: bool) -> Findings:
    """Return what was found, with what the targets can't do."""
    from atlas.targets.limits import limits

    told = limits(report, warnings=warnings, compilers=_compilers(report))
    summaries = [f"{_summary(one)}: fine" for one in report.checked]
    return Findings([*problems, *told], report.files, summaries)


def _compilers(report: Report) -> Callable[[str], Compiler]:
    """Return what gives a target's compiler by its name, for the Environment's platform."""
    from atlas.load import platform_services
    from atlas.targets import CompileSite, compiler_named

    services = platform_services(report.project, report.environment)
    site = CompileSite(services, report.project.root)
    return lambda name: compiler_named(name, site)


def _text(found: Findings) -> str:
    lines = [str(problem) for problem in found.problems]
    errors = sum(problem.severity == "error" for problem in found.problems)
    if errors:
        lines.append(f"{errors} {'problem' if errors == 1 else 'problems'}")
    else:
        lines += found.summaries
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
