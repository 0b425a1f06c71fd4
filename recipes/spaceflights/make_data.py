"""Writes made-up data with the tables of Kedro's spaceflights: companies, shuttles, reviews.

Everything is drawn from one seed, so each call writes the same bytes. Beyond some noise, a price
follows from seats, staff and how the owner stands, and from what a line can't follow: motors are
dear from the fourth on, and more so in a shuttle that flies to the moon. Numbers and flags are
texts, such as ``1,325.0 USD``, ``90%`` and ``yes``, and the shuttles are a workbook of Excel's.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

COMPANIES, SHUTTLES, OFFERS = 60, 480, 40
FILES = {
    "companies": "companies.csv",
    "shuttles": "shuttles.xlsx",
    "reviews": "reviews.csv",
    "offers": "offers.csv",
}
_SEED = 1969
_FEW = 3
"""Motors; more of them are dear."""
_COUNTRIES = ("Chile", "Ghana", "Iceland", "Nepal", "Portugal", "Samoa")
_THEN = (1980, 1, 1, 0, 0, 0)


def tables() -> dict[str, pd.DataFrame]:
    """Return the tables by their names."""
    random = np.random.default_rng(_SEED)
    grade = random.integers(40, 101, COMPANIES)
    companies = pd.DataFrame(
        {
            "id": range(1, COMPANIES + 1),
            "grade": [f"{value}%" for value in grade],
            "country": random.choice(_COUNTRIES, COMPANIES),
            "certified": random.choice(["yes", "no"], COMPANIES),
        }
    )
    shuttles = _shuttles(random, grade)
    reviews = pd.DataFrame(
        {
            "shuttle": shuttles["id"],
            "stars": random.integers(10, 51, len(shuttles)) / 10,
            "voices": random.integers(0, 50, len(shuttles)),
        }
    )
    return {
        "companies": companies,
        "shuttles": shuttles[:SHUTTLES],
        "reviews": reviews,
        "offers": shuttles[SHUTTLES:].drop(columns="price"),
    }


def _shuttles(random: np.random.Generator, grade: np.ndarray) -> pd.DataFrame:
    count = SHUTTLES + OFFERS
    owner = random.integers(0, COMPANIES, count)
    motors, seats = random.integers(1, 7, count), random.integers(2, 21, count)
    staff = random.integers(2, 13, count)
    inspected, lunar = random.choice(["yes", "no"], (2, count))
    price = 1500 + 60 * seats + 20 * staff + 8 * grade[owner] + random.normal(0, 100, count)
    price = price + (motors > _FEW) * np.where(lunar == "yes", 3500, 1200)
    return pd.DataFrame(
        {
            "id": range(1, count + 1),
            "owner": owner + 1,
            "motors": motors,
            "seats": seats,
            "staff": staff,
            "inspected": inspected,
            "lunar": lunar,
            "price": [f"{value:,.1f} USD" for value in price],
        }
    )


def write(folder: Path) -> dict[str, int]:
    """Write a file for each table into a folder; return their rows."""
    folder.mkdir(parents=True, exist_ok=True)
    found = tables()
    for name, rows in found.items():
        half = folder / f".{FILES[name]}"
        if half.suffix == ".xlsx":
            _write_workbook(rows, half, sheet=name)
        else:
            rows.to_csv(half, index=False, lineterminator="\n")
        half.replace(folder / FILES[name])
    return {FILES[name]: len(rows) for name, rows in found.items()}


def _write_workbook(rows: pd.DataFrame, path: Path, *, sheet: str) -> None:
    """Write a workbook without the time at which it was written, which Excel's format has."""
    rows.to_excel(path, index=False, sheet_name=sheet)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, part in parts.items():
            still = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"1980-01-01T00:00:00Z", part)
            book.writestr(zipfile.ZipInfo(name, _THEN), still, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    for name, rows in write(Path(sys.argv[1])).items():
        print(f"{name}: {rows} rows")  # noqa: T201 - a script
