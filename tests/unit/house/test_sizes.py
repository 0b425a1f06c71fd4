"""The command line parses, calls and prints: what it calls is in other rooms."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
MOST = 5350
"""Lines of `atlas_cli`, but for the examples of its help."""


def lines(folder: Path) -> int:
    files = (file for file in folder.rglob("*.py") if file.name != "examples.py")
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)


def test_the_command_line_stays_small():
    count = lines(ROOT / "atlas_cli")
    assert 0 < count <= MOST, "move what a command calls to atlas_deploy or to the SDK"
