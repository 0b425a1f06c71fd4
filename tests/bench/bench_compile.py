"""Compiling beside kfp itself, fleets of pipelines, and what their DAG files cost Airflow.

Ratios are of one run, their two sides measured in turn.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.targets.airflow.compiler import AirflowCompiler
from atlas.targets.kubeflow.compiler import KubeflowCompiler
from tests.bench import compiled
from tests.bench.table import Row, at_most, shown
from tests.bench.timing import BIN, ROOT, once

if TYPE_CHECKING:
    from collections.abc import Callable

MEMBERS = 1000
CHILD = Path(__file__).with_name("parse_child.py")


def run() -> list[Row]:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as folder:
        return [*one_pipeline(Path(folder)), *families(), *parsing(Path(folder))]


def one_pipeline(folder: Path) -> list[Row]:
    """Compare `atlas compile` with kfp's own compiler over the same ten steps."""
    made = folder / "project"
    made.mkdir()
    compiled.project(made)
    hand = folder / "hand.py"
    hand.write_text(compiled.kfp_by_hand(folder / "hand.yaml"))
    ours: list[str | Path] = [
        BIN / "atlas",
        "compile",
        made,
        "--target",
        "kubeflow",
        "--out",
        folder / "out",
    ]
    theirs, mine = in_turn([sys.executable, hand], ours)
    return [
        shown("kfp's compiler, ten container steps, whole process", theirs, "s"),
        shown("atlas compile --target kubeflow, the same", mine, "s"),
        at_most("kubeflow compile / kfp's own", mine / theirs, 1.1, "x"),
    ]


def in_turn(one: list[str | Path], other: list[str | Path], times: int = 9) -> tuple[float, float]:
    """Return the median seconds of two commands that are run in turn, so that load meets both."""
    once(*one)
    once(*other)
    took = [(once(*one), once(*other)) for _ in range(times)]
    return statistics.median(a for a, _ in took), statistics.median(b for _, b in took)


def families() -> list[Row]:
    """Compile the members of a family, which share their shape, and as many DAGs."""
    plans = compiled.family(MEMBERS)
    images = {"": compiled.IMAGE}
    first = timed(lambda: KubeflowCompiler().compile(plans[0], images))
    target = KubeflowCompiler()
    whole = timed(lambda: [target.compile(one, images) for one in plans])
    airflow = timed(
        lambda: [AirflowCompiler().compile(one, images) for one in compiled.family(MEMBERS)]
    )
    return [
        shown("kubeflow compile of a first member, with kfp's import", first, "s"),
        at_most(f"kubeflow compile of a family of {MEMBERS:,}", whole, 8, "s"),
        at_most(f"airflow compile of {MEMBERS:,} DAGs", airflow, 5, "s"),
    ]


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def parsing(folder: Path) -> list[Row]:
    """Compare what Airflow needs for compiled files and for hand-written ones."""
    ours, theirs = folder / "ours", folder / "theirs"
    ours.mkdir()
    theirs.mkdir()
    for one in compiled.family(MEMBERS):
        for name, content in AirflowCompiler().compile(one, {}).items():
            (ours / name).write_bytes(content)
        (theirs / f"{one.name}.py").write_text(compiled.dag_by_hand(one.name))
    hand, mine = parsed(10, folder, theirs, ours)["seconds"]
    all_hand = parsed(MEMBERS, folder, theirs)
    turns = [(parsed(10, folder, ours), parsed(MEMBERS, folder, ours)) for _ in range(3)]
    few, many = (
        statistics.median(one["seconds"][0] for one in side) for side in zip(*turns, strict=True)
    )
    all_mine = turns[0][1]
    return [
        shown("Airflow parses a hand-written file of ten tasks", hand * 1000, "ms"),
        shown("Airflow parses a compiled one", mine * 1000, "ms"),
        at_most("parse, compiled / hand-written", mine / hand, 1.1, "x"),
        at_most("parse among 1,000 / among 10", many / few, 1.2, "x"),
        at_most(
            "peak memory over 1,000, compiled / hand", all_mine["peak"] / all_hand["peak"], 1.2, "x"
        ),
    ]


def parsed(count: int, home: Path, *folders: Path) -> dict[str, Any]:
    """Parse so many files of each folder in a process of their own; return what that told."""
    settings = {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-P", CHILD, str(count), *folders],
        cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
