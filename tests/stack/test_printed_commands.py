"""Commands are run as messages print them: from a shell, on a pipeline that is deployed.

Which commands the sources tell is read from the sources; what one of them finds to do depends on
what is there, so all that is asked of it here is that it is understood, and never ends in a traceback.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from atlas import advice
from tests.stack.deployed import Pipeline, pipeline, write_data
from tests.unit.atlas_cli.test_told_commands import CALLS, SAMPLE

pytestmark = pytest.mark.stack
__all__ = ["pipeline"]
USAGE = 2
LAST = ("destroy",)
"""Commands that take away what the others need."""
ELSEWHERE = ("down", "init")
"""`down` ends the platform that other tests use; `init` wants an empty folder. See below."""


def told() -> list[tuple[str, ...]]:
    """Return the distinct commands that sources tell, those that take away last."""
    found = {words for _, caller, words in CALLS if caller == "command" and SAMPLE not in words}
    kept = [words for words in sorted(found) if words[0] not in ELSEWHERE]
    return sorted(kept, key=lambda words: (words[0] in LAST, "--purge" in words))


def shell(text: str, pipeline: Pipeline) -> subprocess.CompletedProcess[str]:
    """Run a command in backticks as somebody would who pastes it."""
    platform = pipeline.platform
    path = f"{Path(sys.executable).parent}:{platform.environment['PATH']}"
    return subprocess.run(
        ["bash", "-c", text.strip("`")],
        cwd=pipeline.folder.parent, env={**platform.environment, "PATH": path},
        input="y\n", capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture
def spaced(pipeline):
    """Return a deployed pipeline whose folder has a name that a shell would take apart."""
    folder = pipeline.folder.rename(pipeline.folder.with_name("my pipeline's folder"))
    moved = Pipeline(pipeline.platform, pipeline.name, folder)
    write_data(moved)
    moved.deploy()
    yield moved
    folder.rename(pipeline.folder)


def test_each_runs_as_it_is_printed(spaced):
    advice.note_call(spaced.folder.name)
    wrong = {}
    for words in told():
        text = advice.command(*words)
        done = shell(text, spaced)
        said = done.stdout + done.stderr
        if done.returncode == USAGE or "Traceback" in said:
            wrong[text] = f"exit {done.returncode}: {said[-600:]}"
    assert not wrong, json.dumps(wrong, indent=1)
    assert len(told()) > 12


def test_init_runs_as_it_is_printed(spaced, tmp_path):
    done = shell(f"cd {tmp_path} && " + advice.command("init").strip("`"), spaced)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pyproject.toml").exists()
