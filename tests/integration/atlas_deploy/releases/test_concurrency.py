"""Two who release at once, and one who is killed between any two writes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from atlas.git import remote, repository, trees
from atlas_deploy.operations.releasing import ReleaseOptions, release
from atlas_deploy.releases import releases_of
from tests.releases import PERSON, Clone, cloned, project

OFF = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Clone:
    for name, value in {**PERSON, **OFF}.items():
        monkeypatch.setenv(name, value)
    for name in ("ATLAS_STATE", "ATLAS_STORE"):
        monkeypatch.delenv(name, raising=False)
    return project(tmp_path)


def started(clone: Clone, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "atlas_cli", "release", "houses", *words]
    return subprocess.Popen(
        command, cwd=clone.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(processes: list[subprocess.Popen[str]]) -> None:
    """Wait for commands, all of which have to succeed."""
    told = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), told


def test_two_clones_at_once_get_two_numbers(clone, tmp_path):
    """Each releases a commit of its own, so that neither can adopt the other's."""
    clones = [clone, *(cloned(tmp_path, clone, f"c{number}") for number in range(3))]
    for number, made in enumerate(clones):
        made.append("houses/steps.py", f"# {number}\n")
        made.commit()
        made.git("push", "-q", "origin", f"HEAD:refs/heads/b{number}")
    end([started(made) for made in clones])
    tags = sorted(name for name in clone.remote_refs() if name.startswith("refs/tags/"))
    assert tags == [f"refs/tags/release/houses-{number}" for number in (1, 2, 3, 4)]
    commits = set()
    for made in clones:
        assert made.refs().items() <= clone.remote_refs().items()
        (own,) = releases_of(made.folder)
        assert own.lock.commit == made.git("rev-parse", "HEAD")
        commits.add(own.lock.commit)
    assert len(commits) == len(clones)


def test_two_clones_of_one_commit_at_once_get_one_release_or_two_that_are_whole(clone, tmp_path):
    clones = [clone, cloned(tmp_path, clone, "other")]
    end([started(made) for made in clones])
    remote_refs = clone.remote_refs()
    numbers = {name.rpartition("-")[2] for name in remote_refs}
    assert len(remote_refs) == 2 * len(numbers)
    for made in clones:
        assert made.refs().items() <= remote_refs.items()


def test_two_processes_in_one_clone(clone):
    end([started(clone, "--no-push") for _ in range(3)])
    found = releases_of(clone.folder)
    assert len(clone.refs()) == 2 * len(found)
    assert {one.lock.commit for one in found} == {clone.git("rev-parse", "HEAD")}


class Killed(BaseException):
    """The end of a process, at a place of the test's choosing."""


WRITES = (
    (trees, "commit_with"),
    (repository, "add_tag"),
    (remote, "push_new"),
    (repository, "create_refs"),
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", WRITES, ids=[name for _, name in WRITES])
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "kept"])
def test_a_repeat_converges_after_a_kill_at_any_write(clone, monkeypatch, write, when, push):
    module, name = write
    real = getattr(module, name)

    def killed(*given):
        if when == "after":
            real(*given)
        raise Killed

    monkeypatch.setattr(module, name, killed)
    options = ReleaseOptions(push=push)
    if name != "push_new" or push:
        with pytest.raises(Killed):
            release(clone.folder / "houses", options, print)
    monkeypatch.setattr(module, name, real)
    (outcome,) = release(clone.folder / "houses", options, print)
    assert outcome.lock.release == "release/houses-1"
    assert set(clone.refs()) == {"refs/tags/release/houses-1", "refs/heads/releases/houses-1"}
    assert clone.remote_refs() == (clone.refs() if push else {})
    (again,) = release(clone.folder / "houses", options, print)
    assert again.action == "there"


@pytest.mark.parametrize("kept", ["refs/tags/release/houses-1", "refs/heads/releases/houses-1"])
def test_a_kill_within_the_transaction_of_git_leaves_one_ref_and_converges(clone, kept):
    """Git locks all refs of a transaction, then renames them one by one."""
    (made,) = release(clone.folder / "houses", ReleaseOptions(push=False), print)
    (gone,) = {*clone.refs()} - {kept}
    clone.git("update-ref", "-d", gone)
    (outcome,) = release(clone.folder / "houses", ReleaseOptions(), print)
    assert outcome.lock.is_same_but_for_name(made.lock)
    tags = [name for name in clone.refs() if name.startswith("refs/tags/")]
    assert len(tags) == 1
    assert clone.refs().items() >= clone.remote_refs().items()


def test_a_release_that_was_kept_is_pushed_by_the_repeat(clone):
    release(clone.folder / "houses", ReleaseOptions(push=False), print)
    (outcome,) = release(clone.folder / "houses", ReleaseOptions(), print)
    assert (outcome.action, outcome.pushed) == ("completed", "origin")
    assert clone.refs() == clone.remote_refs()


def test_the_number_that_was_kept_and_that_somebody_else_pushed(clone, tmp_path):
    other = cloned(tmp_path, clone, "other")
    release(clone.folder / "houses", ReleaseOptions(push=False), print)
    other.append("houses/steps.py", "# other\n")
    other.commit()
    other.push()
    release(other.folder / "houses", ReleaseOptions(), print)
    from atlas.errors import DeployError

    with pytest.raises(DeployError, match="L006: tag release/houses-1: was moved"):
        release(clone.folder / "houses", ReleaseOptions(), print)
    clone.git("tag", "-d", "release/houses-1")
    clone.git("branch", "-D", "releases/houses-1")
    (outcome,) = release(clone.folder / "houses", ReleaseOptions(), print)
    assert outcome.lock.release == "release/houses-2"


def test_many_threads_of_one_process(clone, tmp_path):
    """The store of objects takes equal objects from several writers."""
    head = clone.git("rev-parse", "HEAD")
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: trees.commit_with(clone.folder, head, {"a": b"1"}, "x"), range(8))
        )
    assert all(answer.ok for answer in answers)
