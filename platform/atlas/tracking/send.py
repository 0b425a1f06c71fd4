"""Sending runs and model versions to an MLflow server, over its REST API alone; each of them once.

MLflow takes any number of runs and versions of one mark: nothing of theirs is unique. So each is
created with tags that say which run of Atlas it is, is looked for by them before it is asked for
once more, and what a network has doubled on the way is taken back.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from atlas.errors import MalformedError, PlatformError, RefusedError
from atlas.http.answers import excerpt, listed, objects, optional, pick
from atlas.http.once import create_once
from atlas.tracking.limits import batches, fitted, fitting, wire
from atlas.tracking.mlflow import number_of
from atlas.tracking.owned import NOT_OWNED, is_owned, not_owned, owner_tags
from atlas.tracking.registry import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.tracking.mlflow import MlflowTracker
    from atlas.tracking.record import RunRecord
    from atlas.tracking.registry import ModelRegistration

_OK, _CONFLICT, _BUSY = 200, 409, 503
_NOT_TAKEN = (400, 404, 405, 413, 422, 501)
"""Statuses by which a server says that it doesn't take what it is given, or has no such method."""
_THERE = "RESOURCE_ALREADY_EXISTS"
_MARK = ("atlas.run", "atlas.pipeline")
"""Tags that say which run of Atlas something is of."""
_FAMILY = "atlas.family"
_Raw = dict[str, Any]


def send(server: MlflowTracker, record: RunRecord, *, parent: str = "", again: bool = False) -> str:
    """Write a run to a server and return MLflow's id of it; it is visible once this returns.

    What is refused of it doesn't keep it from ending: it gets its status all the same.

    Args:
        server: where to.
        record: the run.
        parent: MLflow's id of the run that it is nested in, or empty.
        again: whether an earlier try may have left something of it there, to be completed.

    Raises:
        PlatformError: the server doesn't answer, or refuses.
    """
    record = fitted(record).record
    experiment = _experiment(server, record.experiment)
    existing = next(iter(_find(server, experiment, record)), None) if again else None
    info = existing or _create(server, experiment, record, parent)
    run = pick(info, "run_id", str, f"mlflow at {server.url}: the run {record.name}")
    try:
        _log(server, run, record)
        _log_inputs(server, run, record)
        upload(server, optional(info, "artifact_uri", "", server.url), record.artifacts)
    except RefusedError:
        with suppress(PlatformError):
            _end(server, run, record)
        raise
    _delete_others(server, experiment, record, run)
    _end(server, run, record)
    return run


def register(server: MlflowTracker, registration: ModelRegistration, source: str) -> str:
    """Add a version to a server and return its number; the same run's version is not added twice.

    Args:
        server: where to.
        registration: the version.
        source: id of the MLflow run that it comes from, or empty.

    Raises:
        PlatformError: the server doesn't answer, or refuses; or others have made the model (D019).
    """
    model = registration.model
    _make_model(server, registration)

    def find() -> str | None:
        return next((str(raw["version"]) for raw in _versions(server, registration)), None)

    def create() -> str:
        return _create_version(server, registration, source)

    number = find() or create_once(find, create)
    parts = registration.all_tags()[PARTS]
    same_parts = [
        raw for raw in _versions(server, registration) if _tags(raw, model).get(PARTS) == parts
    ]
    first, *others = [str(raw["version"]) for raw in same_parts] or [number]
    for other in others:
        payload = {"name": model, "version": other}
        server.call("DELETE", "model-versions/delete", payload, ("RESOURCE_DOES_NOT_EXIST",))
    return first


def _make_model(server: MlflowTracker, registration: ModelRegistration) -> None:
    """Make the registered model, unless Atlas has made it before, here or in a deployment.

    Raises:
        RefusedError: D019, others have made it.
    """
    name = registration.model
    tags = owner_tags(registration.all_tags().get("atlas.pipeline", ""))
    made = server.call("POST", "registered-models/create", {"name": name, "tags": tags}, (_THERE,))
    if made is not None or registration.is_deployed:
        return
    where = f"mlflow at {server.url}: registered-models/get"
    answer = server.call("GET", "registered-models/get", {"name": name}) or {}
    if not is_owned(pick(answer, "registered_model", dict, where), where):
        raise RefusedError(not_owned(name, server.url), _CONFLICT, code=NOT_OWNED)


def _create_version(server: MlflowTracker, registration: ModelRegistration, source: str) -> str:
    payload = {
        "name": registration.model,
        "source": f"runs:/{source}/model" if source else f"atlas:/{registration.run}",
        "run_id": source,
        "tags": fitting(registration.all_tags()),
    }
    answer = server.call("POST", "model-versions/create", payload, (_THERE,))
    where = f"mlflow at {server.url}: model-versions/create"
    if answer is None:  # Others register versions of this model, and MLflow numbers them by itself.
        raise RefusedError(f"{where}: the next number of {registration.model} is taken", _BUSY)
    return number_of(answer, where, "model_version.version")


def _versions(server: MlflowTracker, registration: ModelRegistration) -> list[_Raw]:
    """Return the versions that a run has, that with an alias first, then the lowest."""
    tags = registration.all_tags()
    condition = f"name='{registration.model}' and tags.`atlas.run` = '{registration.run}'"
    where = f"mlflow at {server.url}: model-versions/search"
    same = {name: tags[name] for name in _MARK if name in tags}
    raws = [
        raw for raw in server.model_versions(condition) if same.items() <= _tags(raw, where).items()
    ]
    return sorted(raws, key=lambda raw: (not raw.get("aliases"), int(number_of(raw, where))))


def _tags(raw: Mapping[str, Any], where: str) -> dict[str, str]:
    raw_tags = objects(raw, "tags", where, "key") if raw.get("tags") else []
    return {tag["key"]: str(tag.get("value", "")) for tag in raw_tags}


def _experiment(server: MlflowTracker, name: str) -> str:
    """Return the id of an experiment, made when it is missing."""
    query = {"experiment_name": name}
    missing = ("RESOURCE_DOES_NOT_EXIST",)
    answer = server.call("GET", "experiments/get-by-name", query, missing)
    if answer is None:
        made = server.call("POST", "experiments/create", {"name": name}, (_THERE,))
        if made:
            return pick(made, "experiment_id", str, f"mlflow at {server.url}: experiments/create")
        answer = server.call("GET", "experiments/get-by-name", query) or {}
    where = f"mlflow at {server.url}: experiments/get-by-name"
    return pick(answer, "experiment.experiment_id", str, where)


def _find(server: MlflowTracker, experiment: str, record: RunRecord) -> list[_Raw]:
    """Return what MLflow has of a run, in an order that stays.

    A run of the same id that started at another time is another one: it was replaced by this one.
    """
    conditions = [f"tags.`{name}` = '{record.tags[name]}'" for name in _MARK]
    if _FAMILY not in record.tags:
        conditions.append(f"attributes.start_time = {record.started}")
    payload = {"experiment_ids": [experiment], "filter": " and ".join(conditions)}
    answer = server.call("POST", "runs/search", payload) or {}
    where = f"mlflow at {server.url}: runs/search"
    infos = [pick(run, "info", dict, where) for run in listed(answer, "runs", where)]
    return sorted(infos, key=lambda info: pick(info, "run_id", str, where))


def _create(server: MlflowTracker, experiment: str, record: RunRecord, parent: str) -> _Raw:
    tags = {**record.tags, **({"mlflow.parentRunId": parent} if parent else {})}
    payload = {
        "experiment_id": experiment,
        "run_name": record.name,
        "start_time": record.started,
        "tags": _pairs(tags),
    }

    def find() -> _Raw | None:
        return next(iter(_find(server, experiment, record)), None)

    def create() -> _Raw:
        answer = server.call("POST", "runs/create", payload) or {}
        where = f"mlflow at {server.url}: runs/create"
        pick(answer, "run.info.run_id", str, where)
        return pick(answer, "run.info", dict, where)

    return create_once(find, create)


def _delete_others(server: MlflowTracker, experiment: str, record: RunRecord, run: str) -> None:
    """Take back what a network has made of one request that arrived twice."""
    for info in _find(server, experiment, record):
        if info["run_id"] != run:
            server.call("POST", "runs/delete", {"run_id": info["run_id"]})


def _end(server: MlflowTracker, run: str, record: RunRecord) -> None:
    ended = {"run_id": run, "status": record.status, "end_time": record.ended}
    server.call("POST", "runs/update", ended)


def _log(server: MlflowTracker, run: str, record: RunRecord) -> None:
    """Log params and metrics, in batches of the size that MLflow takes."""
    for batch in batches(_pairs(record.params)):
        server.call("POST", "runs/log-batch", {"run_id": run, "params": batch})
    metrics = (
        {"key": key, "value": wire(value), "timestamp": at, "step": 0}
        for key, (value, at) in record.metrics.items()
    )
    for batch in batches(metrics):
        server.call("POST", "runs/log-batch", {"run_id": run, "metrics": batch})


def _log_inputs(server: MlflowTracker, run: str, record: RunRecord) -> None:
    """Log the data sets that a run has read; one that is there stays as it is.

    They are beside the run, so one that a server doesn't take, as an older one doesn't, is no
    error of it.
    """
    for batch in batches(dict(one) for one in record.inputs):
        try:
            server.call("POST", "runs/log-inputs", {"run_id": run, "datasets": batch})
        except MalformedError:
            return
        except RefusedError as error:
            if error.status not in _NOT_TAKEN:
                raise


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def upload(server: MlflowTracker, root: str, artifacts: Mapping[str, bytes]) -> None:
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
