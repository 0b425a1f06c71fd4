"""The code of a pipeline, in other processes."""

from __future__ import annotations

import subprocess
import sys

from atlas.step import code
from tests.unit.atlas.step.test_code import folders

__all__ = ["folders"]

CHILD = """
import pickle, sys
step = pickle.loads(bytes.fromhex(sys.argv[1]))
print(step.who, type(step).__module__)
"""


def test_processes_that_a_step_starts_find_the_code(folders):
    import pickle

    content = pickle.dumps(code.load_class("one", "steps:Step")())
    child = subprocess.run(
        [sys.executable, "-c", CHILD, content.hex()], capture_output=True, text=True, check=True
    )
    assert child.stdout.split() == ["one", "atlas.step.code.one.steps"]


def test_a_process_that_mounts_one_pipeline_still_finds_the_others(folders):
    code.announce({"one": folders / "one", "two": folders / "two"})
    source = (
        "import sys; from pathlib import Path; from atlas.step import code\n"
        "code.mount('one', Path(sys.argv[1]))\n"
        "from atlas.step.code.two.steps import Step\n"
        "print(Step.who)\n"
    )
    command = [sys.executable, "-c", source, str(folders / "one")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "two\n"
