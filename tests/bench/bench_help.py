"""What `atlas --help` takes, beside the smallest typer app that has commands."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench.table import Row, at_most, shown
from tests.bench.timing import BIN, seconds

TWIN = """
import typer
app = typer.Typer()
@app.command()
def first(): "Do one thing."
@app.command()
def second(): "Do another."
app()
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        twin = Path(folder) / "twin.py"
        twin.write_text(TWIN)
        theirs = seconds(sys.executable, twin, "--help")
        ours = seconds(BIN / "atlas", "--help")
    return [
        shown("typer app of two commands --help", theirs, "s"),
        shown("atlas --help", ours, "s"),
        at_most("atlas --help / that typer app", ours / theirs, 1.3, "x"),
    ]
