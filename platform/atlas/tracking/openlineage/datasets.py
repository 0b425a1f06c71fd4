"""The data that a run's steps have read, made and written, as datasets of OpenLineage's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openlineage.client import facet_v2
from openlineage.client.event_v2 import InputDataset, OutputDataset

from atlas.dataclass import dataclass
from atlas.errors import StoreError
from atlas.store import artifact_key
from atlas.tracking.openlineage.naming import dataset_name, producer, public_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atlas.plan import InputSource, Plan, PlanStep
    from atlas.store import Manifest, Run, Store

    Columns = Callable[[Store, str], list[dict[str, str]]]
    """Gives name and type of each column of the table at a key; nothing of what isn't a table."""

_RELATIVE = ("project:", "store:")
"""Beginnings of URIs that say where something is only to who runs a step."""


@dataclass(frozen=True, slots=True)
class TriedStep:
    """One step of a run, or one key of it, that has been tried."""

    name: str
    step: PlanStep
    outcome: Mapping[str, Any]

    @property
    def index(self) -> int | None:
        """Which key it is; None for a step without keys."""
        return int(self.name.rpartition(".")[2]) if self.step.foreach else None

    def counted(self, output: str) -> int | None:
        """Return how many rows an output has, where they were counted."""
        rows = self.outcome.get("statistics", {}).get("outputs", {}).get(output, {}).get("rows")
        return rows if isinstance(rows, int) else None

    @property
    def all_data(self) -> list[Mapping[str, Any]]:
        """The data sets that were read or written, as the step's provenance has them."""
        return [*self.outcome.get("provenance", {}).get("data", [])]


@dataclass(frozen=True, slots=True)
class RunDatasets:
    """Makes the datasets of one run.

    Attributes:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        columns: reads the columns of a table in the store.
    """

    store: Store
    plan: Plan
    run: Run
    columns: Columns

    def read(self, unit: TriedStep, source: InputSource) -> Iterator[InputDataset]:
        """Return the datasets of one input of a step."""
        if source.kind == "step":
            yield self._artifact_read(self.run.pipeline, self.run.id, source.name, source.output)
        elif source.kind == "data":
            yield from self._data_read(unit, source.name)
        elif source.kind in ("model", "challenger"):
            yield from self._model_read(source)
        else:
            start = f"{source.kind}:{source.name}/{source.step}"
            for name, place in self.run.upstream.items():
                if name == start or name.startswith(f"{start}/"):
                    pipeline, _, run = place.partition("/")
                    yield self._artifact_read(pipeline, run, source.step, source.output)

    def external(self, unit: TriedStep) -> Iterator[InputDataset]:
        """Return the datasets that a step has of elsewhere than of this run."""
        for source in unit.step.sources():
            if source.kind != "step":
                yield from self.read(unit, source)

    def _data_read(self, unit: TriedStep, name: str) -> Iterator[InputDataset]:
        """Return a data set as it was read; of a step that failed, where the Environment has it."""
        for entry in self._entries(unit, name):
            yield InputDataset(*dataset_name(entry["uri"]), facets=_data_facets(name, entry))

    def _entries(self, unit: TriedStep, name: str) -> list[Mapping[str, Any]]:
        used = [entry for entry in unit.all_data if entry.get("name") == name]
        uri = self.plan.data[name].uri if name in self.plan.data else ""
        if not used and uri and not uri.startswith(_RELATIVE):
            return [{"uri": uri}]
        return [entry for entry in used if entry.get("action") == "read"]

    def _model_read(self, source: InputSource) -> Iterator[InputDataset]:
        """Return the artifact of the training run that a model part is."""
        model = self.run.model if source.kind == "model" else self.run.challenger
        part = model.parts.get(source.name) if model else None
        if part is None:
            return
        inside = part.uri.removeprefix(f"{self.store.url.rstrip('/')}/")
        pipeline, _, rest = inside.partition("/")
        logical = f"{pipeline}/{rest.partition('/')[2]}"
        place = dataset_name(part.uri) if inside == part.uri else self._place(logical)
        entry = {"uri": part.uri, "sha256": part.sha256}
        yield InputDataset(*place, facets=_data_facets(source.name, entry))

    def written(self, unit: TriedStep) -> Iterator[OutputDataset]:
        """Return the data sets that a step has written."""
        for entry in unit.all_data:
            if entry.get("action") != "written":
                continue
            facets = _data_facets(str(entry.get("name", "")), entry)
            yield OutputDataset(*dataset_name(entry["uri"]), facets=facets)

    def _artifact_read(self, pipeline: str, run: str, step: str, output: str) -> InputDataset:
        key = artifact_key(pipeline, run, step, output, None)
        place = self._place(f"{pipeline}/{step}/{output}")
        return InputDataset(*place, facets=self._artifact_facets(key, self._manifest(key)))

    def made(self, unit: TriedStep) -> Iterator[OutputDataset]:
        """Return the artifacts that a step has made."""
        for output in unit.outcome.get("outputs", {}):
            key = artifact_key(self.run.pipeline, self.run.id, unit.step.name, output, unit.index)
            manifest = self._manifest(key)
            statistics = (
                facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    rowCount=unit.counted(output),
                    size=manifest.size if manifest else None,
                    producer=producer(),
                )
            )
            yield OutputDataset(
                *self._place(f"{self.run.pipeline}/{unit.step.name}/{output}"),
                facets=self._artifact_facets(key, manifest),
                outputFacets={"outputStatistics": statistics},
            )

    def _place(self, logical: str) -> tuple[str, str]:
        """Return namespace and name of an artifact, whichever run's it is."""
        namespace, root = dataset_name(self.store.url)
        return namespace, f"{root.rstrip('/')}/{logical}"

    def _manifest(self, key: str) -> Manifest | None:
        try:
            return self.store.manifest_at(key)
        except StoreError:
            return None

    def _artifact_facets(self, key: str, manifest: Manifest | None) -> dict[str, Any]:
        entry = {"uri": f"{self.store.url.rstrip('/')}/{key}"}
        own = _data_facets("artifacts", entry | ({"sha256": manifest.sha256} if manifest else {}))
        columns = self.columns(self.store, key) if manifest else []
        if columns:
            fields = [
                facet_v2.schema_dataset.SchemaDatasetFacetFields(name=one["name"], type=one["type"])
                for one in columns
            ]
            own["schema"] = facet_v2.schema_dataset.SchemaDatasetFacet(
                fields=fields, producer=producer()
            )
        return own


def _data_facets(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a dataset is, and which version of it."""
    own: dict[str, Any] = {
        "dataSource": facet_v2.datasource_dataset.DatasourceDatasetFacet(
            name=name, uri=public_uri(entry["uri"]), producer=producer()
        )
    }
    if entry.get("sha256"):
        own["version"] = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=entry["sha256"], producer=producer()
        )
    return own
