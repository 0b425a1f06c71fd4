"""Removing DAGs from a running Airflow, so that it can't find or write them again meanwhile."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from atlas.errors import DeployError
from atlas.waiting import wait_until, wait_while

if TYPE_CHECKING:
    from atlas.targets.airflow.api import AirflowApi
    from atlas.targets.airflow.dag_bundle import DagBundle

_DRAIN_SECONDS = 60.0
_NOTICE_SECONDS = 60.0
_READ_SECONDS = 10.0
"""What the dag-processor may take from opening a file to writing its row, at the most."""
_POLL_SECONDS = 1.0
_FORGETTING = threading.Lock()
"""One at a time: over SQLite, Airflow's deletions of DAGs wait for each other until one gives up.

A deployment's resources are deleted at once, and a monitor makes them three.
"""


def drain(airflow: AirflowApi, names: list[str]) -> None:
    """Wait until no run of some DAGs is under way; one of a paused DAG that only waits isn't.

    Raises:
        DeployError: they don't end.
    """
    paused = {name for name, dag in airflow.dags(names).items() if dag.paused}
    active = wait_while(lambda: airflow.active_runs(names, paused), _DRAIN_SECONDS, _POLL_SECONDS)
    if active:
        runs = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in active.items())
        raise DeployError(
            f"runs are still under way after {_DRAIN_SECONDS:.0f} s ({runs}); wait for them, "
            "or mark them as failed in Airflow, and repeat"
        )


def remove(airflow: AirflowApi, bundle: DagBundle, names: list[str]) -> None:
    """Remove the files of DAGs without runs under way, then Airflow's records of them.

    Raises:
        DeployError: Airflow keeps records of one.
    """
    recorded = airflow.kept(names)
    bundle.change(dict.fromkeys(names))
    _await_recorded(airflow, [name for name in names if name not in recorded])
    left = [*names]

    def forget() -> list[str]:
        left[:] = _forget(airflow, left, _NOTICE_SECONDS + bundle.lag)
        return left

    if names and wait_while(forget, _DRAIN_SECONDS, 0.0):
        raise DeployError(
            f"Airflow still has records of {', '.join(left)}, whose files are removed; see whether "
            "tasks of them are running, and repeat"
        )


def _forget(airflow: AirflowApi, names: list[str], seconds: float) -> list[str]:
    """Delete Airflow's records; return the DAGs that the dag-processor has recorded again since."""
    _await_noticed(airflow, names, seconds)
    for name in names:
        with _FORGETTING:
            airflow.forget(name)
    time.sleep(_POLL_SECONDS)
    return sorted(airflow.kept(names))


def _await_recorded(airflow: AirflowApi, names: list[str]) -> None:
    """Wait for DAGs that Airflow may be reading yet, as long as reading a file may take."""
    if names:
        wait_until(lambda: len(airflow.kept(names)) == len(names), _READ_SECONDS, _POLL_SECONDS)


def _await_noticed(airflow: AirflowApi, names: list[str], seconds: float) -> None:
    """Wait until Airflow has noticed that files are removed, as long as that can take.

    The dag-processor reads the rows of such DAGs, marks them as stale and writes them back. A row
    that is deleted in between ends it (StaleDataError); one that is stale isn't written again.
    Where nothing notices, there is no dag-processor that could be ended.
    """
    wait_while(lambda: airflow.dags(names), seconds, _POLL_SECONDS)
