"""MLflow's REST API, without the package: models, versions and aliases."""

from __future__ import annotations

import json
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from atlas.dataclass import dataclass
from atlas.errors import MalformedError, RefusedError, clean
from atlas.http.answers import objects, optional, pages, pick
from atlas.http.credentials import mlflow_authorization
from atlas.http.service import Service
from atlas.tracking.registry import RegisteredVersion, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atlas.tracking.record import RunRecord
    from atlas.tracking.registry import ModelRegistration

_MISSING, _INVALID = "RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"
_OK = 200
_CREATIONS = ("runs/create", "model-versions/create")
"""Methods that make something new each time; all the others do the same however often."""
_LONGEST_NUMBER = 18
_WITHOUT_EXPERIMENT = (400, 403, 404, 501)
"""Statuses of a server that shows no experiment 0."""
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class MlflowTracker:
    """An MLflow server.

    Attributes:
        url: such as ``http://127.0.0.1:5000``.
        credentials: path of the private file with its user and password; by default the one that
            ATLAS_MLFLOW_CREDENTIALS names.
    """

    url: str
    credentials: str = ""
    kind: ClassVar[str] = "mlflow"

    @cached_property
    def identity(self) -> str:
        """What tells the server from others, by whatever URL it is reached."""
        path = "experiments/get"
        try:
            answer = self.call("GET", path, {"experiment_id": "0"}, (_MISSING, _INVALID))
        except RefusedError as error:
            if error.status not in _WITHOUT_EXPERIMENT:
                raise
            answer = None
        where = f"mlflow at {self.url}: {path}"
        experiment = pick(answer, "experiment", dict, where) if answer else {}
        created = optional(experiment, "creation_time", 0, where)
        return identity_of(self.kind, created or None, self.url)

    @property
    def service(self) -> Service:
        """The server, with who asks it."""
        return Service("mlflow", self.url, partial(mlflow_authorization, self.credentials))

    def call(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        accepted: tuple[str, ...] = (),
    ) -> dict[str, Any] | None:
        """Call one method of the API.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: what follows ``/api/2.0/mlflow/``.
            payload: the arguments.
            accepted: error codes that are an answer too: None.

        Raises:
            RefusedError: an error that isn't accepted.
            UnreachableError: no answer.
            MalformedError: an answer that isn't MLflow's.
        """
        service, where, body = self.service, f"api/2.0/mlflow/{path}", None
        if method == "GET" and payload:
            where = f"{where}?{urlencode(payload)}"
        elif payload is not None:
            body = json.dumps(payload).encode()
        sent = service.send(method, where, body, _JSON, repeatable=path not in _CREATIONS)
        answer = sent.json()
        if sent.status == _OK:
            return answer
        if answer.get("error_code") in accepted:
            return None
        message = clean(str(answer.get("message") or answer), 300)
        text = f"mlflow at {service.url}: {path}: status {sent.status}: {message}"
        raise RefusedError(text, sent.status)

    def send(self, record: RunRecord, *, parent: str = "", again: bool = False) -> str:
        """Write a run and return MLflow's id of it; it is visible once this returns.

        Args:
            record: the run.
            parent: MLflow's id of the run that it is nested in, or empty.
            again: whether an earlier try may have left something of it there, to be completed.
        """
        from atlas.tracking.send import send

        return send(self, record, parent=parent, again=again)

    def register(self, registration: ModelRegistration, source: str = "") -> str:
        """Add a version and return its number; the same run's version is not added twice.

        Args:
            registration: the version.
            source: id of the MLflow run that it comes from.
        """
        from atlas.tracking.send import register

        return register(self, registration, source)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        payload = {"name": model, "alias": alias, "version": version}
        self.call("POST", "registered-models/alias", payload)

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias; a missing one is fine."""
        payload = {"name": model, "alias": alias}
        self.call("DELETE", "registered-models/alias", payload, (_MISSING, _INVALID))

    def tag(self, model: str, name: str) -> str:
        """Return a tag of a registered model; empty for none."""
        path = "registered-models/get"
        answer = self.call("GET", path, {"name": model}, (_MISSING,))
        if answer is None:
            return ""
        where = f"mlflow at {self.url}: {path}"
        registered = pick(answer, "registered_model", dict, where)
        tags = objects(registered, "tags", where, "key") if registered.get("tags") else []
        return next((str(tag.get("value", "")) for tag in tags if tag["key"] == name), "")

    def set_tag(self, model: str, name: str, value: str) -> None:
        """Set a tag of a registered model."""
        payload = {"name": model, "key": name, "value": value}
        self.call("POST", "registered-models/set-tag", payload)

    def find(self, model: str, version: str) -> RegisteredVersion | None:
        """Return the version of a number or an alias, or None."""
        if version.isdigit():
            path, query = "model-versions/get", {"name": model, "version": version}
        else:
            path, query = "registered-models/alias", {"name": model, "alias": version}
        answer = self.call("GET", path, query, (_MISSING, _INVALID))
        where = f"mlflow at {self.url}: {path}"
        if answer is None:
            return None
        registered = _version(pick(answer, "model_version", dict, where), where)
        if registered.model != model or (version.isdigit() and registered.version != version):
            what = f"{clean(registered.model, 80)}, version {registered.version}"
            raise MalformedError(f"{where}: found {what}; expected {model}, version {version}")
        return registered

    def models(self) -> list[str]:
        """Return the names of all registered models."""
        return [str(raw["name"]) for raw in self.registered_models({})]

    def registered_models(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Return registered models as MLflow has them, page by page.

        Args:
            query: which ones; empty for all.
        """
        path = "registered-models/search"

        def fetch(more: Mapping[str, Any]) -> dict[str, Any] | None:
            return self.call("GET", path, {"max_results": 1000, **query, **more})

        where = f"mlflow at {self.url}: {path}"
        yield from pages(fetch, "registered_models", where, "name")

    def versions(self, model: str) -> list[RegisteredVersion]:
        """Return a model's versions, the newest first."""
        raws = self.model_versions(f"name='{model}'")
        return [_version(raw, f"mlflow at {self.url}") for raw in raws]

    def model_versions(self, condition: str) -> Iterator[dict[str, Any]]:
        """Return model versions as MLflow has them, the newest first, page by page.

        Args:
            condition: which ones, as MLflow's filters say it.
        """
        path = "model-versions/search"
        query = {"filter": condition, "max_results": 1000, "order_by": "version_number DESC"}

        def fetch(more: Mapping[str, Any]) -> dict[str, Any] | None:
            return self.call("GET", path, {**query, **more})

        yield from pages(
            fetch, "model_versions", f"mlflow at {self.url}: {path}", "name", "version"
        )


def _version(raw: Mapping[str, Any], where: str) -> RegisteredVersion:
    """Return a version from the API's JSON.

    Raises:
        MalformedError: it is none.
    """
    raw_tags = objects(raw, "tags", where, "key") if raw.get("tags") else []
    tags = {tag["key"]: str(tag.get("value", "")) for tag in raw_tags}
    return RegisteredVersion(pick(raw, "name", str, where), number_of(raw, where), tags)


def number_of(raw: Any, where: str, path: str = "version") -> str:
    """Return the number of a version, as text, from the API's JSON.

    Args:
        raw: the JSON.
        where: what was asked, for the message.
        path: where it stands in it.

    Raises:
        MalformedError: it is none.
    """
    text = pick(raw, path, str, where)
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise MalformedError(f"{where}: {path}: found {text[:80]!r}; expected a number")
    return text
