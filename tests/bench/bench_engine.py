"""What the local engine takes, with artifacts, cache and tracking on, beside two peers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.bench import peers
from tests.bench.table import Row, at_most, shown
from tests.bench.timing import BIN
from tests.servers import free_port, serving

STEPS = """
from typing import Any, NamedTuple
from atlas import Template
class Out(NamedTuple):
    value: dict[str, Any]
class First(Template):
    def run(self) -> Out:
        return Out({"i": 0})
class Try(Template):
    number: int
    def run(self) -> Out:
        self.context.metric("loss", float(self.number))
        return Out({"i": self.number})
class Next(Template):
    number: int
    def run(self, value: dict[str, Any]) -> Out:
        return Out({"i": value["i"] + 1})
"""
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
HANDED_ON = """
import sys, time
from pathlib import Path
import numpy, pandas, pyarrow
from pyarrow import parquet
from atlas.store import open_store
folder = Path(sys.argv[1])
frame = pandas.DataFrame(numpy.random.default_rng(0).random((12_500_000, 10)), columns=list("abcdefghij"))
store = open_store(str(folder / "store"))
def plain():
    parquet.write_table(pyarrow.Table.from_pandas(frame), folder / "plain.parquet")
    with parquet.ParquetFile(folder / "plain.parquet", memory_map=True) as file:
        file.read().to_pandas()
def ours():
    store.put("p", "r", "s", "o", frame)
    store.get("p", "r", "s", "o")
times = {plain: [], ours: []}
for _ in range(3):
    for one in times:
        start = time.perf_counter()
        one()
        times[one].append(time.perf_counter() - start)
print(min(times[plain]), min(times[ours]))
"""


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = (*_sizes(folder), *_search(folder), *_frame(folder), *_tracked(folder))
        return [*_against_peers(folder), *measured]


def _against_peers(folder: Path) -> list[Row]:
    """Measure ten steps in turns, so that each ratio is of one moment."""
    ten = _chain(folder, 10)
    commands = {name: peers.command(name, 10, folder) for name in peers.PACKAGES}
    took: dict[str, list[float]] = {"atlas": [], **{name: [] for name in commands}}
    for _ in range(6):
        took["atlas"].append(_atlas(ten, "--no-cache"))
        for name, command in commands.items():
            took[name].append(_once(command, folder, peers.environment(name, folder)))
    middle = {name: statistics.median(times[1:]) for name, times in took.items()}
    return [
        *(shown(f"{name}, 10 no-op steps", middle[name], "s") for name in commands),
        shown("atlas run, 10 no-op steps", middle["atlas"], "s"),
        at_most("atlas run / kedro", middle["atlas"] / middle["kedro"], 0.85, "x"),
        shown("metaflow / atlas run", middle["metaflow"] / middle["atlas"], "x"),
    ]


def _sizes(folder: Path) -> list[Row]:
    """Measure what steps cost where there are many."""
    ten, more, many = (_chain(folder, number) for number in (10, 110, 1000))
    hundred = _chain(folder, 100)
    for place in (more, hundred):
        _atlas(place)
    apart = ("--no-cache", "--isolate", "process")
    thousand = _atlas(many, "--no-cache")
    growth = _megabytes(many) - _megabytes(ten)
    return [
        at_most("a further step, in process", _further(ten, more, "--no-cache"), 2, "ms"),
        at_most("a further step, warm process", _further(ten, more, *apart), 15, "ms"),
        at_most("1,000 steps", thousand, 4, "s"),
        at_most("growth over 990 steps", growth, 50, "MB"),
        at_most("100 steps, all cached", _median(hundred), 0.5, "s"),
    ]


def _frame(folder: Path) -> list[Row]:
    """Measure handing a table of a gigabyte on, against pyarrow alone."""
    done = subprocess.run(
        [sys.executable, "-c", HANDED_ON, str(folder)], capture_output=True, text=True, check=True
    )
    plain, ours = map(float, done.stdout.split())
    return [
        shown("1 GB through Parquet, pyarrow alone", plain, "s"),
        at_most("the same, handed on verified / alone", ours / plain, 1 / 0.7, "x"),
    ]


def _tracked(folder: Path) -> list[Row]:
    """Measure when a run is over, and when it can be seen in MLflow."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1",
        "--artifacts-destination", f"{folder}/artifacts",
    ]  # fmt: skip
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    place = _chain(folder, 10)
    with serving(server, f"{url}/health", folder / "mlflow.log", **quiet):
        _atlas(place, "--no-cache", ATLAS_MLFLOW_URL=url)
        before = _visible(url)
        start = time.perf_counter()
        command = [str(BIN / "atlas"), "run", "chain", "--no-cache"]
        process = subprocess.Popen(
            command, cwd=place, env=_variables(ATLAS_MLFLOW_URL=url),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        seen = over = 0.0
        while not seen or not over:
            if not seen and _visible(url) > before:
                seen = time.perf_counter() - start
            if not over and process.poll() is not None:
                over = time.perf_counter() - start
    return [
        shown("10 steps to an MLflow server, until exit", over, "s"),
        shown("10 steps to an MLflow server, until visible", seen, "s"),
    ]


def _visible(url: str) -> int:
    """Return how many finished runs an MLflow server shows."""
    query = {"experiment_ids": ["1"], "filter": "attributes.status = 'FINISHED'"}
    body = json.dumps(query).encode()
    headers = {"Content-Type": "application/json"}
    with suppress(OSError):
        request = Request(f"{url}/api/2.0/mlflow/runs/search", body, headers)
        return len(json.load(urlopen(request, timeout=5)).get("runs", []))
    return 0


def _chain(folder: Path, number: int) -> Path:
    """Write a project with a chain of so many steps, unless it is there."""
    place = folder / f"chain{number}"
    if place.exists():
        return place
    steps: dict[str, Any] = {"s0": {"class": "steps:First"}}
    for i in range(1, number):
        inputs = {"value": f"s{i - 1}.value"}
        steps[f"s{i}"] = {"class": "steps:Next", "inputs": inputs, "params": {"number": i}}
    return _project(place, steps)


def _project(place: Path, steps: dict[str, Any]) -> Path:
    """Write a project with one pipeline, called chain."""
    (place / "chain").mkdir(parents=True)
    (place / "pyproject.toml").write_text("[tool.atlas]\n")
    (place / "chain" / "steps.py").write_text(STEPS)
    recipe = {"version": 1, "name": "chain", "flow": "training", "steps": steps}
    config = {"version": 1, "name": "chain", "recipes": {"training": "training.json"}}
    (place / "chain" / "training.json").write_text(json.dumps(recipe))
    (place / "chain" / "config.json").write_text(json.dumps(config))
    return place


def _search(folder: Path) -> list[Row]:
    """Measure a search whose trials do nothing, from the command to its end, nothing cached."""
    space = {"number": {"low": 1, "high": 100_000}}
    search = {"space": space, "metric": "loss", "goal": "minimize", "trials": 100}
    step = {"class": "steps:Try", "search": {**search, "concurrency": 10}}
    place = _project(folder / "search", {"train": step})
    return [at_most("a search of 100 no-op trials", _median(place, "--no-cache"), 3, "s")]


def _further(few: Path, more: Path, *arguments: str) -> float:
    """Return what each of a hundred further steps takes, in milliseconds."""
    pairs = [_atlas(more, *arguments) - _atlas(few, *arguments) for _ in range(5)]
    return statistics.median(pairs) * 1000 / 100


def _median(place: Path, *arguments: str) -> float:
    return statistics.median(_atlas(place, *arguments) for _ in range(5))


def _atlas(place: Path, *arguments: str, **more: str) -> float:
    command = [str(BIN / "atlas"), "run", "chain", *arguments]
    return _once(command, place, _variables(**more))


def _megabytes(place: Path) -> float:
    """Return the most memory that a run takes; a small process starts it, for Linux counts that in."""
    command = [sys.executable, "-c", MEASURED, str(BIN / "atlas"), "run", "chain", "--no-cache"]
    done = subprocess.run(
        command, cwd=place, env=_variables(), capture_output=True, text=True, check=True
    )
    return int(done.stdout.splitlines()[-1]) / 1000


def _variables(**more: str) -> dict[str, str]:
    """Return the variables to run with: bytecode may be written, no platform is known."""
    dropped = ("ATLAS_", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)} | more


def _once(command: list[str], folder: Path, env: dict[str, str]) -> float:
    """Return the seconds that one process takes."""
    start = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=env, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - start
