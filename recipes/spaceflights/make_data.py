"""Writes made-up data in the shape of Kedro's spaceflights: companies, shuttles, reviews, offers.

Everything is drawn from one seed, so each call writes the same bytes. A price follows from a
shuttle's engines, seats and crew and from how its company is rated, but for some noise; as in the
original, numbers and flags are texts such as ``$1,325.0``, ``90%`` and ``t``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

COMPANIES, SHUTTLES, OFFERS = 60, 480, 40
_SEED = 1969
_PLACES = ("Chile", "Ghana", "Iceland", "Nepal", "Portugal", "Samoa")


def tables() -> dict[str, pd.DataFrame]:
    """Return the tables by their names."""
    random = np.random.default_rng(_SEED)
    rating = random.integers(40, 101, COMPANIES)
    companies = pd.DataFrame(
        {
            "id": range(1, COMPANIES + 1),
            "company_rating": [f"{value}%" for value in rating],
            "company_location": random.choice(_PLACES, COMPANIES),
            "iata_approved": random.choice(["t", "f"], COMPANIES),
        }
    )
    count = SHUTTLES + OFFERS
    owner = random.integers(0, COMPANIES, count)
    engines, crew = random.integers(1, 7, count), random.integers(2, 13, count)
    seats = random.integers(2, 21, count)
    checked, moon = random.choice(["t", "f"], count), random.choice(["t", "f"], count)
    price = 900 + 450 * engines + 60 * seats + 30 * crew + 8 * rating[owner]
    price = price + 300 * (moon == "t") + random.normal(0, 120, count)
    shuttles = pd.DataFrame(
        {
            "id": range(1, count + 1),
            "company_id": owner + 1,
            "engines": engines,
            "passenger_capacity": seats,
            "crew": crew,
            "d_check_complete": checked,
            "moon_clearance_complete": moon,
            "price": [f"${value:,.1f}" for value in price],
        }
    )
    reviews = pd.DataFrame(
        {
            "shuttle_id": range(1, count + 1),
            "review_scores_rating": random.integers(60, 101, count),
            "number_of_reviews": random.integers(0, 50, count),
        }
    )
    return {
        "companies": companies,
        "shuttles": shuttles[:SHUTTLES],
        "reviews": reviews,
        "offers": shuttles[SHUTTLES:].drop(columns="price"),
    }


def write(folder: Path) -> dict[str, int]:
    """Write a CSV file for each table into a folder; return their rows."""
    folder.mkdir(parents=True, exist_ok=True)
    found = tables()
    for name, rows in found.items():
        half = folder / f".{name}.csv"
        rows.to_csv(half, index=False, lineterminator="\n")
        half.replace(folder / f"{name}.csv")
    return {name: len(rows) for name, rows in found.items()}


if __name__ == "__main__":
    for name, rows in write(Path(sys.argv[1])).items():
        print(f"{name}.csv: {rows} rows")  # noqa: T201 - a script
