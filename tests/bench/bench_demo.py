"""The demo in a state folder of its own: how long it takes, and what its platform holds at rest."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import Row, at_most
from tests.bench.timing import BIN, ROOT, seconds

REST = 30
"""Seconds after the demo until the platform is at rest."""
HEAVY = ("kfp", "airflow", "mlflow", "pulumi", "pandas")
LOADED = """
import sys
sys.argv = ["atlas", *sys.argv[1:]]
from atlas_cli.__main__ import main
try:
    main()
except SystemExit:
    print(sum(name in sys.modules for name in {names}), file=sys.stderr)
"""


def run() -> list[Row]:
    validate = (BIN / "atlas", "validate", "recipes/tumour")
    rows = [at_most("atlas validate recipes/tumour", seconds(*validate), 0.3, "s")]
    for words in (("--help",), ("validate", "recipes/tumour")):
        name = f"heavy packages imported by atlas {words[0]}"
        rows.append(at_most(name, heavy(*words), 0, "packages"))
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        environment = {**os.environ, "ATLAS_STATE": folder}
        try:
            rows.append(at_most("make demo, set-up done", demo(environment), 240, "s"))
            time.sleep(REST)
            rows.append(at_most("the platform at rest (PSS)", held(Path(folder)), 2000, "MB"))
        finally:
            down = (BIN / "atlas", "down")
            subprocess.run(down, cwd=ROOT, env=environment, check=True, capture_output=True)
    return rows


def heavy(*words: str) -> int:
    """Return how many of the heavy packages a command has imported."""
    code = LOADED.format(names=HEAVY)
    line = (sys.executable, "-c", code, *words)
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(done.stderr.strip().splitlines()[-1])


def demo(environment: dict[str, str]) -> float:
    """Return the seconds that the demo takes."""
    start = time.monotonic()
    line = (sys.executable, "recipes/demo.py")
    subprocess.run(line, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.monotonic() - start


def held(state: Path) -> float:
    """Return the proportional set size of all processes that serve a state folder, in MB."""
    mark = f"ATLAS_STATE={state}".encode()
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                mark not in (process / "environ").read_bytes()
                and str(state).encode() not in (process / "cmdline").read_bytes()
            ):
                continue
            lines = (process / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000
