"""The data sets of a run as MLflow has them: only what is recorded, and no password of a URL."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from atlas.masking import Mask
from atlas.plan.parts import PlanData
from atlas.tracking.inputs import inputs_of, schema_of
from atlas.tracking.limits import fitted
from atlas.tracking.record import RunRecord

SHA = "ab" * 32
COLUMNS = [{"name": "size", "type": "float64"}, {"name": "name", "type": "str"}]


def outcome(uri: str, sha256: str = SHA, **facts: Any) -> dict[str, Any]:
    entry = {"name": "houses", "action": "read", "uri": uri, "sha256": sha256}
    other = {**entry, "name": "scores", "action": "written"}
    counts = {"read": {"houses": facts}} if facts else {}
    return {"provenance": {"data": [entry, other]}, "statistics": counts}


def found(*outcomes: dict[str, Any], **data: PlanData) -> list[dict[str, Any]]:
    plan: Any = SimpleNamespace(flow="training", data=data)
    return inputs_of(plan, {f"load.{at}": one for at, one in enumerate(outcomes)})


def test_a_data_set_says_where_it_is_and_what_is_recorded() -> None:
    (one,) = found(outcome("s3://lake/houses.parquet", rows=3, columns=COLUMNS))
    assert one["tags"] == [{"key": "mlflow.data.context", "value": "training"}]
    dataset = one["dataset"]
    assert (dataset["name"], dataset["digest"]) == ("houses", SHA[:36])
    assert (dataset["source_type"], json.loads(dataset["source"])) == (
        "s3",
        {"uri": "s3://lake/houses.parquet"},
    )
    assert json.loads(dataset["profile"]) == {"num_rows": 3}
    assert json.loads(dataset["schema"])["mlflow_colspec"] == [
        {"type": "double", "name": "size", "required": False},
        {"type": "string", "name": "name", "required": False},
    ]


def test_no_user_password_or_token_of_a_url_is_in_it() -> None:
    uri = "https://ann:s3cret-word@data.example/houses.csv?token=t0ken-word"
    (one,) = found(outcome(uri))
    assert json.loads(one["dataset"]["source"]) == {"url": "https://***@data.example/houses.csv"}
    assert "word" not in json.dumps(one)
    assert not {"schema", "profile"} & one["dataset"].keys()


def test_secrets_are_masked_in_it_too() -> None:
    (one,) = found(outcome("s3://lake/s3cret-word/houses.csv", columns=COLUMNS))
    plain = RunRecord("e", "r", "FINISHED", 1, 2, inputs=[one])
    masked = fitted(plain.masked(Mask(["s3cret-word"]))).record
    assert "s3cret-word" not in json.dumps([*masked.inputs])
    assert masked.inputs[0]["dataset"]["schema"] == one["dataset"]["schema"]


def test_the_same_content_is_one_data_set() -> None:
    same, other = outcome("file:///a.csv"), outcome("file:///a.csv", "cd" * 32)
    assert len(found(same, same, other)) == 2


@pytest.mark.parametrize(
    ("version", "digest"), [("2026-11", "2026-11"), ("content", ""), ("", "")], ids=str
)
def test_a_database_s_digest_is_its_version_or_what_is_known(version: str, digest: str) -> None:
    rows = PlanData(uri="sql:warehouse/rows", version=version)
    read = [{"statistics": {"read": {"rows": {"rows": count}}}} for count in (3, 4)]
    first, *others = [one["dataset"] for one in found(*read, rows=rows)]
    assert json.loads(first["source"]) == {"uri": "sql:warehouse/rows"}
    assert first["digest"] == digest or (not digest and len(first["digest"]) == 36)
    assert len(others) == (0 if digest else 1)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("int64", "long"), ("Int32", "integer"), ("double", "double"), ("bool", "boolean"),
        ("datetime64[ns, UTC]", "datetime"), ("timestamp[us]", "datetime"), ("String", "string"),
        ("object", "any"), ("list<item: int64>", "any"),
    ],
)  # fmt: skip
def test_types_of_pandas_arrow_and_polars(kind: str, expected: str) -> None:
    assert schema_of([{"name": "x", "type": kind}])[0]["type"] == expected


def test_what_is_too_long_for_mlflow_is_left_out() -> None:
    columns = [{"name": "x" * 3000, "type": "int64"}] * 1000
    (one,) = found(outcome(f"s3://lake/{'x' * 70_000}", columns=columns))
    assert (one["dataset"]["source"], one["dataset"]["schema"]) == ("{}", "{}")
