"""Git: one commit of a folder, and nothing of the folder is executed to find it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from atlas.git import commit_of, commits_of, git, has_repository
from atlas.git import running as module
from atlas.git.addresses import repository_of

ROOT = Path(__file__).parents[3]
OWN = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")


class Checkout:
    """A repository of the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str, check: bool = True) -> str:
        command = ["git", *OWN, "-C", str(self.folder), *words]
        return subprocess.run(command, check=check, capture_output=True, text=True).stdout.strip()

    def commit(self, path: str, content: str = "") -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        self.git("add", ".")
        self.git("commit", "-qm", path)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "r")
    made.folder.mkdir()
    made.git("init", "-q", "-b", "main")
    return made


def test_another_folders_commits_are_none_of_this_one(checkout: Checkout) -> None:
    one, two = checkout.commit("one/steps.py"), checkout.commit("two/steps.py")
    folder = checkout.folder
    assert commits_of([folder, folder / "one", folder / "two"]) == {
        folder: two,
        folder / "one": one,
        folder / "two": two,
    }


@pytest.mark.parametrize("change", ["edited", "new", "removed", "staged", "renamed"])
def test_a_folder_that_is_not_as_it_was_committed_is_dirty(checkout: Checkout, change: str) -> None:
    one = checkout.commit("one/steps.py", "1")
    two = checkout.commit("two/steps.py", "2")
    file = checkout.folder / "one" / "steps.py"
    match change:
        case "edited":
            file.write_text("# changed")
        case "new":
            file.with_name("new.py").touch()
        case "removed":
            file.unlink()
        case "staged":
            file.write_text("# changed")
            checkout.git("add", ".")
        case "renamed":
            checkout.git("mv", "one/steps.py", "one/other.py")
    assert commit_of(checkout.folder / "one") == f"{one}-dirty"
    assert commit_of(checkout.folder / "two") == two


def test_ignored_files_make_nothing_dirty(checkout: Checkout) -> None:
    commit = checkout.commit("one/.gitignore", "*.pyc\n")
    (checkout.folder / "one" / "steps.pyc").touch()
    assert commit_of(checkout.folder / "one") == commit


@pytest.mark.parametrize("name", ["ö", "a b", "-x", ":(top)", "*", "\x01a", "new\nline", "q'\""])
def test_folders_of_any_name(checkout: Checkout, name: str) -> None:
    commit = checkout.commit(f"{name}/steps.py")
    checkout.commit("other/steps.py")
    assert commit_of(checkout.folder / name) == commit


def test_a_file_that_went_counts_as_a_change(checkout: Checkout) -> None:
    checkout.commit("one/steps.py")
    checkout.commit("one/other.py")
    checkout.git("mv", "one/other.py", "moved.py")
    checkout.git("commit", "-qm", "moved")
    assert commit_of(checkout.folder / "one") == checkout.git("rev-parse", "HEAD")


def test_a_merge_is_no_change_of_a_folder(checkout: Checkout) -> None:
    checkout.commit("one/steps.py")
    checkout.git("checkout", "-qb", "side")
    side = checkout.commit("one/side.py")
    checkout.git("checkout", "-q", "main")
    checkout.commit("two/steps.py")
    checkout.git("merge", "-q", "--no-edit", "side")
    assert commit_of(checkout.folder / "one") == side


def test_worktrees_links_and_detached_heads(checkout: Checkout, tmp_path: Path) -> None:
    commit = checkout.commit("one/steps.py")
    checkout.git("worktree", "add", "-q", str(tmp_path / "w"))
    checkout.git("checkout", "-q", "--detach")
    (tmp_path / "link").symlink_to(checkout.folder / "one")
    for folder in (tmp_path / "w" / "one", checkout.folder / "one", tmp_path / "link"):
        assert commit_of(folder) == commit


def test_many_folders_are_asked_for_at_once(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {checkout.folder / str(n): checkout.commit(f"{n}/steps.py") for n in range(8)}
    started = []
    real = module.Running.__init__
    monkeypatch.setattr(
        module.Running, "__init__", lambda self, *a: (started.append(a), real(self, *a))[1]
    )
    assert commits_of(expected) == expected
    assert len(started) == 3


def test_a_folder_without_a_commit_has_none(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit_of(checkout.folder) == ""
    checkout.commit("one/steps.py")
    (checkout.folder / "two").mkdir()
    assert commit_of(checkout.folder / "two") == ""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of(tmp_path) == ""
    assert not has_repository(tmp_path)


def test_without_git_there_is_none(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.commit("one/steps.py")
    monkeypatch.setenv("PATH", "/nowhere")
    assert commit_of(checkout.folder) == ""
    assert git(checkout.folder, "status") is None
    assert has_repository(checkout.folder)


def test_a_hook_of_the_callers_repository_does_not_redirect(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = checkout.commit("one/steps.py")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert commit_of(checkout.folder / "one") == commit


def test_too_much_output_is_none(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout.commit("one/steps.py", "x" * 100_000)
    monkeypatch.setattr(module, "MOST_BYTES", 50_000)
    assert git(checkout.folder, "cat-file", "blob", "HEAD:one/steps.py") is None


def test_a_git_that_does_not_end_is_ended(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.commit("one/steps.py")
    os.mkfifo(checkout.folder / "fifo")
    checkout.git("config", "include.path", str(checkout.folder / "fifo"))
    monkeypatch.setattr(module, "SECONDS", 0.2)
    assert commit_of(checkout.folder) == ""


# What a repository can name that git executes. Its own list gives the names of keys; a key with a
# placeholder is given this driver.
_NAMES = re.compile(
    r"cmd$|command|program|hook|pager|editor|helper|\.driver$|textconv|external|filter|askpass|"
    r"proxy|packobjects|uploadpack$|receivepack$|vcs|fsmonitor|\.tool$|\.path$|browser|\.clean$|smudge|"
    r"process|ssh|alias|\.url$|update$",
    re.IGNORECASE,
)
_MORE = ("filter.x.process", "hook.x.command", "tar.x.command", "tar.tar.command", "pager.status")


def executable_keys() -> list[str]:
    listed = subprocess.run(["git", "help", "-c"], capture_output=True, text=True).stdout.split()
    named = [re.sub("<[^>]*>|[*]", "x", key) for key in listed if _NAMES.search(key)]
    never = ("advice.", "color.", "http.", "include", "gui", "core.fsmonitorHookVersion", "fsck.")
    never += ("clone.", "column.", "commitGraph.", "fsmonitor.", "diff.x.cachetextconv")
    return [key for key in [*named, *_MORE] if not key.startswith(never)]


@pytest.fixture
def trapped(checkout: Checkout) -> tuple[Checkout, Path]:
    """A repository in which every key that can name a program names one that leaves a trace."""
    checkout.commit("one/data.txt", "1")
    checkout.commit("one/.gitattributes", "* filter=x diff=x merge=x\n")
    canary = checkout.folder.parent / "canary"
    script = checkout.folder.parent / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $@" >> {canary}\ncat\n')
    script.chmod(0o755)
    hooks = checkout.folder.parent / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).symlink_to(script)
        (checkout.folder / ".git" / "hooks" / name).unlink(missing_ok=True)
        (checkout.folder / ".git" / "hooks" / name).symlink_to(script)
    keys = executable_keys()
    assert {"core.fsmonitor", "filter.x.clean", "diff.x.textconv", "core.sshCommand"} <= {*keys}
    with (checkout.folder / ".git" / "config").open("a") as config:
        for key in keys:
            section, _, name = key.rpartition(".")
            top, _, sub = section.partition(".")
            value = hooks if key == "core.hooksPath" else f"{script} {key}"
            heading = f'[{top} "{sub}"]' if sub else f"[{top}]"
            config.write(f"{heading}\n{name} = {value}\n")
        config.write('[filter "x"]\nrequired = true\n[log]\nshowSignature = true\n')
        config.write('[extensions]\npartialClone = x\n[remote "x"]\npromisor = true\n')
    # As after a copy or a clone elsewhere: git has to read the content to know whether it changed.
    for file in (checkout.folder / "one").iterdir():
        os.utime(file, (1, 1))
    return checkout, canary


def test_nothing_that_a_repository_names_is_executed(trapped: tuple[Checkout, Path]) -> None:
    checkout, canary = trapped
    commit = commit_of(checkout.folder / "one")
    assert re.fullmatch("[0-9a-f]{40}", commit), "a file that was touched is as it was committed"
    (checkout.folder / "one" / "data.txt").write_text("2")
    assert commit_of(checkout.folder / "one") == f"{commit}-dirty"
    assert git(checkout.folder, "archive", "--format=tar", "HEAD")
    assert git(checkout.folder, "grep", "-h", "1", "HEAD") == b"1\n"
    assert git(checkout.folder, "for-each-ref")
    assert git(checkout.folder, "rev-list", "-1", "HEAD", "--", ".")
    git(checkout.folder, "log", "-p", "--ext-diff", "--textconv")
    git(checkout.folder, "cat-file", "blob", "0" * 40)
    assert not canary.exists(), canary.read_text()


def test_the_trap_works(trapped: tuple[Checkout, Path]) -> None:
    checkout, canary = trapped
    command = ["git", "-C", checkout.folder]
    for words in (["status"], ["-c", "core.fsmonitor=false", "diff", "--stat"]):
        subprocess.run([*command, *words], capture_output=True, timeout=60)
    fired = canary.read_text()
    for key in ("core.fsmonitor", "filter.x."):
        assert key in fired


@pytest.mark.parametrize("words", [("validate",), ("compile", "--target", "airflow", "--out", "o")])
def test_commands_on_such_a_repository_execute_nothing(
    trapped: tuple[Checkout, Path], words: tuple[str, ...], tmp_path: Path
) -> None:
    checkout, canary = trapped
    atlas = [sys.executable, "-m", "atlas_cli"]
    environment = {**os.environ, "ATLAS_STATE": str(tmp_path / "state")}
    target = checkout.folder / "houses"
    for command in (("init", str(target)), (words[0], str(target), *words[1:])):
        done = subprocess.run(
            [*atlas, *command], cwd=tmp_path, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
    assert not canary.exists(), canary.read_text()


def test_no_other_module_starts_git() -> None:
    sources = [
        path
        for folder in ("platform", "atlas_cli", "infra")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"""(?<!\btype=)["']git["']""", path.read_text("utf-8"))
    ]  # `type="git"` is what OpenLineage calls the kind of a repository
    names = {path.relative_to(ROOT).as_posix() for path in sources}
    exports, starts = "platform/atlas/git/__init__.py", "platform/atlas/git/running.py"
    connection = "infra/kubernetes/dag_access.py"  # Airflow's word for the kind, and a user's name
    # infra imports nothing of the SDK; what it starts reads no configuration, and checks nothing out.
    alone = {f"infra/manifests/{name}.py" for name in ("update", "rendering", "sources")}
    address = "platform/atlas/git/addresses.py"  # the scheme of an address, git://
    known = {exports, starts, address, "platform/atlas_toolchain/catalog.py", connection, *alone}
    assert names == known


def test_a_local_run_and_a_compiled_file_tell_the_same_commit(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atlas.plan import resolve
    from atlas.scaffold import start
    from atlas.store import open_store
    from atlas_deploy.desired.origins import origin_of

    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "state"))
    start(checkout.folder / "project", "houses")
    folder = checkout.folder / "project" / "houses"
    checkout.git("add", ".")
    checkout.git("commit", "-qm", "x")
    told = []
    for edit in ("", "# edited\n"):
        with (folder / "steps.py").open("a") as steps:
            steps.write(edit)
        (one,) = resolve(folder)
        result = one.run()
        assert result.ok
        (plan,) = one.plans.values()
        store = open_store(f"file://{tmp_path}/state/store")
        run = store.run(plan.name, store.runs(plan.name)[-1])
        assert run.commit == origin_of([one])(plan).commit
        told.append(run.commit.endswith("-dirty"))
    assert told == [False, True]
    assert origin_of([one])(plan).repository == ""
    checkout.git("remote", "add", "origin", "git@git.example:team/models.git")
    assert origin_of([one])(plan).repository == "https://git.example/team/models"


def test_a_repository_s_address_is_its_origin_s_without_a_password(checkout: Checkout) -> None:
    assert repository_of(checkout.folder) == ""
    checkout.git("remote", "add", "origin", "https://ann:t0ken@git.example/m.git")
    assert repository_of(checkout.folder) == "https://git.example/m.git"
