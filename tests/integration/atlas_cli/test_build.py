"""`atlas build` says what it is about to put into images that shouldn't be there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.projects import Project

STEPS = {"make": {"class": "steps:Make"}}
SOURCE = """
class Made(NamedTuple):
    number: int

class Make(Template):
    def run(self) -> Made:
        return Made(1)
"""


def test_files_that_look_like_secrets_are_named_before_anything_is_built(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.pipeline("made", SOURCE, STEPS)
    project.pipeline("clean", SOURCE, STEPS)
    project.write("made/credentials.json", '{"password": "hunter2"}')
    project.write("made/.env", "PASSWORD=hunter2")
    done = project.atlas("build", "--lock", "--json")
    assert done.returncode == 0
    (warning,) = json.loads(done.stdout)["warnings"]
    assert warning.startswith("made/credentials.json: warning N007: looks like a file of cred")
    assert done.stderr.splitlines() == [warning]
    assert "hunter2" not in done.stdout + done.stderr
    assert json.loads(project.atlas("build", "clean", "--lock", "--json").stdout)["warnings"] == []
