"""Evidently's check of 100,000 rows of 50 columns, in its own environment; prints seconds as JSON."""

import json
import sys
import time

import numpy as np
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

rows, columns, times = map(int, sys.argv[1:])
random = np.random.default_rng(1)
names = [f"f{i}" for i in range(columns)]
first, later = (
    pd.DataFrame(random.standard_normal((rows, columns)), columns=names) for _ in range(2)
)
took = []
for _ in range(times):
    start = time.perf_counter()
    Report([DataDriftPreset()]).run(later, first).dict()
    took.append(time.perf_counter() - start)
print(json.dumps(took))
