"""The state folder is checked before any command makes something in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from atlas_cli import table
from tests.bench.fleet import fleet
from tests.projects import ATLAS, Project, environment, project

__all__ = ["project"]

FOLDERS = 50
"""Configs; from so many on, `validate` keeps what it found."""
SOURCE = """
class Out(NamedTuple):
    number: int

class Work(Template):
    def run(self) -> Out:
        return Out(1)
"""


def content(folder: Path) -> list[tuple[str, int, str]]:
    return [
        (str(one), one.lstat().st_mode, one.read_text() if one.is_file() else "")
        for one in (folder, *sorted(folder.rglob("*")))
    ]


def others_folder(folder: Path) -> Path:
    """A folder that others may read, with files that aren't Atlas's."""
    folder.mkdir(mode=0o755)
    folder.joinpath("hosts").write_text("127.0.0.1 localhost")
    folder.chmod(0o755)
    return folder


COMMANDS = [
    *(["run", "p"], ["test", "p"], ["build", "p"], ["plan", "p"], ["validate", "."], ["images"]),
    *(["compile", "p", "--out", "../out"], ["graph", "p"], ["list"], ["runs"], ["runs", "--sync"]),
    *(["preview", "p"], ["deploy", "p"], ["destroy", "p", "--yes"], ["status"]),
    *(["unlock"], ["outputs"], ["down", "--yes"], ["train", "p"], ["start", "p"], ["doctor"]),
    *(["refresh", "p"], ["rollback", "p"], ["history", "p"], ["promote", "p"], ["champion", "p"]),
    *(["release", "p"], ["backfill", "p", "--from", "2026-01-01"], ["card", "p"]),
    *(["catalog", "p", "--out", "../site"], ["data", "p"], ["logs", "r"]),
    *(["show", "r"], ["artifact", "get", "r/a.b"]),
    *(["lineage", "p@champion"], ["reproduce", "p@champion"]),
    *(["retrain", "p"], ["approve", "p", "0123"], ["monitor", "p"]),
    *(["gc"], ["cache", "show"], ["cache", "prune"], ["up"], ["open", "mlflow"]),
]
WITHOUT_STATE = {"init", "import", "notebook"}
"""Commands that use no project's state folder."""


def test_every_command_is_tried() -> None:
    tried = {arguments[0] for arguments in COMMANDS}
    assert tried | WITHOUT_STATE == {entry.name for entry in table.COMMANDS}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_writes_to_a_folder_that_cannot_be_the_state_folder(
    project: Project, tmp_path: Path, arguments: list[str]
) -> None:
    project.pipeline("p", SOURCE, {"work": {"class": "steps:Work"}})
    elsewhere = others_folder(tmp_path / "elsewhere")
    (project.root / ".atlas").symlink_to(elsewhere)
    before = content(elsewhere)
    done = project.atlas(*arguments)
    assert content(elsewhere) == before, done.stderr
    assert "Traceback" not in done.stderr


def test_validate_keeps_nothing_in_one(tmp_path: Path) -> None:
    elsewhere = others_folder(tmp_path / "elsewhere")
    root = fleet(tmp_path / "project", FOLDERS)
    before = content(elsewhere)
    done = Project(root).atlas("validate", ".", env=environment(ATLAS_STATE=str(elsewhere)))
    assert done.returncode == 0, done.stderr
    assert content(elsewhere) == before


def test_schemas_are_private_however_they_are_written(tmp_path: Path) -> None:
    for arguments in (["init", "houses"], ["init", "--schemas"]):
        subprocess.run([*ATLAS, *arguments], cwd=tmp_path, check=True, umask=0o022)
        tmp_path = tmp_path / "houses" if arguments[-1] == "houses" else tmp_path
        for one in ((state := tmp_path / ".atlas"), *state.rglob("*")):
            assert not one.stat().st_mode & 0o077, one
            one.chmod(0o755 if one.is_dir() else 0o644)


def test_init_writes_nothing_behind_a_link_that_leads_to_such_a_folder(
    project: Project, tmp_path: Path
) -> None:
    elsewhere = others_folder(tmp_path / "elsewhere")
    (project.root / ".atlas").symlink_to(elsewhere)
    before = content(elsewhere)
    for arguments in (["init", "--name", "houses"], ["init", "--schemas"]):
        done = project.atlas(*arguments)
        assert (done.returncode, content(elsewhere)) == (1, before), done.stderr
        assert "can't be the state folder" in done.stderr
