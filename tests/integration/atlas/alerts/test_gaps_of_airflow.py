"""What the rules take for the longest time between two runs, held to Airflow's own timetable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import warnings
warnings.filterwarnings("ignore")
import pendulum
from airflow.timetables.interval import CronDataIntervalTimetable
from atlas.validate.gaps import gaps_of

CRONS = (
    "0 * * * *", "*/20 * * * *", "0 */6 * * *", "0 6 * * *", "30 2 * * *", "0 2 * * 0",
    "0 9-17 * * 1-5", "0 0,12 * * *", "15 1,2,3 * * *", "*/30 0-5 * * *", "0 0 1 * *", "30 1-23 * * *",
)
for zone in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
    for cron in CRONS:
        timetable = CronDataIntervalTimetable(cron, timezone=pendulum.timezone(zone))
        gaps = gaps_of({"cron": cron, "timezone": zone})
        # The weeks in which the clocks of these zones change.
        for first, last in (((3, 1), (4, 12)), ((9, 27), (11, 8))):
            tick = timetable._get_next(pendulum.datetime(2026, *first))
            while tick < pendulum.datetime(2026, *last):
                following, unix = timetable._get_next(tick), tick.timestamp()
                allowed = gaps.usual + sum(
                    gap.more for gap in gaps.longer if unix % gap.period == gap.second
                )
                assert (following - tick).total_seconds() <= allowed, (zone, cron, tick, following)
                tick = following
print("compared", len(CRONS))
"""


def test_no_gap_of_airflows_is_longer_also_where_clocks_change(tmp_path: Path):
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "compared 12\n", done.stderr
