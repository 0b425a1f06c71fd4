"""Writes scikit-learn's breast-cancer data as the two data sets that the pipelines read.

Source: Wolberg, Street and Mangasarian, Breast Cancer Wisconsin (Diagnostic), 1995; 569 tumours, 30
measurements each, bundled with scikit-learn. All of them, with their diagnosis, are there to learn
from. The last 100 stand, without it, for a batch of new patients: the training has seen them, so
their scores are better than those of real new patients would be.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_breast_cancer

BATCH = 100


def write(folder: Path) -> dict[str, int]:
    """Write ``tumours.parquet`` and ``patients.parquet`` into a folder; return their rows."""
    bunch = load_breast_cancer(as_frame=True)
    rows = bunch.data.copy()
    rows.insert(0, "patient", range(1, len(rows) + 1))
    labelled = rows.assign(malignant=(bunch.target == 0).astype(int))
    parts = {"tumours": labelled, "patients": rows[-BATCH:]}
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        half = folder / f".{name}.parquet"
        part.to_parquet(half, index=False)
        half.replace(folder / f"{name}.parquet")
    return {name: len(part) for name, part in parts.items()}


if __name__ == "__main__":
    for name, rows in write(Path(sys.argv[1])).items():
        print(f"{name}.parquet: {rows} rows")  # noqa: T201 - a script
