"""MLflow's own file, a SQLite database, written through the package: where there is no server.

The only module that imports mlflow; it takes more than a second, and only `atlas runs --sync` pays.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from atlas import files
from atlas.advice import command
from atlas.dataclass import dataclass
from atlas.errors import PlatformError, RefusedError, clean
from atlas.tracking.limits import batches, fitted, fitting
from atlas.tracking.registry import PARTS, RegisteredVersion, identity_of
from atlas.uris import uri_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.tracking.record import RunRecord
    from atlas.tracking.registry import ModelRegistration

_REFUSED = 400


@dataclass(frozen=True)
class TrackingDatabase:
    """MLflow's database in a file, with the runs' artifacts beside it.

    Attributes:
        file: the SQLite file; made when it is missing.
    """

    file: Path
    kind: ClassVar[str] = "file"

    @cached_property
    def identity(self) -> str:
        """What tells the file from others, wherever it is moved."""
        from mlflow.exceptions import MlflowException

        created = None
        with suppress(MlflowException):
            created = self.client.get_experiment("0").creation_time
        return identity_of(self.kind, created, uri_of(self.file))

    @cached_property
    def client(self) -> Any:
        """MLflow's client for the file.

        Raises:
            PlatformError: mlflow isn't installed.
        """
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            hint = f"pip install 'atlas-ml[mlflow]', or bring a server up with {command('up')}"
            raise PlatformError(f"{self.file}: can't be written: {error} ({hint})") from error
        if not self.file.exists():
            self._make(MlflowClient)
        uri = f"sqlite:///{self.file}"
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def _make(self, connect: Any) -> None:
        """Make the file under another name: its tables take seconds, and half of them break it.

        Of two that make it at once, the first one's is kept.
        """
        files.make_folder(self.file.parent)
        with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=self.file.parent) as folder:
            new = Path(folder, self.file.name)
            uri = f"sqlite:///{new}"
            connect(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
            with suppress(FileExistsError):
                self.file.hardlink_to(new)

    def send(self, record: RunRecord, *, parent: str = "", again: bool = True) -> str:
        """Write a run and return MLflow's id of it; a run that is there is completed.

        Raises:
            PlatformError: mlflow isn't installed, or refuses it.
        """
        record = fitted(record).record
        with self._explained():
            experiment = self._experiment(record.experiment)
            run = self._find(experiment, record) or self._create(experiment, record, parent)
        try:
            with self._explained():
                self._log(run, record)
                self._log_inputs(run, record)
                self._upload(run, record)
        finally:
            with self._explained():
                self.client.set_terminated(run, record.status, record.ended)
        return run

    def _log(self, run: str, record: RunRecord) -> None:
        from mlflow.entities import Metric, Param

        params = ({"key": name, "value": value} for name, value in record.params.items())
        for batch in batches(params):
            self.client.log_batch(run, params=[Param(**param) for param in batch])
        metrics = (
            {"key": name, "value": value, "timestamp": at, "step": 0}
            for name, (value, at) in record.metrics.items()
        )
        for batch in batches(metrics):
            self.client.log_batch(run, metrics=[Metric(**metric) for metric in batch])

    def _log_inputs(self, run: str, record: RunRecord) -> None:
        """Log the data sets that a run has read; one that is there stays as it is."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        for batch in batches(dict(one) for one in record.inputs):
            inputs = [
                DatasetInput(Dataset(**one["dataset"]), [InputTag(**tag) for tag in one["tags"]])
                for one in batch
            ]
            self.client.log_inputs(run, datasets=inputs)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what mlflow and its database raise into an error that says where."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            raise RefusedError(f"{self.file}: {clean(str(error), 300)}", _REFUSED) from error
        except OSError as error:
            raise PlatformError(f"{self.file}: {error.strerror or error}") from error

    def register(self, registration: ModelRegistration, source: str = "") -> str:
        """Add a version and return its number; the same run's version is not added twice.

        Raises:
            PlatformError: mlflow isn't installed, or refuses it.
        """
        with self._explained():
            return self._register(registration, source)

    def _register(self, registration: ModelRegistration, source: str) -> str:
        from mlflow.exceptions import MlflowException

        model, tags = registration.model, registration.all_tags()
        same = {name: tags[name] for name in ("atlas.run", "atlas.pipeline", PARTS) if name in tags}
        try:
            self.client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        condition = f"name='{model}' and tags.`atlas.run` = '{registration.run}'"
        for version in self.client.search_model_versions(condition):
            if same.items() <= version.tags.items():
                return str(version.version)
        fit = {tag["key"]: tag["value"] for tag in fitting(tags)}
        made = self.client.create_model_version(model, f"runs:/{source}/model", source, tags=fit)
        return str(made.version)

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias at a version."""
        with self._explained():
            self.client.set_registered_model_alias(model, alias, version)

    def remove_alias(self, model: str, alias: str) -> None:
        """Remove an alias; a missing one is fine."""
        with self._explained():
            self.client.delete_registered_model_alias(model, alias)

    def tag(self, model: str, name: str) -> str:
        """Return a tag of a registered model; empty for none."""
        with self._explained():
            return str(self.client.get_registered_model(model).tags.get(name, ""))

    def set_tag(self, model: str, name: str, value: str) -> None:
        """Set a tag of a registered model."""
        with self._explained():
            self.client.set_registered_model_tag(model, name, value)

    def find(self, model: str, version: str) -> RegisteredVersion | None:
        """Return the version of a number or an alias, or None."""
        from mlflow.exceptions import MlflowException

        get = self.client.get_model_version
        if not version.isdigit():
            get = self.client.get_model_version_by_alias
        try:
            registered = get(model, version)
        except MlflowException:
            return None
        return RegisteredVersion(model, str(registered.version), dict(registered.tags))

    def _experiment(self, name: str) -> str:
        experiment = self.client.get_experiment_by_name(name)
        if experiment is not None:
            return str(experiment.experiment_id)
        place = self.file.parent / "mlflow-artifacts"
        return str(self.client.create_experiment(name, artifact_location=uri_of(place)))

    def _find(self, experiment: str, record: RunRecord) -> str:
        name, pipeline = record.tags["atlas.run"], record.tags["atlas.pipeline"]
        query = f"tags.`atlas.run` = '{name}' and tags.`atlas.pipeline` = '{pipeline}'"
        if "atlas.family" not in record.tags:
            query += f" and attributes.start_time = {record.started}"
        runs = self.client.search_runs([experiment], query, max_results=1)
        return str(runs[0].info.run_id) if runs else ""

    def _create(self, experiment: str, record: RunRecord, parent: str) -> str:
        tags = {**record.tags, **({"mlflow.parentRunId": parent} if parent else {})}
        run = self.client.create_run(experiment, record.started, tags, record.name)
        return str(run.info.run_id)

    def _upload(self, run: str, record: RunRecord) -> None:
        with tempfile.TemporaryDirectory(prefix="atlas-") as folder:
            for name, content in record.artifacts.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                self.client.log_artifact(run, str(path), name.rpartition("/")[0] or None)
