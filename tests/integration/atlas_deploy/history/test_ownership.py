"""Which project a deployment is of, asked of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from atlas.environment import Project
from atlas_deploy.desired import identity
from atlas_deploy.desired.identity import identity_of


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


@pytest.mark.parametrize(
    "remote",
    [
        "https://user:token@github.com/acme/models.git",
        "https://github.com/acme/models",
        "git@github.com:acme/models.git",
        "ssh://git@github.com:22/acme/models.git/",
    ],
)
def test_a_project_without_an_id_is_known_by_its_remote(tmp_path: Path, remote: str) -> None:
    (tmp_path / "sub").mkdir()
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", remote)
    identity._derived.cache_clear()
    assert identity_of(Project(tmp_path, tmp_path)) == "github.com/acme/models"
    assert identity_of(Project(tmp_path / "sub", tmp_path)) == "github.com/acme/models/sub"
    assert identity_of(Project(tmp_path, tmp_path, id="mine")) == "mine"


@pytest.mark.parametrize("remote", ["", "/srv/git/models", "../models"])
def test_a_project_without_a_remote_is_known_by_its_name_and_folder(
    tmp_path: Path, remote: str
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        git(folder, "init", "-q")
        (folder / "pyproject.toml").write_text('[project]\nname = "churn"\n[tool.atlas]\n')
        if remote:
            git(folder, "remote", "add", "origin", remote)
    first, second = (identity_of(Project(folder, folder)) for folder in (one, two))
    assert first.startswith("churn-")
    assert first != second
    assert first == identity_of(Project(one, two))
