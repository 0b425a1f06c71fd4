"""The platform's outputs: the dataclasses of `infra` and the JSON Schema of `atlas` agree."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources

import jsonschema
import pytest

from infra.outputs import VERSION, Platform, ServiceOutput

SCHEMA = json.loads((resources.files("atlas") / "schemas" / "outputs.v1.json").read_text())
CHECKER = jsonschema.Draft202012Validator(SCHEMA)
STORE = ServiceOutput.at("file", "file:///store")


def a_platform(**services):
    return Platform(stack="local", target="local", services={"store": STORE, **services}).to_json()


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"]["const"] == VERSION


def test_the_fields_are_the_same():
    fields = {field.name for field in dataclasses.fields(ServiceOutput)}
    own = {"dags": {"versioned"}, "airflow": {"tasks", "pool"}, "kubeflow": {"namespace", "tasks"}}
    common = fields - set().union(*own.values())
    assert set(SCHEMA["$defs"]["service"]["properties"]) == common
    for name, more in own.items():
        assert set(SCHEMA["$defs"][name]["properties"]) == common | more
    fields = {field.name for field in dataclasses.fields(Platform)}
    assert set(SCHEMA["properties"]) == fields | {"$schema", "version"}
    assert set(a_platform()) == fields | {"version"}


def test_a_platform_with_every_service_is_valid():
    names = set(SCHEMA["properties"]["services"]["properties"])
    services = {
        name: ServiceOutput.at("x", "http://127.0.0.1:1", credentials="x", version="1")
        for name in names - {"dags"}
    }
    services["airflow"] = ServiceOutput.at("airflow", "http://a", tasks="kubernetes", pool="atlas")
    services["kubeflow"] = ServiceOutput.at("kfp", "http://k", namespace="team-a")
    services["dags"] = ServiceOutput.at("folder", "file:///dags", versioned=False)
    services["dashboard"] = ServiceOutput.at("grafana", "http://127.0.0.1:1", version="11")
    CHECKER.validate(a_platform(**services))


@pytest.mark.parametrize(
    "broken",
    [
        {**a_platform(), "extra": 1},
        {**a_platform(), "version": 2},
        {**a_platform(), "target": "moon"},
        a_platform(Unheard=STORE),
        a_platform(dashboard=ServiceOutput.at("grafana", "http://127.0.0.1:1", tasks="docker")),
        a_platform(airflow=ServiceOutput.at("airflow", "127.0.0.1:1")),
        a_platform(dags=ServiceOutput.at("folder", "file:///dags")),
        a_platform(airflow=ServiceOutput.at("airflow", "http://127.0.0.1:1", tasks="threads")),
        a_platform(mlflow=ServiceOutput.at("mlflow", "http://127.0.0.1:1", tasks="docker")),
        a_platform(mlflow=ServiceOutput.at("mlflow", "http://127.0.0.1:1", namespace="team-a")),
        a_platform(kubeflow=ServiceOutput.at("kfp", "http://127.0.0.1:1", namespace="Team A")),
        a_platform(
            airflow=ServiceOutput.at("airflow", "http://127.0.0.1:1", credentials="hunter 2")
        ),
        {"version": 1, "stack": "local", "target": "local", "services": {}},
    ],
)
def test_what_is_not_in_the_contract_is_refused(broken):
    with pytest.raises(jsonschema.ValidationError):
        CHECKER.validate(broken)


def described(node):
    """Return the places in a schema whose value has no description."""
    if "$ref" in node:
        return []
    missing = [] if "description" in node else [node]
    for child in node.get("properties", {}).values():
        missing += described(child)
    return missing


def test_everything_is_described():
    assert described(SCHEMA) == []
    for definition in SCHEMA["$defs"].values():
        assert described(definition) == []
