"""Equal values have equal bytes in every process."""

from __future__ import annotations

import os
import subprocess
import sys

SAME = """
import sys
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from atlas.store import open_store
store = open_store(sys.argv[1])
rows = np.random.RandomState(0).rand(40, 3)
model = RandomForestClassifier(5, random_state=0).fit(rows, rows[:, 0] > 0.5)
first = store.put("p", "r", "s", "a", {"m": model, "names": {"x", "y", "zz"}})
second = store.put("p", "r", "s", "b", store.get("p", "r", "s", "a"))
print(first.sha256, second.sha256)
"""


def test_equal_models_have_equal_bytes_in_every_process(tmp_path):
    digests = set()
    for seed in "12":
        process = subprocess.run(
            [sys.executable, "-c", SAME, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        digests |= set(process.stdout.split())
    assert len(digests) == 1
