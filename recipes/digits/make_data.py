"""Writes scikit-learn's handwritten digits as the two data sets that the pipelines read.

Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, 1998 (test set; CC BY 4.0),
bundled with scikit-learn: 1,797 images of 8 by 8 pixels. The last 200 stand, without their digit,
for a new batch: the training has seen them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sklearn.datasets import load_digits

BATCH = 200


def write(folder: Path) -> dict[str, int]:
    """Write ``digits.parquet`` and ``envelopes.parquet`` into a folder; return their rows."""
    bunch = load_digits(as_frame=True)
    rows = bunch.data.copy()
    rows.insert(0, "image", range(1, len(rows) + 1))
    parts = {"digits": rows.assign(digit=bunch.target), "envelopes": rows[-BATCH:]}
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        half = folder / f".{name}.parquet"
        part.to_parquet(half, index=False)
        half.replace(folder / f"{name}.parquet")
    return {name: len(part) for name, part in parts.items()}


if __name__ == "__main__":
    for name, rows in write(Path(sys.argv[1])).items():
        print(f"{name}.parquet: {rows} rows")  # noqa: T201 - a script
