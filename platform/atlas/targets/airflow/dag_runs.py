"""A running Airflow's DAG runs, over its REST API: triggered, looked at, ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.dataclass import dataclass
from atlas.http.answers import optional, pick
from atlas.targets.airflow.api import AirflowApi

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_FOUND = 404
REFUSED = (400, 404, 409, 422)
"""Statuses by which Airflow refuses a new run: wrong, no such DAG, there already, wrong."""
NO_INTERVAL = ("", "")
_OF_INTERVALS = ("scheduled", "backfill")
"""Types of runs whose logical date is the start of their interval."""


@dataclass(slots=True)
class AirflowRunsApi(AirflowApi):
    """An Airflow API server, and the runs of its DAGs."""

    def trigger(
        self, dag: str, run: str, conf: Mapping[str, Any], interval: tuple[str, str] = NO_INTERVAL
    ) -> tuple[int, dict[str, Any]]:
        """Start a run; return the status, and the run or what Airflow says against it.

        Args:
            dag: the DAG.
            run: the run's id.
            conf: values of the DAG's params.
            interval: its data interval, ISO 8601 with a zone; empty for none.
        """
        body: dict[str, Any] = {"dag_run_id": run, "logical_date": None, "conf": dict(conf)}
        if interval[0]:
            # One interval may run more than once, and Airflow wants a moment that no other run has.
            body["logical_date"] = datetime.now(UTC).isoformat()
            body["data_interval_start"], body["data_interval_end"] = interval
        path = f"dags/{quote(dag)}/dagRuns"
        status, answer = self._call("POST", path, REFUSED, body)
        if status not in REFUSED:
            pick(answer, "dag_run_id", str, f"airflow at {self.url}: {path}")
        return status, answer

    def dag_run(self, dag: str, run: str) -> dict[str, Any] | None:
        """Return a run; None when Airflow has none of that id."""
        status, answer = self._call("GET", self._path(dag, run), (_NOT_FOUND,))
        if status == _NOT_FOUND:
            return None
        for text in ("dag_run_id", "state"):
            pick(answer, text, str, f"airflow at {self.url}: dagRuns/{run}")
        return answer

    def run_of_interval(self, dag: str, start: str) -> str:
        """Return the id of the run that Airflow's own schedule or back-fill made of an interval.

        Args:
            dag: the DAG.
            start: start of the interval, ISO 8601 with a zone.

        Returns:
            Empty when there is none.
        """
        query = {"logical_date_gte": start, "logical_date_lte": start}
        path = f"dags/{quote(dag)}/dagRuns"
        raws = self._pages(path, "dag_runs", query, "dag_run_id", "run_type")
        return next((raw["dag_run_id"] for raw in raws if raw["run_type"] in _OF_INTERVALS), "")

    def task_instances(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Return the tasks of a run, each key of a mapped one by itself; new ones have no state."""
        path = f"{self._path(dag, run)}/taskInstances"
        where = f"airflow at {self.url}: {path}"
        instances = [*self._pages(path, "task_instances", {}, "task_id")]
        for instance in instances:
            for number in ("map_index", "try_number"):
                pick(instance, number, int, where)
            instance["state"] = optional(instance, "state", "", where)
        return instances

    def log(self, dag: str, run: str, task: str, attempt: int, index: int) -> list[dict[str, Any]]:
        """Return the entries of a task's log; none where there is no log."""
        path = f"{self._path(dag, run)}/taskInstances/{quote(task)}/logs/{attempt}"
        query = f"map_index={index}&full_content=true"
        status, answer = self._call("GET", f"{path}?{query}", (_NOT_FOUND,))
        content = [] if status == _NOT_FOUND else answer.get("content")
        if not isinstance(content, list):
            return []
        return [entry if isinstance(entry, dict) else {"event": str(entry)} for entry in content]

    def fail(self, dag: str, run: str) -> None:
        """End a run: what runs of it is ended, what waits is skipped; a teardown still runs."""
        self._call("PATCH", self._path(dag, run), (_NOT_FOUND,), {"state": "failed"})

    def scheduler(self) -> tuple[str, str]:
        """Return the scheduler's status, and when it last beat (ISO 8601); empty where unknown."""
        where = f"airflow at {self.url}: monitor/health"
        answer = self._call("GET", "monitor/health")[1]
        names = ("status", "latest_scheduler_heartbeat")
        status, beat = (optional(answer, f"scheduler.{name}", "", where) for name in names)
        return status, beat

    def _path(self, dag: str, run: str) -> str:
        return f"dags/{quote(dag)}/dagRuns/{quote(run, safe='')}"
