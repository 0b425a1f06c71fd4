"""A folder, a bucket and a repository take DAG files in one way; each is what Airflow reads."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from atlas.errors import AtlasError, PlatformError
from atlas.git import remote as git_remote
from atlas.git.remote import Pushed
from atlas.kinds.content import digest_of
from atlas.targets.airflow import dag_repository
from atlas.targets.airflow.dag_bundle import DagBundle, open_bundle
from atlas.targets.airflow.dag_repository import DagRepository
from tests.servers import s3

__all__ = ["s3"]
PLAN = "a1" * 32


def dag(plan: str = PLAN, extra: str = "") -> bytes:
    return f'RUN = {{\n    "ATLAS_PLAN": "{plan}",\n}}\n{extra}'.encode()


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    bare = tmp_path / "dags.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    return bare


@pytest.fixture
def bucket(s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    name = f"dags-{digest_of(str(tmp_path).encode())[:20]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/some/dags"


@pytest.fixture(params=["folder", "bucket", "repository"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        (tmp_path / "dags").mkdir()
        return (tmp_path / "dags").as_uri()
    if request.param == "bucket":
        return str(request.getfixturevalue("bucket"))
    return f"git+{request.getfixturevalue('repository').as_uri()}#main"


@pytest.fixture
def bundle(url: str) -> DagBundle:
    return open_bundle(url)


def test_what_is_written_is_read_and_nothing_else_is_touched(bundle):
    assert bundle.read(["a", "b"]) == {}
    bundle.change({"a": dag(), "b": dag("b2" * 32)})
    assert bundle.read(["a", "b", "c"]) == {"a": dag(), "b": dag("b2" * 32)}
    assert bundle.digests(["a"]) == {"a": digest_of(dag())}
    assert bundle.plans(["a", "b", "c"]) == {"a": PLAN, "b": "b2" * 32, "c": ""}
    bundle.change({"a": None, "c": dag()})
    assert bundle.read(["a", "b", "c"]) == {"b": dag("b2" * 32), "c": dag()}
    bundle.change({"a": None, "b": None, "c": None})
    bundle.change({"a": None, "b": None, "c": None})
    assert bundle.read(["a", "b", "c"]) == {}


def test_deployers_of_other_names_at_once_lose_nothing(bundle, url):
    names = [f"it-{number}" for number in range(4)]
    errors: list[AtlasError] = []

    def deploy(name: str) -> None:
        try:
            own = open_bundle(url)
            own.change({name: dag()})
            own.change({name: dag("c3" * 32)})
        except AtlasError as error:
            errors.append(error)

    threads = [threading.Thread(target=deploy, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert bundle.plans(names) == dict.fromkeys(names, "c3" * 32)


# S3 ---------------------------------------------------------------------------------------------


def test_in_a_bucket_a_changed_file_has_another_size_than_the_one_that_was_there(bucket):
    client, bundle = boto3.client("s3"), open_bundle(bucket)
    name, _, prefix = bucket.removeprefix("s3://").partition("/")

    def size() -> int:
        return int(client.head_object(Bucket=name, Key=f"{prefix}/a.py")["ContentLength"])

    bundle.change({"a": dag("11" * 32)})
    before = size()
    bundle.change({"a": dag("22" * 32)})
    between = size()
    assert between != before
    assert bundle.read(["a"]) == {"a": dag("22" * 32)}
    bundle.change({"a": dag("33" * 32)})
    assert size() != between


def test_a_bucket_that_is_not_there_is_told_and_a_wrong_key_is(bucket, tmp_path, monkeypatch):
    with pytest.raises(AtlasError, match="make the bucket first"):
        open_bundle("s3://no-such-bucket-here/dags").change({"a": dag()})
    with pytest.raises(PlatformError, match=r"dags-s3\.json: no secret can be read"):
        open_bundle(bucket, tmp_path.as_uri(), "dags-s3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "dags-s3.json").write_text('{"username": "test", "password": "test"}')
    opened = open_bundle(bucket, tmp_path.as_uri(), "dags-s3")
    opened.change({"a": dag()})
    assert opened.read(["a"]) == {"a": dag()}


# Git --------------------------------------------------------------------------------------------


def branch(repository: Path) -> DagRepository:
    return DagRepository.at(f"git+{repository.as_uri()}#main")


def test_a_change_is_one_commit_and_none_where_nothing_changes(repository):
    bundle = branch(repository)
    bundle.change({f"it-{number}": dag() for number in range(5)})
    bundle.change({"it-0": dag(), "gone": None})
    log = git(repository, "log", "--format=%s", "main").splitlines()
    assert log == ["Deploy it-0, it-1, it-2 and 2 more"]
    bundle.change({"it-0": dag("22" * 32), "it-1": None})
    log = git(repository, "log", "--format=%s", "main").splitlines()
    assert log[0] == "Deploy it-0; Remove it-1"
    assert len(log) == 2


def test_other_files_of_a_repository_stay_and_an_older_change_of_others_is_built_upon(
    repository, tmp_path
):
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(repository), str(work))
    git(work, "checkout", "--quiet", "-b", "main")
    (work / "README.md").write_text("ours\n")
    (work / "nested").mkdir()
    (work / "nested" / "a.py").write_text("print()\n")
    git(work, "add", ".")
    git(work, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-m", "own")
    git(work, "push", "--quiet", "origin", "main")
    branch(repository).change({"a": dag()})
    branch(repository).change({"a": None})
    listed = git(repository, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert listed == ["README.md", "nested/a.py"]
    assert git(repository, "log", "--format=%s", "main").splitlines() == [
        "Remove a", "Deploy a", "own"
    ]  # fmt: skip


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dag_repository, "_PAUSE", 0.001)
    monkeypatch.setattr(dag_repository, "_LONGEST_PAUSE", 0.001)


def meddling(monkeypatch: pytest.MonkeyPatch, meddle: Callable[[], None], times: int) -> list[int]:
    """Have somebody else push just before each of some pushes; return how many were tried."""
    tried: list[int] = []
    own = git_remote.push_next

    def push(*arguments: object) -> Pushed:
        tried.append(1)
        if len(tried) <= times:
            monkeypatch.setattr(dag_repository, "push_next", own)
            meddle()
            monkeypatch.setattr(dag_repository, "push_next", push)
        return own(*arguments)

    monkeypatch.setattr(dag_repository, "push_next", push)
    return tried


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize("first", [True, False], ids=["first-commit", "next-commit"])
def test_a_push_that_is_refused_is_made_again_on_top_of_the_others(repository, monkeypatch, first):
    bundle = branch(repository)
    if not first:
        bundle.change({"old": dag()})
    others = iter(["b", "c"])
    tried = meddling(monkeypatch, lambda: branch(repository).change({next(others): dag()}), 2)
    bundle.change({"a": dag("22" * 32)})
    assert len(tried) == 3
    assert bundle.plans(["a", "b", "c"]) == {"a": "22" * 32, "b": PLAN, "c": PLAN}


@pytest.mark.usefixtures("no_pause")
def test_a_push_that_is_always_refused_ends_with_what_to_do(repository, monkeypatch):
    monkeypatch.setattr(dag_repository, "_TRIES", 3)
    numbers = iter(range(1000))
    other = branch(repository)
    meddling(monkeypatch, lambda: other.change({f"it-{next(numbers)}": dag()}), 1000)
    with pytest.raises(PlatformError, match="others pushed before it, 3 times in a row; repeat"):
        branch(repository).change({"a": dag()})


def test_a_hook_that_declines_is_told_at_once_in_its_own_words(repository):
    hook = repository / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'the branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PlatformError, match=r"can't be pushed: .*the branch is protected"):
        branch(repository).change({"a": dag()})
    assert git(repository, "for-each-ref") == ""


def test_a_repository_that_is_not_there_is_told_without_its_secret(tmp_path):
    (tmp_path / "git.json").write_text('{"username": "atlas", "password": "hunter2"}')
    url = f"git+{(tmp_path / 'none.git').as_uri()}#main"
    with pytest.raises(PlatformError, match="can't be reached") as raised:
        open_bundle(url, tmp_path.as_uri(), "git").read(["a"])
    assert "hunter2" not in str(raised.value) + repr(open_bundle(url, tmp_path.as_uri(), "git"))


@pytest.mark.parametrize(
    "url", ["ftp://somewhere/dags", "git+--upload-pack=x", "git+https://h/r#-x", "git+h"]
)
def test_no_place_of_dag_files(url):
    with pytest.raises(PlatformError, match="expected"):
        open_bundle(url)


@pytest.mark.parametrize("name", ["a\nD b.py", "../a", 'a"b'], ids=["line", "path", "quote"])
def test_a_name_that_would_mean_something_else_is_refused(repository, name):
    with pytest.raises(PlatformError, match="isn't a DAG's name"):
        branch(repository).change({name: dag()})
    assert git(repository, "for-each-ref") == ""
