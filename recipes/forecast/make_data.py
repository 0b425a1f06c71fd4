"""Writes the weekly carbon dioxide of Mauna Loa as the data set that the pipelines read.

Source: C. D. Keeling and T. P. Whorf, 2004, Atmospheric CO2 concentrations derived from flask air
samples at sites in the SIO network, Carbon Dioxide Information Analysis Center, Oak Ridge National
Laboratory. ``co2.csv`` has 2,284 weeks from March 1958 to December 2001 in parts per million, 59 of
them without a value. The data are in the public domain.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_name("co2.csv")


def write(folder: Path) -> dict[str, int]:
    """Write ``co2.parquet`` into a folder; return its rows."""
    rows = pd.read_csv(FILE, parse_dates=["week"])
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / ".co2.parquet"
    rows.to_parquet(half, index=False)
    half.replace(folder / "co2.parquet")
    return {"co2": len(rows)}


if __name__ == "__main__":
    for name, rows in write(Path(sys.argv[1])).items():
        print(f"{name}.parquet: {rows} rows")  # noqa: T201 - a script
