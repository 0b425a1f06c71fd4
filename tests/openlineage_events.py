"""A checker of OpenLineage events: each is rebuilt with the client's classes and written again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit
from uuid import UUID

import attrs
from openlineage.client import facet_v2
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde

FACETS: dict[type, dict[str, type]] = {
    facet_v2.RunFacet: {
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "nominalTime": facet_v2.nominal_time_run.NominalTimeRunFacet,
        "parent": facet_v2.parent_run.ParentRunFacet,
        "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
    },
    facet_v2.JobFacet: {
        "documentation": facet_v2.documentation_job.DocumentationJobFacet,
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
        "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    },
    facet_v2.DatasetFacet: {
        "dataSource": facet_v2.datasource_dataset.DatasourceDatasetFacet,
        "schema": facet_v2.schema_dataset.SchemaDatasetFacet,
        "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
    },
    facet_v2.InputDatasetFacet: {},
    facet_v2.OutputDatasetFacet: {
        "outputStatistics": (
            facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        ),
    },
}
"""The class of each facet that Atlas sends, by what it belongs to and its key."""

STATES = {"START", "COMPLETE", "FAIL"}
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
SCHEMA_URL = r"https://openlineage\.io/spec/[a-z0-9/-]+/{document}\.json#/\$defs/{name}"


class InvalidEventError(ValueError):
    """An event, or a part of it, isn't as OpenLineage has it."""

    def __init__(self, path: str, problem: object) -> None:
        super().__init__(f"{path}: {problem}")


def check_events(events: Iterable[Any]) -> None:
    """Check events as they were received.

    Raises:
        InvalidEventError: a field is unknown, missing, of a wrong type or malformed, or the client
            wouldn't write the event like this.
    """
    for event in events:
        rebuilt = _rebuild(RunEvent, event, "event")
        require(event.get("eventType") in STATES, "event.eventType", f"not one of {sorted(STATES)}")
        _check_schema_url(event.get("schemaURL"), "event.schemaURL", "OpenLineage", "RunEvent")
        written = json.loads(Serde.to_json(rebuilt))
        require(written == event, "event", f"the client writes {written}")


def require(condition: bool, path: str, problem: object) -> None:
    if not condition:
        raise InvalidEventError(path, problem)


def _rebuild(hint: Any, value: Any, path: str) -> Any:
    """Make from JSON what a type hint of the client's classes stands for."""
    if get_origin(hint) in (UnionType, Union):
        (hint,) = [option for option in get_args(hint) if option is not type(None)]
    if attrs.has(hint):
        return _rebuild_object(hint, value, path)
    kind = get_origin(hint) or (str if issubclass(hint, Enum) else hint)
    require(type(value) is kind, path, f"expected {kind.__name__}, got {value!r}")
    if kind is list:
        (item,) = get_args(hint)
        return [_rebuild(item, part, f"{path}[{index}]") for index, part in enumerate(value)]
    if kind is dict:
        _, base = get_args(hint)
        return {
            key: _rebuild_facet(base, key, part, f"{path}.{key}") for key, part in value.items()
        }
    _check_text(path, value)
    return _called(hint, path, value) if issubclass(hint, Enum) else value


def _rebuild_facet(base: type, key: str, value: Any, path: str) -> Any:
    require(key in FACETS[base], path, f"not a {base.__name__} that Atlas sends")
    facet = FACETS[base][key]
    rebuilt = _rebuild_object(facet, value, path)
    name = facet.__name__
    _check_schema_url(value.get("_schemaURL"), f"{path}._schemaURL", name, name)
    return rebuilt


def _rebuild_object(cls: Any, value: Any, path: str) -> Any:
    """Make an object with its class, which checks some fields and knows which are required."""
    require(isinstance(value, dict), path, f"expected an object, got {value!r}")
    hints, fields = get_type_hints(cls), attrs.fields_dict(cls)
    unknown = value.keys() - fields.keys()
    require(not unknown, path, f"unknown fields {sorted(unknown)}")
    parts = {key: _rebuild(hints[key], part, f"{path}.{key}") for key, part in value.items()}
    settable = {fields[key].alias: part for key, part in parts.items() if fields[key].init}
    return _called(cls, path, **settable)


def _called(cls: Any, path: str, *values: Any, **fields: Any) -> Any:
    try:
        return cls(*values, **fields)
    except (TypeError, ValueError) as error:
        raise InvalidEventError(path, error) from error


def _check_text(path: str, value: Any) -> None:
    """Check the form of what the client takes in any form, or in more than one."""
    key = path.rpartition(".")[2]
    if key == "runId":
        require(value == str(_called(UUID, path, value)), path, f"not a canonical UUID: {value}")
    elif key in ("eventTime", "nominalStartTime", "nominalEndTime"):
        require(bool(RFC_3339.fullmatch(value)), path, f"not an RFC 3339 time with a zone: {value}")
    elif key in ("producer", "_producer"):
        require(bool(urlsplit(value).scheme), path, f"not a URI: {value}")


def _check_schema_url(value: Any, path: str, document: str, name: str) -> None:
    pattern = SCHEMA_URL.format(document=document, name=name)
    require(
        bool(re.fullmatch(pattern, str(value))), path, f"not the URL of {name}'s schema: {value}"
    )
