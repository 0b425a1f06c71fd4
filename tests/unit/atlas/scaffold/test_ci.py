"""One list of stages, three files: their order, conditions, secrets, and that each command is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from atlas.errors import AtlasError
from atlas.scaffold import start
from atlas.scaffold.ci import FILES, ci_text, stages, write_ci
from atlas_cli.__main__ import app

ROOT = Path(__file__).parents[4]
PROJECTS = ("project", "atlas")
ORDER = [
    "Set up", "Lint", "Unit tests", "Validate", "Find what has changed", "Build images",
    "Ephemeral stack", "Push images", "Compile training", "Train", "Evaluate and promote",
    "Look for reasons to retrain", "List all pipelines", "Retrain", "Release candidate",
    "Deploy to staging", "Smoke run", "Approval", "Deploy to production", "Catalogue",
]  # fmt: skip


def test_the_repositorys_own_jenkinsfile_is_that_of_the_list():
    expected = ci_text("jenkins", "atlas")
    assert (ROOT / "Jenkinsfile").read_text("utf-8") == expected, (
        "write it again: ci_text('jenkins', 'atlas') of atlas.scaffold.ci"
    )


@pytest.mark.parametrize("project", PROJECTS)
def test_the_stages_are_in_order(project):
    assert [stage.name for stage in stages(project).stages] == ORDER


def calls(command: str) -> list[list[str]]:
    """Return the calls of Atlas in a command, with those inside of --each and behind --."""
    words = shlex.split(command.partition(" > ")[0])
    found: list[list[str]] = []
    while "atlas" in words:
        words = words[words.index("atlas") + 1 :]
        end = words.index("--") if "--" in words else len(words)
        found.append([word.replace("@since@", "HEAD") for word in words[:end]])
        words = words[end:]
    for call in [*found]:
        if "--each" in call:
            first, *rest = shlex.split(call[call.index("--each") + 1])
            found.append([first, "folder", *rest])
    return found


def test_every_command_parses_with_the_options_that_it_is_given():
    root = typer.main.get_command(app)
    parsed = set()
    for project in PROJECTS:
        for stage in stages(project, "HEAD").stages:
            for name, *words in calls(stage.command):
                with root.make_context("atlas", [name, *words]) as context:
                    given = [*context._protected_args, *context.args]
                    _, command, rest = root.resolve_command(context, given)
                    command.make_context(name, [*rest], parent=context)
                    parsed.add(name)
    assert parsed >= {"list", "build", "up", "compile", "train", "promote", "release", "deploy",
                      "backfill", "monitor", "retrain", "catalog", "validate", "run"}  # fmt: skip


def test_every_make_target_is_one():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = {word for stage in stages("atlas").stages
            for word in re.findall(r"\bmake ([a-z-]+)", stage.command)}  # fmt: skip
    assert used >= {"setup", "lint", "unit"}
    assert used <= targets


def parsed(system: str) -> dict[Any, Any]:
    return yaml.safe_load(ci_text(system))


def run_lines(steps: list[dict[str, Any]]) -> list[str]:
    return [step["run"] for step in steps if "name" in step]


def test_the_workflow_has_the_stages_of_each_job_in_order():
    jobs = parsed("github")["jobs"]
    assert list(jobs) == ["check", "staging", "production"]
    for name, job in jobs.items():
        expected = [stage.command for stage in stages().stages
                    if stage.job in {"every", name} and stage.command]  # fmt: skip
        assert run_lines(job["steps"]) == expected
    assert [jobs[job].get("needs") for job in jobs] == [None, "check", "staging"]


def test_the_workflow_changes_environments_from_main_alone_one_run_at_a_time():
    jobs = parsed("github")["jobs"]
    assert "if" not in jobs["check"]
    for name in ("staging", "production"):
        assert "github.ref == 'refs/heads/main'" in jobs[name]["if"]
        assert "github.event_name != 'pull_request'" in jobs[name]["if"]
        assert jobs[name]["environment"] == name, "its protection asks for approval"
        group = {"group": f"atlas-{name}", "cancel-in-progress": False}
        assert jobs[name]["concurrency"] == group


def test_the_workflow_retrains_or_trains_never_both():
    steps = {step["name"]: step.get("if", "")
             for step in parsed("github")["jobs"]["staging"]["steps"] if "name" in step}  # fmt: skip
    for stage in stages().stages:
        if stage.when == "change":
            assert steps[stage.name].startswith("${{ !(")
        if stage.when == "retraining":
            assert steps[stage.name].startswith("${{ (")


def test_the_workflow_has_secrets_by_reference_and_none_where_a_pull_request_runs():
    document = parsed("github")
    for name, job in document["jobs"].items():
        given = [key for step in job["steps"] for key in step.get("env", {})]
        assert bool(given) == (name != "check")
        for step in job["steps"]:
            for key, value in step.get("env", {}).items():
                assert value == f"${{{{ secrets.{key} }}}}"
            # What people type and branches are called is never part of a script.
            assert "${{" not in step.get("run", "")
    assert document["permissions"] == {"contents": "read"}


def test_reports_are_kept_however_a_job_ends():
    for job in parsed("github")["jobs"].values():
        assert job["steps"][-1]["if"] == "always()"
    assert parsed("gitlab")["default"]["artifacts"]["when"] == "always"


def test_the_gitlab_pipeline_has_the_stages_of_each_job_in_order():
    document = parsed("gitlab")
    whens = {"check": ("check", ()), "staging": ("staging", ("main", "change")),
             "retraining": ("staging", ("main", "retraining")),
             "production": ("production", ("main",))}  # fmt: skip
    for name, (job, more) in whens.items():
        expected = [stage.command for stage in stages().stages if stage.command
                    and stage.job in {"every", job} and stage.when in {"always", *more}]  # fmt: skip
        assert document[name]["script"][1:] == expected
    assert document["stages"] == ["check", "staging", "production"]
    assert document["production"]["rules"][0]["when"] == "manual"
    for name in ("staging", "retraining", "production"):
        (rule,) = document[name]["rules"]
        assert '$CI_COMMIT_BRANCH == "main"' in rule["if"]
        assert document[name]["resource_group"] == f"atlas-{document[name]['stage']}"


@pytest.mark.parametrize("system", sorted(FILES))
def test_no_file_prints_a_secret(system):
    text = ci_text(system)
    for name in stages().secrets:
        assert f"${name}" not in text
        assert f"${{{name}" not in text


@pytest.fixture
def project(tmp_path) -> Path:
    start(tmp_path / "work", "houses")
    return tmp_path / "work"


def test_the_files_are_written_once(project):
    written = write_ci(project, list(FILES))
    assert [str(path.relative_to(project)) for path in written] == [
        "Jenkinsfile", ".github/workflows/atlas.yml", ".gitlab-ci.yml"
    ]  # fmt: skip
    assert (project / "Jenkinsfile").read_text() == ci_text("jenkins")
    assert write_ci(project / "houses", list(FILES)) == []


def test_a_file_that_differs_is_left_and_nothing_is_written(project):
    (project / ".gitlab-ci.yml").write_text("mine: {}\n")
    with pytest.raises(AtlasError, match=r"gitlab-ci\.yml: is there already, and differs"):
        write_ci(project, list(FILES))
    assert (project / ".gitlab-ci.yml").read_text() == "mine: {}\n"
    assert not (project / "Jenkinsfile").exists()


def test_there_has_to_be_a_project(tmp_path):
    with pytest.raises(AtlasError, match="is in no project"):
        write_ci(tmp_path, ["jenkins"])
