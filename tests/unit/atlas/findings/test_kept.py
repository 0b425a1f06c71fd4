"""What `atlas validate` keeps of what it found: used while nothing changes, and never else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from atlas.findings.kept import Findings, findings
from atlas.findings.tree import content_digest, state_digest
from tests.bench.fleet import fleet

FOLDERS = 50


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """A project with as many Configs as are worth keeping, its state elsewhere."""
    monkeypatch.setenv("ATLAS_STATE", str(tmp_path / "state"))
    return fleet(tmp_path / "project", FOLDERS)


class Finding:
    """Finds something, and counts how often it was asked."""

    def __init__(self, problems: tuple = (), files: int = FOLDERS) -> None:
        self.count = 0
        self.found = Findings(problems, ["config.json"] * files, ["tumour: fine"] * files)

    def __call__(self) -> Findings:
        self.count += 1
        return self.found


def kept_file(project: Path) -> Path:
    (file,) = (project.parent / "state" / "findings").iterdir()
    return file


def asked_again(project: Path, *asked: str) -> int:
    """How often it is found again when it is asked for a second time."""
    again = Finding()
    assert findings(project, asked, again).summaries == again.found.summaries
    return again.count


def test_what_has_not_changed_is_not_found_again(project) -> None:
    findings(project, (), Finding())
    assert asked_again(project) == 0
    assert kept_file(project).stat().st_mode & 0o777 == 0o600


def swap(file: Path) -> None:
    text = file.read_text()
    times = file.stat()
    file.write_text(text.replace("mean", "naem"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def package(folder: Path) -> None:
    folder.mkdir()
    (folder / "__init__.py").write_text("")


def environment(root: Path) -> None:
    (root / "environments").mkdir()
    (root / "environments" / "local.json").write_text('{"version": 1}')


def relinked(folder: Path) -> None:
    (folder / "steps.py").rename(folder / "other.py")
    (folder / "steps.py").symlink_to("other.py")


def platform(state: Path) -> None:
    (state / "platform" / "local").mkdir(parents=True)
    (state / "platform" / "local" / "outputs.json").write_text('{"services": {}}')


CHANGES = {
    "a source": lambda root: (root / "p0001" / "steps.py").write_text("x = 1\n"),
    "a source, in place and of one size": lambda root: swap(root / "p0001" / "steps.py"),
    "a document": lambda root: (root / "p0002" / "config.json").write_text("{}"),
    "a module that hides another": lambda root: package(root / "p0003" / "steps"),
    "a removed file": lambda root: (root / "p0004" / "training.json").unlink(),
    "a new Environment": environment,
    "the project's settings": lambda root: (root / "pyproject.toml").write_text(
        '[tool.atlas]\nformats = ["x"]\n'
    ),
    "rights": lambda root: (root / "p0005" / "steps.py").chmod(0o600),
    "a link": lambda root: relinked(root / "p0006"),
    "a platform": lambda root: platform(root.parent / "state"),
    "a variable": lambda _root: os.environ.update(ATLAS_BACKEND="file:///elsewhere"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_is_seen(name, project, monkeypatch) -> None:
    monkeypatch.setattr("os.environ", dict(os.environ))
    findings(project, (), Finding())
    CHANGES[name](project)
    assert asked_again(project) == 1


def test_another_question_has_another_answer(project) -> None:
    findings(project, ("local",), Finding())
    assert asked_again(project, "production") == 1


def test_errors_and_small_projects_are_not_kept(project) -> None:
    from atlas.errors import Problem

    findings(project, (), Finding((Problem(code="R001", message="no step"),)))
    findings(project, (), Finding(files=3))
    assert not (project.parent / "state").exists()


def test_a_write_while_it_is_found_keeps_nothing(project) -> None:
    def busy() -> Findings:
        (project / "p0001" / "steps.py").write_text("x = 2\n")
        return Finding().found

    findings(project, (), busy)
    assert not (project.parent / "state").exists()


def damaged(text: str) -> dict[str, str]:
    raw = json.loads(text)
    forged = {**raw, "found": {**raw["found"], "summaries": ["all: fine"]}}
    return {
        "nothing": "",
        "half of it": text[: len(text) // 2],
        "no object": "[]",
        "another form": json.dumps({**raw, "found": 3}),
        "another content": json.dumps(forged),
        "another key": json.dumps({**raw, "key": "0" * 64}),
        "too deep": "[" * 200_000,
    }


@pytest.mark.parametrize("name", damaged('{"key": "", "found": {}, "whole": ""}'))
def test_what_is_damaged_is_as_good_as_nothing(name, project) -> None:
    findings(project, (), Finding())
    file = kept_file(project)
    file.write_text(damaged(file.read_text())[name])
    assert asked_again(project) == 1


def test_what_others_may_write_is_as_good_as_nothing(project) -> None:
    findings(project, (), Finding())
    kept_file(project).chmod(0o620)
    assert asked_again(project) == 1
    own = kept_file(project)
    aside = own.with_name("aside")
    own.rename(aside)
    own.symlink_to(aside)
    assert asked_again(project) == 1


def test_a_state_folder_that_cannot_be_written_is_no_matter(project) -> None:
    (project.parent / "state").write_text("a file")
    assert findings(project, (), Finding()).problems == ()


def test_digests_of_a_folder(tmp_path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "data.bin").write_bytes(b"1")
    content, state = content_digest(str(tmp_path)), state_digest(str(tmp_path))
    (tmp_path / "data.bin").write_bytes(b"22")
    assert content_digest(str(tmp_path)) == content, "data are no documents"
    assert state_digest(str(tmp_path)) != state
    (tmp_path / "nothing.py").symlink_to("gone.py")
    assert content_digest(str(tmp_path)) != content
