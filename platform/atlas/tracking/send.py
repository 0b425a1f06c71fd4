"""Sending a run's record to an MLflow server, over its REST API alone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.errors import RefusedError
from atlas.http.answers import excerpt, listed, pick

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from atlas.tracking.mlflow import Mlflow
    from atlas.tracking.record import Record

_BATCH = 100
_VALUE = 6000
_TAG = 5000
_OK = 200


def send(server: Mlflow, record: Record, *, parent: str = "", again: bool = False) -> str:
    """Write a run to a server and return MLflow's id of it; it is visible once this returns.

    Args:
        server: where to.
        record: the run.
        parent: MLflow's id of the run that it is nested in, or empty.
        again: whether an earlier try may have left something of it there, to be completed.

    Raises:
        PlatformError: the server doesn't answer, or refuses.
    """
    experiment = _experiment(server, record.experiment)
    found = _find(server, experiment, record) if again else None
    info = found or _create(server, experiment, record, parent)
    run = pick(info, "run_id", str, f"mlflow at {server.url}: the run {record.name}")
    _log(server, run, record)
    _upload(server, str(info.get("artifact_uri", "")), record.artifacts)
    ended = {"run_id": run, "status": record.status, "end_time": record.ended}
    server.call("POST", "runs/update", ended)
    return run


def _experiment(server: Mlflow, name: str) -> str:
    """Return the id of an experiment, made when it is missing."""
    query = {"experiment_name": name}
    missing = ("RESOURCE_DOES_NOT_EXIST",)
    answer = server.call("GET", "experiments/get-by-name", query, missing)
    if answer is None:
        there = ("RESOURCE_ALREADY_EXISTS",)
        made = server.call("POST", "experiments/create", {"name": name}, there)
        if made:
            return pick(made, "experiment_id", str, f"mlflow at {server.url}: experiments/create")
        answer = server.call("GET", "experiments/get-by-name", query) or {}
    where = f"mlflow at {server.url}: experiments/get-by-name"
    return pick(answer, "experiment.experiment_id", str, where)


def _find(server: Mlflow, experiment: str, record: Record) -> Mapping[str, Any] | None:
    """Return what an earlier try has made of the run."""
    name, pipeline = record.tags["atlas.run"], record.tags["atlas.pipeline"]
    payload = {
        "experiment_ids": [experiment],
        "filter": f"tags.`atlas.run` = '{name}' and tags.`atlas.pipeline` = '{pipeline}'",
        "max_results": 1,
    }
    answer = server.call("POST", "runs/search", payload) or {}
    where = f"mlflow at {server.url}: runs/search"
    found = [pick(run, "info", dict, where) for run in listed(answer, "runs", where)]
    return found[0] if found else None


def _create(server: Mlflow, experiment: str, record: Record, parent: str) -> Mapping[str, Any]:
    tags = {**record.tags, **({"mlflow.parentRunId": parent} if parent else {})}
    payload = {
        "experiment_id": experiment,
        "run_name": record.name,
        "start_time": record.started,
        "tags": _pairs(tags, _TAG),
    }
    answer = server.call("POST", "runs/create", payload) or {}
    return pick(answer, "run.info", dict, f"mlflow at {server.url}: runs/create")


def _log(server: Mlflow, run: str, record: Record) -> None:
    """Log params and metrics, in batches of the size that MLflow takes."""
    params = _batches(_pairs(record.params, _VALUE))
    metrics = _batches(
        {"key": key, "value": value, "timestamp": at, "step": 0}
        for key, (value, at) in record.metrics.items()
    )
    for batch in params:
        server.call("POST", "runs/log-batch", {"run_id": run, "params": batch})
    for batch in metrics:
        server.call("POST", "runs/log-batch", {"run_id": run, "metrics": batch})


def _pairs(values: Mapping[str, str], longest: int) -> list[dict[str, str]]:
    return [{"key": key, "value": value[:longest]} for key, value in values.items()]


def _batches(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _upload(server: Mlflow, root: str, artifacts: Mapping[str, bytes]) -> None:
    """Give a server that keeps artifacts itself the run's files."""
    scheme, _, path = root.partition(":")
    if scheme != "mlflow-artifacts":
        return
    base = f"api/2.0/mlflow-artifacts/artifacts/{quote(path.strip('/'))}"
    service = server.service
    for name, content in artifacts.items():
        headers = {"Content-Type": "application/octet-stream"}
        answer = service.send("PUT", f"{base}/{quote(name)}", content, headers)
        if answer.status != _OK:
            text = f"status {answer.status}: {excerpt(answer.content)}"
            raise RefusedError(f"mlflow at {service.url}: {name}: {text}", answer.status)
