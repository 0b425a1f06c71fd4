"""Grafana's dashboards: as its schema has them, and about metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from atlas.metrics.catalogue import BY_NAME, CATALOGUE, GROUPING

FILES = sorted(Path("platform/services/grafana").glob("*.json"))
NAMES = [file.stem for file in FILES]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_METRIC = re.compile(r"\b(atlas_\w+)(?:\{([^}]*)\})?")


def loaded(name: str) -> dict[str, Any]:
    return json.loads(Path(f"platform/services/grafana/{name}.json").read_text())


def lost(given: Any, back: Any, path: str = "") -> Iterator[str]:
    """Give what the schema doesn't know of a document: it is gone once it was read and written."""
    if isinstance(given, dict) and isinstance(back, dict):
        for key, value in given.items():
            yield from (
                lost(value, back[key], f"{path}/{key}") if key in back else (f"{path}/{key}",)
            )
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for number, (value, other) in enumerate(zip(given, back, strict=True)):
            yield from lost(value, other, f"{path}/{number}")
    elif given != back:
        yield path


def unknown(document: dict[str, Any]) -> list[str]:
    """Return the fields of a dashboard that Grafana's schema hasn't."""
    register_default_plugins()
    back = json.loads(JSONEncoder().encode(Dashboard.from_json(deepcopy(document))))
    return [*lost(document, back)]


def expressions(document: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_dashboard_by_grafana_s_schema(name: str) -> None:
    assert unknown(loaded(name)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("titel",), "x"),
        (("panels", 0, "gridpos"), {}),
        (("panels", 0, "options", "colourMode"), "value"),
        (("panels", 0, "fieldConfig", "defaults", "units"), "s"),
        (("panels", 0, "targets", 0, "query"), "up"),
        (("templating", "list", 0, "quary"), "x"),
    ],
)
def test_a_field_that_the_schema_hasn_t_is_found(field: tuple[Any, ...], value: Any) -> None:
    document = loaded("platform")
    inner: Any = document
    for key in field[:-1]:
        inner = inner[key]
    inner[field[-1]] = value
    assert unknown(document) == ["".join(f"/{key}" for key in field)]


def test_all_are_there_each_under_its_own_address() -> None:
    assert NAMES == ["model", "monitor", "pipeline", "pipelines", "platform"]
    assert [loaded(name)["uid"] for name in NAMES] == [f"atlas-{name}" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_a_unit_a_place_and_the_chosen_prometheus(name: str) -> None:
    document = loaded(name)
    places: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == DATASOURCE
        assert all(target["datasource"] == DATASOURCE for target in panel["targets"])
        grid = panel["gridPos"]
        own = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert max(x for x, _ in own) < 24
        assert not own & places, panel["title"]
        places |= own
    ids = [panel["id"] for panel in document["panels"]]
    assert len({*ids}) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_variables_that_are_used_are_those_that_are_there(name: str) -> None:
    document = loaded(name)
    text = json.dumps([document["panels"], document["templating"]])
    used = set(re.findall(r"\$\{?([a-z]+)\}?", text))
    assert used == {variable["name"] for variable in document["templating"]["list"]}


@pytest.mark.parametrize("name", NAMES)
def test_queries_are_about_metrics_of_the_catalogue_and_their_labels(name: str) -> None:
    document = loaded(name)
    queries = [v["query"]["query"] for v in document["templating"]["list"] if v["type"] == "query"]
    for query in [*expressions(document), *queries]:
        for metric, selectors in _METRIC.findall(query):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors or ""))
            assert labels <= {*GROUPING, *BY_NAME[metric].labels}, query


def test_every_metric_is_on_a_dashboard() -> None:
    text = "".join(query for name in NAMES for query in expressions(loaded(name)))
    left_out = {metric.name for metric in CATALOGUE if not re.search(rf"{metric.name}\b", text)}
    assert left_out == {
        "atlas_run_start_timestamp_seconds",
        "atlas_batch_interval_start_timestamp_seconds",
        "atlas_batch_interval_end_timestamp_seconds",
        "atlas_data_freshness_seconds",
        "atlas_feature_infinite",
        "atlas_prediction_infinite",
    }
