"""The repository's own Jenkinsfile, run: order, conditions, what a failure skips, secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas.scaffold.ci import stages
from tests.jenkins.groovy import runs

JENKINSFILE = Path(__file__).parents[2] / "Jenkinsfile"
LIST = stages("atlas", "${SINCE:-$GIT_PREVIOUS_SUCCESSFUL_COMMIT}")
BUILDS: dict[str, dict[str, Any]] = {
    "main": {},
    "branch": {"branch": "feature/x"},
    "night": {"timer": True},
    "asked": {"params": {"RETRAIN": True}},
    "branch at night": {"branch": "feature/x", "timer": True},
    "no lint": {"fails": "make lint"},
    "no training": {"fails": "train --env staging"},
    "rejected": {"fails": "input"},
    "nothing released": {"files": []},
    "no production": {"fails": "--env production' --json"},
}
FAILS = {
    "no lint": "Lint", "no training": "Train", "rejected": "Approval",
    "no production": "Deploy to production",
}  # fmt: skip


@pytest.fixture(scope="module")
def done() -> dict[str, dict[str, Any]]:
    """What each build did; Java is started once."""
    return dict(zip(BUILDS, runs(JENKINSFILE, list(BUILDS.values())), strict=True))


def entered(build: dict[str, Any]) -> list[str]:
    return [event["stage"] for event in build["events"] if event["what"] == "stage"]


def expected(*whens: str) -> list[str]:
    return [stage.name for stage in LIST.stages if stage.when in whens]


def test_stages_run_in_the_order_of_the_list_each_with_its_command(done):
    assert entered(done["main"]) == expected("always", "main", "change")
    scripts = [event["script"] for event in done["main"]["events"] if event["what"] == "sh"]
    wanted = {stage.name: stage.command for stage in LIST.stages if stage.command}
    assert scripts == [wanted[name] for name in entered(done["main"]) if name in wanted]
    assert done["main"]["result"] == "SUCCESS"


@pytest.mark.parametrize(
    ("build", "whens"),
    [
        ("branch", ("always",)),
        ("branch at night", ("always",)),
        ("night", ("always", "main", "retraining")),
        ("asked", ("always", "main", "retraining")),
    ],
)
def test_branches_and_reasons_choose_the_stages(done, build, whens):
    assert entered(done[build]) == expected(*whens)


def test_nobody_is_asked_when_nothing_was_released(done):
    assert entered(done["nothing released"]) == [
        stage for stage in entered(done["main"]) if stage != "Approval"
    ]


@pytest.mark.parametrize("build", sorted(FAILS))
def test_a_stage_that_fails_skips_all_that_follow(done, build):
    ran = entered(done[build])
    assert ran[-1] == FAILS[build]
    assert ran == entered(done["main"])[: len(ran)]
    assert done[build]["result"] == "FAILURE"


@pytest.mark.parametrize("build", sorted(BUILDS))
def test_reports_are_kept_and_the_workspace_removed_however_it_ends(done, build):
    last = [e["what"] for e in done[build]["events"] if e["stage"].startswith("post ")]
    assert last == ["junit", "publishHTML", "archiveArtifacts", "deleteDir"]


def test_environments_are_locked_while_they_are_changed_and_not_while_a_person_is_asked(done):
    for event in done["main"]["events"]:
        script = event.get("script", "")
        if "deploy --release" in script:
            environment = "production" if "--env production" in script else "staging"
            assert event["locks"] == [f"atlas-{environment}"]
        if event["what"] == "input":
            assert event["locks"] == []


def test_a_branch_waits_for_no_lock(done):
    assert not [event for event in done["branch"]["events"] if event["what"] == "lock"]


def test_secrets_are_bound_for_the_stages_that_need_them_and_are_in_no_command(done):
    bound = {e["stage"] for e in done["main"]["events"] if e["what"] == "sh" and e["bound"]}
    whens = ("always", "main", "change")
    assert bound == {s.name for s in LIST.stages if s.secrets and s.when in whens}
    assert not told(done["main"])
    assert not told(done["night"])
    assert not any(name in done["main"]["env"] for name in LIST.secrets)


def told(build: dict[str, Any]) -> list[str]:
    """Return the commands that would print a secret."""
    names = (*LIST.secrets, "GIT_ASKPASS", "SECRET-", "set -x", "printenv")
    texts = [event.get("script") or event.get("text") or "" for event in build["events"]]
    return [text for text in texts if any(name in text for name in names)]


@pytest.mark.parametrize(
    "echo", ['echo "${AWS_ACCESS_KEY_ID}"', "sh 'echo $AWS_ACCESS_KEY_ID'"], ids=["groovy", "shell"]
)
def test_a_secret_that_is_told_would_be_seen(tmp_path, echo):
    changed = tmp_path / "Jenkinsfile"
    text = JENKINSFILE.read_text("utf-8")
    changed.write_text(text.replace("]) {\n", f"]) {{\n          {echo}\n", 1), "utf-8")
    (build,) = runs(changed, [{}])
    assert told(build)


def test_a_directive_in_the_wrong_place_is_an_error(tmp_path):
    changed = tmp_path / "Jenkinsfile"
    text = JENKINSFILE.read_text("utf-8")
    changed.write_text(text.replace("  stages {", "  stages {\n    sh 'x'", 1), "utf-8")
    with pytest.raises(RuntimeError, match="MissingMethodException"):
        runs(changed, [{}])
