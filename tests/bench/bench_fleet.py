"""A fleet of 1,000 folders, each with code of its own: checked, listed, planned and compiled.

Processor seconds are shown beside the wall time: on a busy machine they are what to judge by.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import compiled
from tests.bench.fleet import fleet
from tests.bench.table import Row, at_most, shown
from tests.bench.timing import BIN

FOLDERS = 1000
_KFP = """
import runpy, sys, time
from pathlib import Path
start = time.perf_counter()
for file in sorted(Path(sys.argv[1]).glob("*.py")):
    runpy.run_path(str(file))
print(time.perf_counter() - start)
"""


def run() -> list[Row]:
    """Measure all of it."""
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as name:
        folder = Path(name)
        project = fleet(folder / "project", FOLDERS)
        other = fleet(folder / "other", FOLDERS, own_names=True)
        return [*checking(project), *compiling(project, other, folder / "out")]


def checking(project: Path) -> list[Row]:
    """Check, list and plan everything."""
    cold = [("validate", 2.5), ("list", 2.5), ("plan", 3.5)]
    rows = [row for words, bound in cold for row in _rows(words, bound, _cold(project, words))]
    again = min(_once(project, "validate") for _ in range(3))
    return [*rows, *_rows("validate, unchanged", 1, again)]


def compiling(project: Path, other: Path, out: Path) -> list[Row]:
    """Compile everything for both targets; kfp's own compiler runs in turn with Kubeflow's.

    Args:
        project: folders whose steps have the same names.
        other: folders whose steps have names of their own.
        out: where the files are written.
    """
    airflow = _cold(project, "compile", "--target", "airflow", "--out", str(out))
    return [*_rows("compile --target airflow", 5, airflow), *kubeflow(project, other, out)]


def kubeflow(project: Path, other: Path, out: Path) -> list[Row]:
    """Compile both projects for Kubeflow, and as many pipelines by kfp itself."""
    words = ("compile", "--target", "kubeflow", "--out", str(out))
    turns = [
        (_kfp(out), _cold(project, *words, times=1), _cold(other, *words, times=1))
        for _ in range(2)
    ]
    theirs, alike, named = (min(column) for column in zip(*turns, strict=True))
    return [
        shown(f"kfp's own compiles of {FOLDERS:,} such pipelines, one process", theirs, "s"),
        *_against("compile --target kubeflow", alike, theirs),
        *_against("the same, each with step names of its own", named, theirs),
    ]


def _against(name: str, took: tuple[float, float], theirs: float) -> list[Row]:
    wall, processor = took
    return [
        shown(f"{FOLDERS:,} folders: {name}", wall, "s"),
        shown("- its processor time", processor, "s"),
        at_most("- / kfp's own compiles", wall / theirs, 0.8, "x"),
    ]


def _rows(name: str, bound: float, took: tuple[float, float]) -> list[Row]:
    wall, processor = took
    return [
        at_most(f"{FOLDERS:,} folders: {name}", wall, bound, "s"),
        shown("- its processor time", processor, "s"),
    ]


def _cold(project: Path, *words: str, times: int = 3) -> tuple[float, float]:
    """Return the least that a command takes with nothing kept from before."""
    took = []
    for _ in range(times):
        shutil.rmtree(project / ".atlas", ignore_errors=True)
        took.append(_once(project, *words))
    return min(took)


def _once(project: Path, *words: str) -> tuple[float, float]:
    """Return the wall and the processor seconds of one run of `atlas`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [BIN / "atlas", *words], cwd=project, env=_variables(), check=True, capture_output=True
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _kfp(out: Path) -> float:
    """Return what kfp's own compiler takes for as many pipelines of ten steps, its import counted."""
    folder = out / "kfp"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FOLDERS):
        name = f"p{number:04d}"
        (folder / f"{name}.py").write_text(compiled.kfp_by_hand(folder / f"{name}.yaml", name))
    done = subprocess.run(
        [sys.executable, "-c", _KFP, folder], capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1])


def _variables() -> dict[str, str]:
    """Return the variables to run with: bytecode may be written, no state is shared."""
    dropped = ("ATLAS_", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
