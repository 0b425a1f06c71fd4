"""Classes that are imported to be compared, on the command line."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.unit.atlas.step.test_imported import EDGE, PAIR, Write, write

__all__ = ["write"]


def test_on_the_command_line(write: Write) -> None:
    source = PAIR.format(given="fractions.Fraction", wanted="decimal.Decimal")
    folder = write(EDGE, f"{source}\nprint('hello')\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "atlas_cli", "validate", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)

    plain = run()
    assert (plain.returncode, "N001" in plain.stdout) == (0, True)
    done = run("--import", "--json")
    assert done.returncode == 1
    assert [one["code"] for one in json.loads(done.stdout)["problems"]] == ["R012"]
    assert done.stderr == "hello\n"
