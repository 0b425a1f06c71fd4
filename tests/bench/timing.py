"""Time whole processes, as a user waits for them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def seconds(*command: str | Path, times: int = 7, folder: Path = ROOT) -> float:
    """Return the median wall time of a command in seconds, after one run that isn't counted.

    Bytecode may be written, whatever PYTHONDONTWRITEBYTECODE says: that is how Atlas is set up.
    """
    once(*command, folder=folder)
    return statistics.median(once(*command, folder=folder) for _ in range(times))


def once(*command: str | Path, folder: Path = ROOT) -> float:
    """Return the wall time of one run of a command, which must succeed."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start
