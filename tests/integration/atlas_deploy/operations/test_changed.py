"""`changed_since`: which pipelines a change of the repository changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas.errors import DeployError
from atlas.scaffold import start
from atlas_deploy.operations.changed import changed_since
from tests.releases import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A project of two pipelines, committed."""
    root = tmp_path / "project"
    for name in ("first", "second"):
        start(root, name)
    made = Clone(root)
    made.git("init", "-q", "-b", "main")
    made.commit()
    return made


def changed(clone: Clone, revision: str = "HEAD") -> list[str]:
    return [pipeline.name for pipeline in changed_since(clone.folder, "local", revision)]


def test_a_pipeline_is_changed_by_its_code_its_config_and_its_environment_alone(clone):
    first = clone.git("rev-parse", "HEAD")
    assert changed(clone) == []
    (clone.folder / "README.md").write_text("words")
    assert changed(clone) == []
    clone.append("first/steps.py", "\nADDED = 1\n")
    assert changed(clone) == ["first"]
    clone.commit()
    assert changed(clone) == []
    clone.edit("second/config.json", description="Another description")
    assert changed(clone) == ["second"]
    assert changed(clone, first) == ["first", "second"]


@pytest.mark.parametrize("digits", [40, 64])
def test_zeros_mean_that_nothing_was_there(clone, digits):
    assert changed(clone, "0" * digits) == ["first", "second"]


def test_a_new_pipeline_is_changed_and_one_whose_past_was_broken_too(clone):
    start(clone.folder, "third")
    assert changed(clone) == ["third"]
    good = (clone.folder / "first/training.json").read_text()
    (clone.folder / "first/training.json").write_text("{}")
    broken = clone.commit()
    (clone.folder / "first/training.json").write_text(good)
    assert changed(clone, broken) == ["first", "second", "third"]


@pytest.mark.parametrize("revision", ["nothing", "--all", "HEAD~9"])
def test_a_commit_that_is_not_there_is_said(clone, revision):
    with pytest.raises(DeployError, match=f"no commit '{revision}' here"):
        changed(clone, revision)


def test_a_project_that_is_not_in_git_is_said(tmp_path):
    start(tmp_path, "first")
    with pytest.raises(DeployError, match="isn't in git"):
        changed_since(tmp_path, "local", "HEAD")
