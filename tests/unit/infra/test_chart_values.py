"""The values that charts are rendered with, against the charts' own schemas."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.official_manifests import SERVICES, VARIABLE, rendering


def schema(chart: str) -> dict:
    """Return the schema of a chart's values; skip the test where this machine hasn't got it."""
    folder = os.environ.get(VARIABLE)
    files = sorted(Path(folder).glob(f"{chart}*/values.schema.json")) if folder else []
    if not files:
        pytest.skip(f"no values.schema.json of the chart {chart} in a folder named in {VARIABLE}")
    return json.loads(files[0].read_text("utf-8"))


@pytest.mark.parametrize("name", ["local-executor", "kubernetes-executor"])
def test_airflows_values_meet_the_charts_schema(name):
    values = yaml.safe_load(rendering("airflow", name).values.read_text("utf-8"))
    validator = jsonschema.Draft7Validator(schema("airflow"))
    assert [error.message for error in validator.iter_errors(values)] == []
    assert list(validator.iter_errors({**values, "executor": 3})), "a schema that takes anything"


def test_every_chart_has_values_of_its_own():
    found = {path.name for path in SERVICES.glob("*/*.yaml")}
    assert {"local-executor.yaml", "kubernetes-executor.yaml", "operator.yaml"} <= found
