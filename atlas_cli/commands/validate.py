"""`atlas validate`: every Problem of the pipelines under a path, at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlas.findings import Findings, findings, state_digest
from atlas_cli.options import PipelinePath
from atlas_cli.output import emit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atlas.errors import Problem
    from atlas.targets import Compiler
    from atlas.validate import Report


def validate(
    path: PipelinePath = Path(),
    env: Annotated[str, typer.Option(help="Environment to check against.")] = "local",
    import_: Annotated[
        bool, typer.Option("--import", help="Also import the classes, and compare their hints.")
    ] = False,
    warnings: Annotated[
        bool, typer.Option("--warnings", help="Also show what the targets do differently.")
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(help="Instead, check manifests or a `pulumi preview --json` by policies."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print SARIF, for code review.")
    ] = False,
) -> None:
    """Check Recipes and Configs, without running anything."""
    find = _imported if import_ else _kept
    findings = _policies(policy) if policy else find(path, env, warnings=warnings)
    if as_sarif:
        from importlib.metadata import version

        from atlas.validate.sarif import sarif

        emit(sarif(findings.problems, version("atlas-ml")), "", as_json=True)
    else:
        problems = [problem.to_json() for problem in findings.problems]
        data = {"problems": problems, "files": list(findings.files)}
        emit(data, lambda: _text(findings), as_json=as_json)
    if any(problem.severity == "error" for problem in findings.problems):
        raise typer.Exit(1)


def _policies(file: Path) -> Findings:
    """Check the resources of a file by the policies."""
    from atlas.policies import check, read

    resources = read(file)
    summary = f"{file} ({len(resources)} resource{'s' * (len(resources) != 1)}): fine"
    return Findings(check(resources), [str(file)], [summary])


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
    problems = [problem for problem in report.problems if problem.code != OPEN]
    return _as_findings(report, [*problems, *import_problems(report)], warnings=warnings)


def _as_findings(report: Report, problems: Sequence[Problem], *, warnings: bool) -> Findings:
    """Return what was found, with what the targets can't do."""
    from atlas.targets.limits import limits

    limitations = limits(report, warnings=warnings, compilers=_compilers(report))
    summaries = [f"{_summary(config)}: fine" for config in report.checked]
    return Findings([*problems, *limitations], report.files, summaries)


def _compilers(report: Report) -> Callable[[str], Compiler]:
    """Return what gives a target's compiler by its name, for the Environment's platform."""
    from atlas.load import platform_services
    from atlas.targets import CompileSite, compiler_named

    services = platform_services(report.project, report.environment)
    site = CompileSite(services, report.project.root)
    return lambda name: compiler_named(name, site)


def _text(findings: Findings) -> str:
    lines = [str(problem) for problem in findings.problems]
    errors = sum(problem.severity == "error" for problem in findings.problems)
    if errors:
        lines.append(f"{errors} {'problem' if errors == 1 else 'problems'}")
    else:
        lines += findings.summaries
    return "\n".join(lines)


def _summary(checked: object) -> str:
    from atlas.config_alerts import alerts_of

    config = checked.file.config  # type: ignore[attr-defined]
    subjects = checked.subjects  # type: ignore[attr-defined]
    members = config.member_count()
    family = f", {members} members" if config.matrix else ""
    flows = ", ".join(
        f"{flow} {len(subject.flat.steps)} {'step' if len(subject.flat.steps) == 1 else 'steps'}"
        for flow, subject in subjects.items()
    )
    environment = next((subject.environment for subject in subjects.values()), None)
    names = alerts_of(config, environment).names() if environment else []
    alerts = f"; alerts: {', '.join(names)}" if names else ""
    return f"{config.name} ({flows}{family}{alerts})"
