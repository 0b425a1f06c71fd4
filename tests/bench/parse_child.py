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


def main(folder: str, count: str) -> None:
    """Parse so many files of a folder, as the processor does: import, check, serialize."""
    files = sorted(Path(folder).glob("*.py"))[: int(count)]
    parse(files[0])
    gc.collect()
    gc.freeze()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = [parse(file) for file in files]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {"seconds": statistics.median(took), "base": before, "peak": after, "files": len(files)}
        )
    )


def parse(file: Path) -> float:
    """Return the processor's seconds that one file takes, which must have no error.

    Airflow forks a process for each, from one and the same state: what earlier files left to the
    garbage collector is no file's own.
    """
    gc.collect()
    start = time.process_time()
    bag = DagBag(file)
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
    assert not bag.import_errors, bag.import_errors
    return time.process_time() - start


main(*sys.argv[1:])
