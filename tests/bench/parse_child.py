"""Runs in a process of its own: parse DAG files one by one, and tell the time and the memory."""

from __future__ import annotations

import gc
import json
import resource
import statistics
import sys
import time
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

_ROUNDS = 12


def main(count: str, *folders: str) -> None:
    """Parse so many files of each folder, as the processor does: import, check, serialize.

    Files of several folders are parsed in turn, round after round, so that whatever else the
    machine does meets them all.
    """
    files = [sorted(Path(folder).glob("*.py"))[: int(count)] for folder in folders]
    for one in files:
        parse(one[0])
    gc.collect()
    gc.freeze()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parsing, rounds = (fresh, _ROUNDS) if len(folders) > 1 else (parse, 1)
    turns = [
        [parsing(file) for file in turn] for _ in range(rounds) for turn in zip(*files, strict=True)
    ]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = [statistics.median(column) for column in zip(*turns, strict=True)]
    print(json.dumps({"seconds": seconds, "base": before, "peak": after}))


def fresh(file: Path) -> float:
    """Parse a file that pays for no other's garbage: Airflow forks a process for each."""
    gc.collect()
    return parse(file)


def parse(file: Path) -> float:
    """Return the processor's seconds that one file takes, which must have no error."""
    start = time.process_time()
    bag = DagBag(file)
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
    assert not bag.import_errors, bag.import_errors
    return time.process_time() - start


main(*sys.argv[1:])
