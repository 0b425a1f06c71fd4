"""MLflow's REST API, without the package: models, versions and aliases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlas.errors import PlatformError
from atlas.tracking.http import ask
from atlas.tracking.record import Record, family_record
from atlas.tracking.registry import Registration, Version

if TYPE_CHECKING:
    from collections.abc import Mapping

_families: dict[tuple[str, str, str], str] = {}
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_THERE = "RESOURCE_ALREADY_EXISTS"
_OK = 200


@dataclass(frozen=True)
class Mlflow:
    """An MLflow server.

    Attributes:
        url: such as ``http://127.0.0.1:5000``.
    """

    url: str

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
            PlatformError: no answer, or an error that isn't accepted.
        """
        url = f"{self.url.rstrip('/')}/api/2.0/mlflow/{path}"
        status, answer = ask(method, url, payload)
        if status == _OK:
            return answer
        if answer.get("error_code") in accepted:
            return None
        message = str(answer.get("message") or answer)[:300]
        raise PlatformError(f"mlflow at {self.url}: {path}: status {status}: {message}")

    def send(self, record: Record, *, parent: str = "", again: bool = False) -> str:
        """Write a run and return MLflow's id of it; it is visible once this returns.

        Args:
            record: the run.
            parent: name of the family's run that it is nested in, or empty; made when missing.
            again: whether an earlier try may have left something of it there, to be completed.
        """
        from atlas.tracking.send import send

        outer = self._family(record, parent) if parent else ""
        return send(self, record, parent=outer, again=again)

    def _family(self, record: Record, name: str) -> str:
        """Return MLflow's id of a family's run."""
        from atlas.tracking.send import send

        key = (self.url, record.experiment, name)
        if key not in _families:
            _families[key] = send(self, family_record(record, name), again=True)
        return _families[key]

    def register(self, registration: Registration, source: str = "") -> str:
        """Add a version and return its number; the same run's version is not added twice.

        Args:
            registration: the version.
            source: id of the MLflow run that it comes from.
        """
        model = registration.model
        self.call("POST", "registered-models/create", {"name": model}, (_THERE,))
        there = self._of_run(model, registration.run)
        if there:
            return there
        payload = {
            "name": model,
            "source": f"runs:/{source}/model" if source else f"atlas:/{registration.run}",
            "run_id": source,
            "tags": [{"key": k, "value": v} for k, v in registration.all_tags().items()],
        }
        answer = self.call("POST", "model-versions/create", payload) or {}
        return str(answer["model_version"]["version"])

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        payload = {"name": model, "alias": alias, "version": version}
        self.call("POST", "registered-models/alias", payload)

    def find(self, model: str, version: str) -> Version | None:
        """Return the version of a number or an alias, or None."""
        if version.isdigit():
            path, query = "model-versions/get", {"name": model, "version": version}
        else:
            path, query = "registered-models/alias", {"name": model, "alias": version}
        answer = self.call("GET", path, query, (_MISSING, "INVALID_PARAMETER_VALUE"))
        return _version(answer["model_version"]) if answer else None

    def models(self) -> list[str]:
        """Return the names of all registered models."""
        found: list[str] = []
        query: dict[str, Any] = {"max_results": 1000}
        while True:
            answer = self.call("GET", "registered-models/search", query) or {}
            found += [one["name"] for one in answer.get("registered_models", ())]
            if not answer.get("next_page_token"):
                return found
            query["page_token"] = answer["next_page_token"]

    def versions(self, model: str) -> list[Version]:
        """Return a model's versions, the newest first."""
        query = {"filter": f"name='{model}'", "max_results": 1000}
        query["order_by"] = "version_number DESC"
        answer = self.call("GET", "model-versions/search", query) or {}
        return [_version(one) for one in answer.get("model_versions", ())]

    def _of_run(self, model: str, run: str) -> str:
        """Return the number of the version that a training run has already got, or nothing."""
        ours = (one for one in self.versions(model) if one.tags.get("atlas.run") == run)
        return next((one.version for one in ours), "")


def _version(raw: Mapping[str, Any]) -> Version:
    tags = {tag["key"]: tag.get("value", "") for tag in raw.get("tags", ())}
    return Version(raw["name"], str(raw["version"]), tags)
