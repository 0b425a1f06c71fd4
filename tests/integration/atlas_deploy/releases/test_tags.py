"""Releases are read from git by their tags; a tag that was moved or isn't one is refused."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from atlas.errors import DeployError
from atlas.git import trees
from atlas_deploy.releases import ReleaseLock, read, releases_of
from atlas_deploy.releases.lock import FILE

OWN = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    command = ["git", *OWN, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "ann")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ann@example.org")
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "steps.py").write_text("1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def lock_of(repository: Path, number: int, config: str = "prices") -> ReleaseLock:
    digest = "a" * 64
    return ReleaseLock(
        release=f"release/{config}-{number}",
        config=config,
        project=".",
        path="config.json",
        commit=git(repository, "rev-parse", "HEAD"),
        atlas="1.0",
        environment="local",
        plans={"local": {config: {"training": digest}}},
    )


def commit_of(repository: Path, lock: ReleaseLock) -> str:
    answer = trees.commit_with(repository, lock.commit, {FILE: lock.text.encode()}, "release\n")
    assert answer.ok, answer.error
    return answer.text


def tag(repository: Path, lock: ReleaseLock, name: str = "") -> str:
    git(repository, "tag", "-a", "-m", "why", name or lock.release, commit_of(repository, lock))
    return git(repository, "rev-parse", name or lock.release)


def test_a_release_is_read_from_its_tag(repository):
    lock = lock_of(repository, 1)
    object_ = tag(repository, lock)
    for name in ("release/prices-1", "prices-1"):
        release = read(repository, name)
        assert release.lock == lock
        assert (release.tag, release.number, release.config) == (object_, 1, "prices")
        assert (release.message, release.by, release.signed) == (
            "why",
            "ann <ann@example.org>",
            False,
        )
    files = git(repository, "ls-tree", "-r", "--name-only", release.commit).split()
    assert files == [FILE, "steps.py"]


def test_the_work_tree_and_the_index_stay_as_they_are(repository):
    (repository / "steps.py").write_text("2\n")
    before = git(repository, "status", "--porcelain")
    tag(repository, lock_of(repository, 1))
    assert git(repository, "status", "--porcelain") == before
    assert not (repository / FILE).exists()


def test_a_release_of_a_release_has_its_own_lock(repository):
    git(repository, "checkout", "-q", "--detach", commit_of(repository, lock_of(repository, 1)))
    lock = lock_of(repository, 2)
    tag(repository, lock)
    assert read(repository, "prices-2").lock == lock


def test_releases_are_listed_by_config_and_number(repository):
    for number in (2, 10, 1):
        tag(repository, lock_of(repository, number))
    tag(repository, lock_of(repository, 1, "prices-2"))
    git(repository, "tag", "release/candidate")
    names = [release.name for release in releases_of(repository)]
    assert names == [
        "release/prices-1", "release/prices-2", "release/prices-10", "release/prices-2-1"
    ]  # fmt: skip
    assert [one.number for one in releases_of(repository, "prices")] == [1, 2, 10]


def test_what_is_missing_is_told_with_what_there_is(repository):
    tag(repository, lock_of(repository, 1))
    with pytest.raises(DeployError, match=r"L008: release/prices-2: .*it has release/prices-1;"):
        read(repository, "prices-2")
    with pytest.raises(DeployError, match="L008"):
        read(repository, "--all")
    with pytest.raises(DeployError, match="L008"):
        read(repository.parent, "prices-1")


@pytest.mark.parametrize("how", ["lightweight", "of a file", "without a lock", "of a tag"])
def test_a_tag_that_is_no_release_is_refused(repository, how):
    lock = lock_of(repository, 1)
    match how:
        case "lightweight":
            git(repository, "tag", lock.release, commit_of(repository, lock))
        case "of a file":
            git(repository, "tag", "-a", "-m", "x", lock.release, "HEAD:steps.py")
        case "without a lock":
            git(repository, "tag", "-a", "-m", "x", lock.release)
        case "of a tag":
            git(repository, "tag", "-a", "-m", "x", "other", commit_of(repository, lock))
            git(repository, "tag", "-a", "-m", "x", lock.release, "other")
    with pytest.raises(DeployError, match="L007: tag release/prices-1: isn't a release"):
        read(repository, "prices-1")


@pytest.mark.parametrize("how", ["copied", "another parent", "another lock", "replaced"])
def test_a_tag_that_was_moved_is_refused(repository, how):
    lock = lock_of(repository, 1)
    match how:
        case "copied":
            git(repository, "update-ref", "refs/tags/release/prices-1", tag(repository, lock, "x"))
        case "another parent":
            git(repository, "commit", "-q", "--allow-empty", "-m", "two")
            files = {FILE: lock.text.encode()}
            commit = trees.commit_with(repository, git(repository, "rev-parse", "HEAD"), files, "x")
            git(repository, "tag", "-a", "-m", "x", lock.release, commit.text)
        case "another lock":
            tag(repository, replace(lock, release="release/prices-7"), lock.release)
        case "replaced":
            tag(repository, replace(lock, config="other"), lock.release)
    with pytest.raises(DeployError, match="L006: tag release/prices-1: was moved"):
        read(repository, "prices-1")


def test_a_damaged_lock_is_refused(repository):
    files = {FILE: b"\xff{"}
    commit = trees.commit_with(repository, git(repository, "rev-parse", "HEAD"), files, "x")
    git(repository, "tag", "-a", "-m", "x", "release/prices-1", commit.text)
    with pytest.raises(DeployError, match=r"L009: release/prices-1:release\.lock\.json"):
        read(repository, "prices-1")
