"""Run every `bench_*.py` beside this file, print one table, exit 1 when a bound is exceeded.

A bench has `def run() -> list[Row]`. Arguments choose benches by name: `bench_help`, or `help`.
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# As a script this has its own folder first on the path; benches import `tests.bench.…`.
sys.path[0] = str(HERE.parents[1])

from tests.bench.table import Row, as_table  # noqa: E402


def chosen(names: list[str]) -> list[Path]:
    """Return the benches with these names, or all of them."""
    files = sorted(HERE.glob("bench_*.py"))
    wanted = {name.removeprefix("bench_") for name in names}
    known = {file.stem.removeprefix("bench_") for file in files}
    if wanted - known:
        sys.exit(
            f"no bench {', '.join(sorted(wanted - known))}; there are {', '.join(sorted(known))}"
        )
    return [f for f in files if not wanted or f.stem.removeprefix("bench_") in wanted]


def measure(file: Path) -> list[Row]:
    """Run one bench, saying so on a terminal."""
    start = time.perf_counter()
    rows = runpy.run_path(str(file))["run"]()
    if sys.stderr.isatty():
        print(f"{file.stem}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return rows


def main() -> int:
    """Run the benches and return the exit code."""
    rows = [row for file in chosen(sys.argv[1:]) for row in measure(file)]
    print(as_table(rows))
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
