"""The checker of OpenLineage events accepts a valid event and refuses it with any one fault."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from openlineage.client.event_v2 import RunEvent

from tests.openlineage_events import FACETS, InvalidEventError, check_events

PRODUCER = "urn:atlas-ml:1.0"
RUN_ID = "6f1b2f0c-8a5e-5d53-9d0a-2f8f0d1d7c11"
CLASSES: dict[str, Any] = {key: cls for facets in FACETS.values() for key, cls in facets.items()}


def facet(key: str, **fields: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": CLASSES[key]._get_schema(), **fields}


def written_table() -> dict[str, Any]:
    columns = [{"name": "a", "type": "int64", "fields": []}]
    version = facet("version", datasetVersion="ab12")
    source = facet("dataSource", name="store", uri="file:///store/rows")
    schema = facet("schema", fields=columns)
    counted = facet("outputStatistics", rowCount=2, size=90)
    facets = {"version": version, "dataSource": source, "schema": schema}
    identity = {"namespace": "file", "name": "/store/rows"}
    return {**identity, "facets": facets, "outputFacets": {"outputStatistics": counted}}


def run_facets() -> dict[str, Any]:
    start, end = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
    job = {"namespace": "atlas.local", "name": "shop.training", "facets": {}}
    run = {"runId": RUN_ID, "facets": {}}
    error = {"message": "no rows", "programmingLanguage": "PYTHON", "stackTrace": "line 1"}
    return {
        "errorMessage": facet("errorMessage", **error),
        "nominalTime": facet("nominalTime", nominalStartTime=start, nominalEndTime=end),
        "parent": facet("parent", run=run, job=job),
        "processing_engine": facet("processing_engine", version="1.0", name="Atlas"),
    }


def job_facets() -> dict[str, Any]:
    kind = {"processingType": "BATCH", "integration": "ATLAS", "jobType": "STEP"}
    code = {"type": "git", "url": "git:c0ffee", "version": "c0ffee"}
    return {
        "documentation": facet("documentation", description="What it sold."),
        "jobType": facet("jobType", **kind),
        "sourceCodeLocation": facet("sourceCodeLocation", **code),
    }


def valid_event() -> dict[str, Any]:
    job = {"namespace": "atlas.local", "name": "shop.training.load", "facets": job_facets()}
    source = {"namespace": "file", "name": "/in.csv", "facets": {}, "inputFacets": {}}
    return {
        "eventTime": "2026-01-02T03:04:05.678+00:00",
        "eventType": "FAIL",
        "producer": PRODUCER,
        "schemaURL": RunEvent._get_schema(),
        "run": {"runId": RUN_ID, "facets": run_facets()},
        "job": job,
        "inputs": [source],
        "outputs": [written_table()],
    }


Path = tuple[str | int, ...]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Return the path of each value in JSON, the whole first."""
    yield path
    items = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else items:
        yield from paths(part, (*path, key))


def value_at(event: Any, path: Path) -> Any:
    for key in path:
        event = event[key]
    return event


def changed(path: Path, value: Any) -> dict[str, Any]:
    event = deepcopy(valid_event())
    value_at(event, path[:-1])[path[-1]] = value
    return event


def without(path: Path) -> dict[str, Any]:
    event = deepcopy(valid_event())
    del value_at(event, path[:-1])[path[-1]]
    return event


PATHS = [path for path in paths(valid_event()) if path]
OBJECTS = [path for path in PATHS if isinstance(value_at(valid_event(), path), dict)]
REQUIRED = {
    "eventTime", "eventType", "producer", "schemaURL", "run", "job", "runId", "namespace",
    "_producer", "_schemaURL", "message", "programmingLanguage", "nominalStartTime",
    "processingType", "integration", "datasetVersion", "description",
}  # fmt: skip


def test_a_valid_event_is_accepted():
    check_events([valid_event()])
    used = {path[-1] for path in OBJECTS}
    assert used >= CLASSES.keys(), "each facet is in it"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("eventType",), "DONE", r"event\.eventType: 'DONE' is not a valid EventType"),
        (("eventType",), "ABORT", r"event\.eventType: not one of"),
        (("eventTime",), "2026-01-02", "not an RFC 3339 time with a zone"),
        (("eventTime",), "2026-01-02T03:04:05", "not an RFC 3339 time with a zone"),
        (("eventTime",), "2026-01-02 03:04:05+00:00", "not an RFC 3339 time with a zone"),
        (("eventTime",), "2026-13-02T03:04:05Z", r"event: "),
        (("run", "runId"), "run-1", r"event\.run\.runId: "),
        (("run", "runId"), RUN_ID.replace("-", ""), r"event\.run\.runId: not a canonical UUID"),
        (("run", "facets", "parent", "run", "runId"), "x", r"parent\.run\.runId: "),
        (("run", "facets", "nominalTime", "nominalEndTime"), "2026-01-02", "not an RFC 3339"),
        (("producer",), "atlas", r"event\.producer: not a URI"),
        (("job", "facets", "jobType", "_producer"), "atlas", r"jobType\._producer: not a URI"),
        (("job", "facets", "owner"), {}, "not a JobFacet that Atlas sends"),
        (("job", "facets", "parent"), {}, "not a JobFacet that Atlas sends"),
        (("outputs", 0, "outputFacets", "outputStatistics", "rowCount"), True, "expected int"),
        (("schemaURL",), "https://openlineage.io/spec/9-9-9/OpenLineage.json#/$defs/RunEvent",
         "the client writes"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(path, value, problem):
    with pytest.raises(InvalidEventError, match=problem):
        check_events([valid_event(), changed(path, value)])


@pytest.mark.parametrize(
    "url",
    [
        "http://openlineage.io/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
        "https://example.org/spec/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
        "https://openlineage.io/spec/facets/1-1-0/ParentRunFacet.json#/$defs/ParentRunFacet",
        "",
    ],
)
def test_a_facet_with_the_schema_of_another_is_refused(url):
    with pytest.raises(
        InvalidEventError, match=r"jobType\._schemaURL: not the URL of JobTypeJobFacet"
    ):
        check_events([changed(("job", "facets", "jobType", "_schemaURL"), url)])


@pytest.mark.parametrize("path", [(), *OBJECTS], ids=str)
def test_an_unknown_field_is_refused_anywhere(path):
    with pytest.raises(InvalidEventError, match=r"unknown fields|Facet that Atlas sends"):
        check_events([changed((*path, "surprise"), "x")])


@pytest.mark.parametrize("path", PATHS, ids=str)
@pytest.mark.parametrize("value", [None, 1.5, [1.5]])
def test_a_wrong_type_is_refused_anywhere(path, value):
    with pytest.raises(InvalidEventError, match="expected"):
        check_events([changed(path, value)])


@pytest.mark.parametrize("path", [path for path in PATHS if path[-1] in REQUIRED], ids=str)
def test_a_missing_field_is_refused_anywhere(path):
    with pytest.raises(
        InvalidEventError, match=r"missing|not the URL of|not one of|the client writes"
    ):
        check_events([without(path)])


@pytest.mark.parametrize("place", [("job",), ("inputs", 0), ("outputs", 0)], ids=str)
def test_a_missing_name_is_refused(place):
    with pytest.raises(InvalidEventError, match="missing 1 required positional argument: 'name'"):
        check_events([without((*place, "name"))])


@pytest.mark.parametrize("event", [None, [], "event", 1])
def test_what_is_no_object_is_refused(event):
    with pytest.raises(InvalidEventError, match="event: expected an object"):
        check_events([event])
