"""Writes scikit-learn's diabetes data as the two data sets that the pipelines read.

Source: Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression, 2004; 442 patients, ten
measurements each (scaled to mean 0), and how far the disease had gone a year later; bundled with
scikit-learn. The last 50 stand, without that, for patients of a visit: the training has seen them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_diabetes

VISIT = 50


def write(folder: Path) -> dict[str, int]:
    """Write ``diabetes.parquet`` and ``visit.parquet`` into a folder; return their rows."""
    bunch = load_diabetes(as_frame=True)
    rows = bunch.data.copy()
    rows.insert(0, "patient", range(1, len(rows) + 1))
    parts = {"diabetes": rows.assign(progression=bunch.target), "visit": rows[-VISIT:]}
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        half = folder / f".{name}.parquet"
        part.to_parquet(half, index=False)
        half.replace(folder / f"{name}.parquet")
    return {name: len(part) for name, part in parts.items()}


if __name__ == "__main__":
    for name, rows in write(Path(sys.argv[1])).items():
        print(f"{name}.parquet: {rows} rows")  # noqa: T201 - a script
