"""Releases are made with real git: numbered, pushed, refused where they have to be."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from atlas.errors import AtlasError, DeployError, InvalidError, PlatformError
from atlas_deploy.operations.releasing import ReleaseOptions, release
from atlas_deploy.releases import read, releases_of
from tests.releases import EMAIL, NAME, PERSON, Clone, cloned, project

LOCAL = ReleaseOptions(push=False)
PUSHED = ReleaseOptions()


@pytest.fixture(autouse=True)
def person(monkeypatch):
    for name, value in {
        **PERSON,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("ATLAS_STATE", "ATLAS_STORE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clone(tmp_path) -> Clone:
    return project(tmp_path)


def made(clone: Clone, options: ReleaseOptions = PUSHED, path: str = "houses"):
    lines = []
    (outcome,) = release(clone.folder / path, options, lines.append)
    return outcome


def test_a_release_is_a_tag_and_a_branch_here_and_on_the_remote(clone):
    head, status = clone.git("rev-parse", "HEAD"), clone.git("status", "--porcelain")
    outcome = made(clone)
    assert (outcome.action, outcome.pushed) == ("made", "origin")
    refs = clone.refs()
    assert set(refs) == {"refs/tags/release/houses-1", "refs/heads/releases/houses-1"}
    assert refs == clone.remote_refs()
    assert clone.git("rev-parse", "release/houses-1^{commit}~1") == head
    assert clone.git("cat-file", "-t", "release/houses-1") == "tag"
    assert (
        clone.git("show", "-s", "--format=%an %ae", "release/houses-1^{commit}")
        == f"{NAME} {EMAIL}"
    )
    # HEAD, the index and the work tree are as they were.
    assert clone.git("rev-parse", "HEAD") == head
    assert clone.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert clone.git("status", "--porcelain") == status == ""
    lock = read(clone.folder, "houses-1").lock
    assert (lock.commit, lock.config, lock.path, lock.project) == (
        head, "houses", "houses/config.json", "."
    )  # fmt: skip
    assert set(lock.plans) == {"local"}
    assert not list((clone.folder / ".atlas" / "releases").iterdir())


def test_what_is_unchanged_is_not_released_again(clone):
    made(clone)
    before = clone.refs()
    assert made(clone).action == "there"
    assert clone.refs() == before


def test_what_has_changed_gets_the_next_number(clone):
    made(clone)
    clone.edit("houses/config.json", description="prices of houses, better")
    clone.append("houses/steps.py", "# changed\n")
    clone.commit()
    clone.push()
    assert made(clone).lock.release == "release/houses-2"
    assert [one.number for one in releases_of(clone.folder)] == [1, 2]


def test_the_message_is_the_tags(clone):
    made(clone, ReleaseOptions(message="For the spring\n\ntested by ann"))
    assert read(clone.folder, "houses-1").message == "For the spring\n\ntested by ann"


def test_a_dry_run_writes_nothing(clone):
    outcome = made(clone, ReleaseOptions(dry_run=True))
    assert (outcome.action, outcome.lock.release) == ("planned", "release/houses-1")
    assert clone.refs() == clone.remote_refs() == {}


def test_two_configs_on_one_commit(clone):
    shutil.copytree(clone.folder / "houses", clone.folder / "flats")
    clone.edit("flats/config.json", name="houses-2")
    clone.commit()
    clone.push()
    outcomes = release(clone.folder, ReleaseOptions(), print)
    assert sorted(one.lock.release for one in outcomes) == [
        "release/houses-1",
        "release/houses-2-1",
    ]
    # One's name is another's with a number: neither takes the other's number.
    assert made(clone).action == "there"
    assert made(clone, path="flats").action == "there"
    assert len({one.lock.commit for one in outcomes}) == 1


def test_two_versions_of_a_model_on_one_commit(clone):
    made(clone)
    atlas(clone, "run", "houses")
    outcome = made(clone)
    assert outcome.lock.release == "release/houses-2"
    assert outcome.lock.models["houses"].version == "local-1"
    first, second = releases_of(clone.folder)
    assert first.lock.commit == second.lock.commit
    assert first.lock.models == {}


def atlas(clone: Clone, *words: str, code: int = 0, **variables: str):
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "atlas_cli", *words],
        cwd=clone.folder, capture_output=True, text=True, env={**os.environ, **variables},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


# Refusals ------------------------------------------------------------------------------------


def refused(clone: Clone, *codes: str, options: ReleaseOptions = PUSHED) -> str:
    with pytest.raises(AtlasError) as error:
        made(clone, options)
    raised = error.value
    found = (
        [one.code for one in raised.problems] if isinstance(raised, InvalidError) else [raised.code]
    )
    assert found == [*codes]
    return str(raised)


def allowed(clone: Clone, *names: str):
    return made(clone, ReleaseOptions(allowed=frozenset(names)))


@pytest.mark.parametrize("how", ["edited", "new", "staged", "removed"])
def test_changes_that_no_commit_has(clone, how):
    steps = clone.folder / "houses" / "steps.py"
    match how:
        case "edited":
            clone.append("houses/steps.py", "# changed\n")
        case "new":
            (clone.folder / "houses" / "more.py").write_text("")
        case "staged":
            clone.append("houses/steps.py", "# changed\n")
            clone.git("add", "-A")
        case "removed":
            steps.unlink()
    message = refused(clone, "L002")
    assert "houses/" in message
    assert "--allow-dirty" in message
    before = (clone.git("status", "--porcelain"), steps.exists() and steps.read_text())
    outcome = allowed(clone, "dirty")
    assert outcome.warnings
    assert (clone.git("status", "--porcelain"), steps.exists() and steps.read_text()) == before
    # What was released is the commit, not what is on disk.
    clone.git("stash", "-q", "--include-untracked")
    assert made(clone).action == "there"


def test_changes_outside_of_the_project_do_not_count(tmp_path):
    clone = project(tmp_path)
    clone.git("mv", "houses", "x")  # A project in a folder of the repository.
    clone.git("reset", "-q", "--hard")
    whole = Clone(tmp_path / "mono")
    whole.folder.mkdir()
    whole.git("init", "-q", "-b", "main")
    shutil.copytree(clone.folder, whole.folder / "pricing", ignore=shutil.ignore_patterns(".git"))
    whole.commit()
    (whole.folder / "other.txt").write_text("new")
    outcome = made(
        whole, ReleaseOptions(push=False, allowed=frozenset({"unpushed"})), "pricing/houses"
    )
    assert (outcome.lock.project, outcome.lock.path) == ("pricing", "houses/config.json")


def test_a_detached_head(clone):
    clone.git("checkout", "-q", "--detach")
    assert "--allow-detached" in refused(clone, "L003")
    assert allowed(clone, "detached").action == "made"


def test_a_shallow_clone(clone, tmp_path):
    clone.git("commit", "-q", "--allow-empty", "-m", "two")
    clone.push()
    shallow = cloned(tmp_path, clone, "shallow", "--depth=1")
    assert "--unshallow" in refused(shallow, "L004")
    assert allowed(shallow, "shallow").pushed == "origin"
    assert clone.remote_refs() == shallow.refs()


def test_a_commit_that_is_not_pushed(clone):
    clone.git("commit", "-q", "--allow-empty", "-m", "two")
    assert "--allow-unpushed" in refused(clone, "L005")
    outcome = allowed(clone, "unpushed")
    # The branch brings the commit along.
    assert outcome.lock.commit in clone.git("rev-list", "origin/main..releases/houses-1")


def test_all_that_speaks_against_it_is_told_at_once(clone):
    clone.git("commit", "-q", "--allow-empty", "-m", "two")
    clone.git("checkout", "-q", "--detach")
    (clone.folder / "new.txt").write_text("")
    refused(clone, "L002", "L003", "L005")


def test_no_repository_no_commit_no_project(tmp_path, clone):
    shutil.rmtree(clone.folder / ".git")
    refused(clone, "L001")
    clone.git("init", "-q")
    refused(clone, "L001")
    clone.commit()
    (clone.folder / "pyproject.toml").unlink()
    clone.commit()
    refused(clone, "L001")


def test_nobody_is_known_to_git(clone, monkeypatch):
    for name in PERSON:
        monkeypatch.delenv(name)
    clone.git("config", "user.useConfigOnly", "true")
    assert "user.name" in refused(clone, "L001")
    assert clone.refs() == clone.remote_refs() == {}


def test_without_a_remote(clone):
    clone.git("remote", "remove", "origin")
    refused(clone, "L005")
    refused(clone, "L010", options=ReleaseOptions(allowed=frozenset({"unpushed"})))
    options = ReleaseOptions(push=False, allowed=frozenset({"unpushed"}))
    assert made(clone, options).pushed == ""


def test_a_remote_that_refuses(clone):
    url = clone.git("remote", "get-url", "origin")
    hook = f"{url}/hooks/pre-receive"
    with open(hook, "w") as file:
        file.write("#!/bin/sh\necho tags are protected >&2\nexit 1\n")
    os.chmod(hook, 0o755)
    assert "tags are protected" in refused(clone, "L010")
    assert clone.refs() == clone.remote_refs() == {}
    os.remove(hook)
    assert made(clone).lock.release == "release/houses-1"


def test_a_remote_that_is_gone(clone, tmp_path):
    shutil.move(tmp_path / "remote.git", tmp_path / "elsewhere.git")
    refused(clone, "L010")
    assert made(clone, LOCAL).action == "made"
    shutil.move(tmp_path / "elsewhere.git", tmp_path / "remote.git")
    outcome = made(clone)
    assert (outcome.action, outcome.pushed) == ("completed", "origin")
    assert clone.refs() == clone.remote_refs()


@pytest.mark.parametrize("where", ["here", "there"])
def test_a_tag_of_that_name_that_is_no_release(clone, where):
    clone.git("tag", "release/houses-1")
    if where == "there":
        clone.git("push", "-q", "origin", "refs/tags/release/houses-1")
        clone.git("tag", "-d", "release/houses-1")
    assert "--allow-tags" in refused(clone, "L007")
    assert allowed(clone, "tags").lock.release == "release/houses-2"


def test_a_tag_that_was_moved(clone):
    made(clone)
    clone.append("houses/steps.py", "# changed\n")
    clone.commit()
    clone.push()
    made(clone)
    clone.git("push", "-q", "--force", "origin", "release/houses-1:refs/tags/release/houses-2")
    assert "release/houses-2" in refused(clone, "L006")
    clone.append("houses/steps.py", "# again\n")
    clone.commit()
    clone.push()
    assert allowed(clone, "tags").lock.release == "release/houses-3"


def test_a_broken_pipeline_is_refused_with_its_problems(clone):
    clone.edit("houses/config.json", recipes={"training": "nothing.json"})
    clone.commit()
    clone.push()
    with pytest.raises(InvalidError, match="R024"):
        made(clone)


def test_environments_that_it_is_not_fit_for_are_told(clone):
    clone.edit("environments/prod.json", version=1)
    clone.commit()
    clone.push()
    outcome = made(clone)
    assert set(outcome.skipped) == {"prod"}
    assert set(outcome.lock.plans) == {"local"}
    with pytest.raises(InvalidError):
        made(clone, ReleaseOptions(environment="prod"))


def test_inference_without_a_model_version_is_refused(clone):
    shutil.rmtree(clone.folder / "houses")
    inference(clone)
    clone.commit()
    clone.push()
    with pytest.raises(DeployError, match=r"L017: houses: inference uses the model houses"):
        made(clone)


def inference(clone: Clone) -> None:
    """Write a pipeline with a model that inference uses."""
    steps = (
        "from typing import NamedTuple\nfrom atlas import Template, Trainer\n\n\n"
        "class Trained(NamedTuple):\n    model: dict[str, float]\n\n\n"
        "class Train(Template):\n    def run(self) -> Trained:\n        return Trained({'a': 1.0})\n\n\n"
        "class Scored(NamedTuple):\n    score: float\n\n\n"
        "class Score(Template):\n    def run(self, model: dict[str, float]) -> Scored:\n"
        "        return Scored(model['a'])\n"
    )
    folder = clone.folder / "houses"
    folder.mkdir()
    (folder / "steps.py").write_text(steps)
    clone.edit(
        "houses/config.json", version=1, name="houses",
        recipes={"training": "training.json", "inference": "inference.json"},
        model={"name": "houses", "from": {"model": "train.model"}},
    )  # fmt: skip
    clone.edit(
        "houses/training.json", version=1, name="houses-training", flow="training",
        steps={"train": {"class": "steps:Train"}},
    )  # fmt: skip
    clone.edit(
        "houses/inference.json", version=1, name="houses-inference", flow="inference",
        steps={"score": {"class": "steps:Score", "inputs": {"model": "model.model"}}},
    )  # fmt: skip


def test_inference_is_pinned_to_the_champion_and_a_family_is_one_release(clone):
    shutil.rmtree(clone.folder / "houses")
    inference(clone)
    clone.edit("houses/config.json", matrix={"region": ["emea", "apac"]})
    clone.commit()
    clone.push()
    atlas(clone, "run", "houses", "--flow", "training")
    outcome = made(clone)
    assert {n: m.version for n, m in outcome.lock.models.items()} == {
        "houses-emea": "local-1", "houses-apac": "local-1"
    }  # fmt: skip
    first = outcome.lock.plans["local"]
    assert set(first) == {"houses-emea", "houses-apac"}
    from atlas.plan import resolve

    disk = {one.name: one.plans for one in resolve(clone.folder / "houses")}
    for name, flows in first.items():
        assert flows["training"] == disk[name]["training"].digest
        assert flows["inference"] != disk[name]["inference"].digest, "it follows the champion"


def test_models_of_a_platform_that_is_not_there_are_not_looked_for_elsewhere(clone):
    """The store of this machine has a champion of that name, and it isn't production's."""
    shutil.rmtree(clone.folder / "houses")
    inference(clone)
    clone.edit("environments/prod.json", version=1, platform="prod")
    clone.commit()
    clone.push()
    atlas(clone, "run", "houses", "--flow", "training")
    with pytest.raises(PlatformError, match="prod"):
        made(clone, ReleaseOptions(environment="prod"))
    assert made(clone).lock.models["houses"].version == "local-1"
