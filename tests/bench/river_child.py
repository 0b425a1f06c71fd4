"""ADWIN and Page-Hinkley on series, in river's environment; prints series and alarms as JSON.

The series with human annotations are those of the Turing Change Point Dataset (van den Burg and
Williams 2020) that river's wheel holds, sampled as the annotators saw them.
"""

import json
import sys
import warnings

import numpy as np
from river import drift
from river.drift import datasets

warnings.simplefilter("ignore")


def values(data, field=None):
    return [float(y[field] if field else y) for _, y in data]


def annotated():
    brent = [float(y) for x, y in datasets.BrentSpotPrice() if x["day"].year >= 2000][::10]
    return {
        "Apple": (values(datasets.Apple(), "Close")[::3], datasets.Apple().annotations),
        "Bitcoin": (values(datasets.Bitcoin()), datasets.Bitcoin().annotations),
        "BrentSpotPrice": (brent, datasets.BrentSpotPrice().annotations),
        "Occupancy": (values(datasets.Occupancy(), "V1"), datasets.Occupancy().annotations),
        "RunLog": (values(datasets.RunLog(), "Pace"), datasets.RunLog().annotations),
        "AirlinePassengers": (
            values(datasets.AirlinePassengers()),
            datasets.AirlinePassengers().annotations,
        ),
        "UKCoalEmploy": (values(datasets.UKCoalEmploy()), datasets.UKCoalEmploy().annotations),
    }


def synthetic(seeds):
    """Quiet streams, and streams with a shift in the middle."""
    made = {}
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        quiet = random.standard_normal(20_000)
        made[f"quiet {seed}"] = quiet.tolist()
        made[f"shift {seed}"] = (quiet + 0.5 * (np.arange(20_000) >= 15_000)).tolist()
    return made


def alarms(detector, series, first):
    """Return where a detector alarms; numbers are scaled by the first ones, as users have to."""
    begin = np.array(series[:first])
    mean, spread = begin.mean(), begin.std() or 1.0
    found = []
    for place, value in enumerate(series):
        detector.update((value - mean) / spread)
        if detector.drift_detected:
            found.append(place)
    return found


first = int(sys.argv[1])
known = annotated()
series = {name: numbers for name, (numbers, _) in known.items()} | synthetic(int(sys.argv[2]))
answer = {
    name: {
        "series": numbers if name in known else None,
        "annotations": list(known[name][1].values()) if name in known else None,
        "ADWIN": alarms(drift.ADWIN(), numbers, first),
        "Page-Hinkley": alarms(drift.PageHinkley(), numbers, first),
    }
    for name, numbers in series.items()
}
print(json.dumps(answer))
