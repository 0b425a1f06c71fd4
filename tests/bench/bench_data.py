"""Data sets: 1 GB of CSV read and handed on, beside pyarrow alone; a folder known by its content."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas.datasets.fields import RunFacts
from atlas.datasets.versions import content_version
from atlas.plan import PlanData
from atlas.step.opening import open_data
from atlas.store import Store, open_location
from atlas.uris import uri_of
from tests.bench.table import Row, at_most, shown

if TYPE_CHECKING:
    from collections.abc import Callable

GIGABYTE = 1_000_000_000
FILES, TEN_GIGABYTES = 2_000, 10 * GIGABYTE


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        root = Path(folder)
        (root / "data").mkdir()
        path = root / "data" / "rows.csv"
        write_csv(path, GIGABYTE)
        pairs = [
            (seconds(lambda: alone(path, root)), seconds(lambda: handed(path, root)))
            for _ in range(3)
        ]
        alone_took, took = min(one for one, _ in pairs), min(other for _, other in pairs)
        path.unlink()
        return [
            shown("1 GB of CSV read and handed on, pyarrow alone", alone_took, "s"),
            at_most(
                "1 GB of CSV read and handed on, Atlas / pyarrow alone",
                took / alone_took,
                1.25,
                "x",
            ),
            *unchanged(root),
        ]


def write_csv(path: Path, size: int) -> None:
    """Write rows of numbers, texts and dates."""
    import numpy as np
    import pandas as pd

    rng, rows = np.random.default_rng(0), 500_000
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "when": pd.date_range("2024-01-01", periods=rows, freq="min").astype(str),
            "region": rng.choice(["emea", "apac", "latam"], rows),
            **{f"x{i}": rng.normal(size=rows).round(6) for i in range(6)},
            "count": rng.integers(0, 10**6, rows),
        }
    )
    text = frame.to_csv(index=False).encode()
    head, _, body = text.partition(b"\n")
    with path.open("wb") as file:
        file.write(head + b"\n")
        while file.tell() < size:
            file.write(body)


def alone(path: Path, root: Path) -> None:
    """Read with pyarrow, make a DataFrame, write it as Parquet for the next step."""
    from pyarrow import csv

    frame = csv.read_csv(path).to_pandas()
    frame.to_parquet(root / "alone.parquet")


def handed(path: Path, root: Path) -> None:
    """Read a data set, and keep it as a step's output."""
    data = open_data(PlanData(type="table", uri=uri_of(path)), "rows", "load", "", "")
    frame = data.read()
    Store(open_location(uri_of(root / "store"))).put(
        "bench", f"r{time.time_ns()}", "load", "rows", frame
    )


def unchanged(root: Path) -> list[Row]:
    """Know 10 GB in 2,000 files (sparse) by their content, a second time."""
    folder = root / "many"
    for number in range(FILES):
        path = folder / f"day={number // 100:02}" / f"{number:05}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(TEN_GIGABYTES // FILES)
        os.utime(path, (time.time() - 60,) * 2)
    kept, place = open_location(uri_of(root / "store")), open_location(uri_of(folder), links=True)
    parts: Any = ((), "parquet", RunFacts())

    def look() -> None:
        content_version(kept, place, "", "many", parts)

    first = seconds(look)
    again = min(seconds(look) for _ in range(5))
    return [
        at_most("10 GB in 2,000 files, hashed the first time", first, 60, "s"),
        at_most("10 GB in 2,000 files, unchanged", again, 0.1, "s"),
    ]


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
