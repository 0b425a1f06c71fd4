"""Writes rows, is killed before each statement in turn, and tries again: a child of its tests.

Prints how often it was killed, and the rows that were there after each second try, once each.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import pandas as pd
from sqlalchemy import event
from sqlalchemy.engine import Engine

from atlas.plan import PlanData
from atlas.step.opening import open_data
from tests.databases import run_on

DAY, NEXT = "2024-01-02T00:00:00+00:00", "2024-01-03T00:00:00+00:00"
TIMES = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-02T12"], format="ISO8601")
OLD = pd.DataFrame({"id": [1, 2, 3], "time": TIMES, "price": [1.0, 2.0, 3.0]})
NEW = pd.DataFrame({"id": [3, 4], "time": TIMES[1:3], "price": [30.0, 40.0]})


def write(url: str, rows: pd.DataFrame, run: str, declared: dict[str, Any]) -> None:
    data = PlanData(
        type="table", uri="sql:db", credential="db", table="sales", time="time", **declared
    )
    open_data(data, "sales", "load", DAY, "", end=NEXT, run=run, secret=url).write(rows)


def rows_of(url: str) -> list[Any]:
    return [
        [int(number), float(price)]
        for number, price in run_on(url, "SELECT id, price FROM sales ORDER BY id, price")
    ]


def forked(work: Any) -> int:
    """Do something in a process of its own; return how that ended."""
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(process, 0)[1]


def killed_at(number: int, url: str, declared: dict[str, Any]) -> None:
    count = 0

    def look(*_: Any, **__: Any) -> None:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, name, look)
    write(url, NEW, "r1", declared)


def main(url: str, is_new: bool, declared: dict[str, Any]) -> None:
    found: list[Any] = []
    for mode in ({}, {"mode": "append"}):  # Imports what the processes below need.
        write(url, OLD, "r0", mode)
    for number in range(1, 1000):
        for table in ("sales", "atlas_appends"):
            run_on(url, f"DROP TABLE IF EXISTS {table}")
        if not is_new:
            assert forked(lambda: write(url, OLD, "r0", {})) == 0
        ended = forked(lambda number=number: killed_at(number, url, declared))
        assert ended in (0, signal.SIGKILL), ended
        assert forked(lambda: write(url, NEW, "r1", declared)) == 0
        if (there := rows_of(url)) not in found:
            found.append(there)
        if ended == 0:
            print(json.dumps({"killed": number - 1, "found": found}))
            return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "new", json.loads(sys.argv[3]))
