"""Runs: `atlas runs` over 10,000 runs, as a process, and a filter by metric; the index is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from atlas.plan import Plan
from atlas.plan.parts import PlanStep, Value
from atlas.store import Run, open_store
from tests.bench.table import Row, at_most, shown

RUNS = 10_000
STEPS = 3


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text("[tool.atlas]\n")
        fill(root / ".atlas" / "store")
        first = listed(root)
        index = next(root.glob(".atlas/store/.atlas-index/*.json"))
        return [
            shown("atlas runs, 10,000 runs, no index", first, "s"),
            at_most("atlas runs, 10,000 runs", min(listed(root) for _ in range(3)), 1.0, "s"),
            at_most(
                "the same, filtered by metric and param",
                min(listed(root, "--where", "s0.error<0.5", "--where", "s1.rate=1") for _ in "12"),
                1.0,
                "s",
            ),
            shown("its index", index.stat().st_size / 1e6, "MB"),
        ]


def fill(folder: Path) -> None:
    """Write runs as they are after they have run; older than what is read again in any case."""
    store = open_store(str(folder))
    steps = tuple(
        PlanStep(f"s{n}", "steps:S", params={"rate": Value("value", n)}) for n in range(STEPS)
    )
    plan = Plan("p", "p", "p", "training", "p", "local", "local", steps)
    store.add_plan(plan)
    before = time.time_ns() - 60_000_000_000
    for number in range(RUNS):
        name = f"training-{number:05}"
        created = f"2026-01-{1 + number % 28:02}T00:00:{number % 60:02}+00:00"
        store.bind(Run(name, "p", "training", plan.digest, created=created, target="local"))
        for step in steps:
            metrics = {"error": number / RUNS, "hit": 1 - number / RUNS}
            outcome = {"status": "done", "plan": plan.digest, "metrics": metrics}
            store.write_outcome("p", name, step.name, outcome, None)
        end = f'{{"status":"done","plan":"{plan.digest}","ended":"{created}"}}'
        store.location.write(f"p/{name}/outcome.json", end.encode())
        os.utime(folder / "p" / name, ns=(before, before))


def listed(root: Path, *options: str) -> float:
    start = time.perf_counter()
    command = [sys.executable, "-m", "atlas_cli", "runs", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    took = time.perf_counter() - start
    if len(done.stdout.splitlines()) != 21:
        raise RuntimeError(done.stdout + done.stderr)
    return took
