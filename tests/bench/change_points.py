"""Run length and delay of detectors on series with known changes: never F1, which rewards noise."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench import peers
from tests.bench.table import Row, shown

FIRST, BATCH = 40, 10
"""Observations that make a reference of short series, and a batch."""
LONG_FIRST, LONG_BATCH = 5000, 100
NEAR = 10
SEEDS = 5
DETECTORS = ("Atlas", "ADWIN", "Page-Hinkley")


@dataclass
class Tally:
    """What a detector did.

    Attributes:
        watched: observations.
        false: alarms without a change since the one before.
        changes: changes that there were.
        delays: of those that were seen, observations until the alarm.
    """

    watched: int = 0
    false: int = 0
    changes: int = 0
    delays: list[int] | None = None

    def add(self, length: int, changes: list[int], alarms: list[int]) -> None:
        """Count a series."""
        self.watched += length
        self.changes += len(changes)
        self.delays = self.delays or []
        for begin, end in zip([0, *changes], [*changes, length], strict=True):
            within = [alarm for alarm in alarms if begin <= alarm < end]
            if begin in changes and within:
                self.delays.append(within[0] - begin)
                within = within[1:]
            self.false += len(within)


def change_points() -> list[Row]:
    """Return the table; one line where river can't be installed."""
    child = Path(__file__).with_name("river_child.py")
    try:
        python = peers.python("river")
    except peers.MissingPeerError as error:
        print(f"change points beside river: left out, {error}")
        return []
    done = subprocess.run(
        [python, child, str(FIRST), str(SEEDS)], capture_output=True, text=True, check=True
    )
    answer = json.loads(done.stdout)
    return [*_annotated(answer), *_long(answer)]


def _annotated(answer: dict) -> list[Row]:
    tallies = {name: Tally() for name in DETECTORS}
    for found in answer.values():
        if found["series"] is None:
            continue
        changes, length = agreed(found["annotations"]), len(found["series"])
        found["Atlas"] = alarms(found["series"], FIRST, BATCH)
        for name, tally in tallies.items():
            tally.add(length, changes, found[name])
    return _rows("7 annotated series", tallies)


def _long(answer: dict) -> list[Row]:
    import numpy

    tallies = {name: Tally() for name in DETECTORS}
    for seed in range(SEEDS):
        quiet = numpy.random.default_rng(seed).standard_normal(20_000)
        shifted = quiet + 0.5 * (numpy.arange(20_000) >= 15_000)
        for name, series, changes in (("quiet", quiet, []), ("shift", shifted, [15_000])):
            found = answer[f"{name} {seed}"]
            found["Atlas"] = alarms(series.tolist(), LONG_FIRST, LONG_BATCH)
            for detector, tally in tallies.items():
                tally.add(20_000, changes, found[detector])
    return _rows(f"{2 * SEEDS} normal streams", tallies)


def _rows(what: str, tallies: dict[str, Tally]) -> list[Row]:
    rows = []
    for name, tally in tallies.items():
        delays = tally.delays or []
        rows += [
            shown(f"{what}: {name}, false alarms", tally.false, f"of {tally.watched} rows"),
            shown(f"  {name}, changes seen", len(delays), f"of {tally.changes}"),
            shown(f"  {name}, mean delay", sum(delays) / max(len(delays), 1), "rows"),
        ]
    return rows


def agreed(annotations: list[list[int]]) -> list[int]:
    """Return the changes that at least two people saw, within 10 observations."""
    points = sorted(point for marked in annotations for point in marked)
    groups: list[list[int]] = []
    for point in points:
        if groups and point - groups[-1][0] <= NEAR:
            groups[-1].append(point)
        else:
            groups.append([point])
    return [group[0] for group in groups if len(group) > 1]


def alarms(series: list[float], first: int, size: int) -> list[int]:
    """Return where the drift test alarms; after an alarm the next rows are a new reference."""
    from atlas.monitor.budget import Budget
    from atlas.monitor.drift import DriftRule, look
    from atlas.profiles.measure import batch

    found, begin = [], 0
    while begin + first + size <= len(series):
        beside, tolerance = _learned(series[begin : begin + first], first // size)
        rule = DriftRule(Budget(0.01), tolerance)
        last, place = [], begin + first
        while place + size <= len(series):
            last = [*last[-7:], batch({"x": series[place : place + size]}, beside)]
            place += size
            if look(beside, last, (place - begin - first) // size, rule).alarms:
                found.append(place - 1)
                break
        begin = place
    return found


def _learned(rows: list[float], blocks: int) -> tuple:
    """Return a reference, and its tolerance where it has blocks enough."""
    from atlas.monitor.tolerance import LEAST, propose
    from atlas.profiles.measure import batch, reference

    beside = reference({"x": rows})
    if blocks < LEAST:
        return beside, {}
    size = len(rows) // blocks
    parts = [batch({"x": rows[at : at + size]}, beside) for at in range(0, len(rows), size)]
    return beside, propose(beside, parts).distributions
