"""What several runs write to one place is a Problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.plan import PlanData
from atlas.step.opening import open_data
from atlas.validate import check

STEPS = """
from typing import NamedTuple
from atlas import Data, Sink, Template
from pandas import DataFrame

class Rows(NamedTuple):
    rows: DataFrame

class Load(Template):
    def run(self, source: Data) -> Rows:
        return Rows(source.read())

class Save(Sink):
    pass

class Own(Template):
    def run(self, rows: DataFrame, into: Data, also: Data) -> None:
        into.write(rows)
        also.read()
"""


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def pipeline(root: Path, name: str, step: dict[str, Any], **config: Any) -> None:
    data = {"rows": {"type": "table"}, "scores": {"type": "table"}, "also": {"type": "table"}}
    steps = {"load": {"class": "steps:Load", "inputs": {"source": "data.rows"}}, "save": step}
    recipe = {"version": 1, "name": f"{name}-r", "flow": "inference", "steps": steps}
    used = {n: data[n] for n in data if f"data.{n}" in json.dumps(recipe)}
    document = {"version": 1, "name": name, "recipes": {"inference": "r.json"}, "data": used}
    write(root / name / "steps.py", STEPS)
    write(root / name / "r.json", recipe)
    write(root / name / "config.json", {**document, **config})


SAVE = {"class": "steps:Save", "inputs": {"rows": "load.rows", "target": "data.scores"}}
OWN = {
    "class": "steps:Own",
    "inputs": {"rows": "load.rows", "into": "data.scores", "also": "data.also"},
}
FAMILY = {"matrix": {"region": ["emea", "apac"]}}


def found(root: Path, uri: str) -> list[tuple[str, str]]:
    uris = {"rows": "store:rows.csv", "scores": uri, "also": "store:also.csv"}
    data = {name: {"uri": each} for name, each in uris.items()}
    write(root / "pyproject.toml", "[tool.atlas]\n")
    write(root / "environments" / "local.json", {"version": 1, "data": data})
    problems = [one for one in check(root).problems if one.severity == "error"]
    return [(one.code, one.file.rpartition("/")[2]) for one in problems]


@pytest.mark.parametrize("step", [SAVE, OWN])
@pytest.mark.parametrize(
    ("config", "uri", "expected"),
    [
        ({}, "store:scores.csv", []),
        ({}, "store:scores/", []),
        (FAMILY, "store:scores.csv", [("C016", "r.json")]),
        (FAMILY, "store:scores/", []),
        ({"matrix": {"region": ["emea"]}}, "store:scores.csv", []),
    ],
)
def test_members_of_a_family(
    tmp_path: Path, step: Any, config: Any, uri: str, expected: list[Any]
) -> None:
    pipeline(tmp_path, "one", step, **config)
    assert found(tmp_path, uri) == expected


@pytest.mark.parametrize("uri", ["store:scores.csv", "store:scores/"])
def test_two_pipelines(tmp_path: Path, uri: str) -> None:
    pipeline(tmp_path, "one", SAVE)
    pipeline(tmp_path, "two", OWN)
    assert found(tmp_path, uri) == [("C016", "r.json")]


def test_what_is_only_read_is_no_problem(tmp_path: Path) -> None:
    pipeline(tmp_path, "one", OWN)
    pipeline(
        tmp_path,
        "two",
        {**OWN, "inputs": {**OWN["inputs"], "into": "data.also", "also": "data.scores"}},
    )
    assert found(tmp_path, "store:scores.csv") == []


ALSO_WRITES = {**OWN, "inputs": {**OWN["inputs"], "into": "data.also", "also": "data.rows"}}


def test_another_pipeline_of_the_project_is_looked_at(tmp_path: Path) -> None:
    pipeline(tmp_path, "one", SAVE)
    pipeline(tmp_path, "two", OWN)
    found(tmp_path, "store:scores.csv")
    problems = [one for one in check(tmp_path / "one").problems if one.severity == "error"]
    assert [one.code for one in problems] == ["C016"]
    assert "step save of two, inference writes the same place" in problems[0].message


@pytest.mark.parametrize(
    ("scores", "also", "expected"),
    [
        ("store:out/", "store:out/also.csv", 1), ("store:out/also.csv", "store:out/", 1),
        ("project:out.csv", "file://{root}/out.csv", 1), ("store:out", "store:output", 0),
        ("store:./out.csv", "store:x/../out.csv", 1), ("s3://b/out/", "s3://b/out/x/", 1),
        ("s3://b/out/", "s3://c/out/", 0),
    ],
)  # fmt: skip
def test_places_that_are_one_or_in_each_other(
    tmp_path: Path, scores: str, also: str, expected: int
) -> None:
    pipeline(tmp_path, "one", SAVE)
    pipeline(tmp_path, "two", ALSO_WRITES)
    uris = {"rows": "store:rows.csv", "scores": scores, "also": also.format(root=tmp_path)}
    data = {name: {"uri": uri, "format": "csv"} for name, uri in uris.items()}
    write(tmp_path / "pyproject.toml", "[tool.atlas]\n")
    targets = {"inference": "local"}
    write(
        tmp_path / "environments" / "local.json", {"version": 1, "data": data, "targets": targets}
    )
    codes = [one.code for one in check(tmp_path).problems if one.code == "C016"]
    assert len(codes) == expected


def test_two_steps_of_a_flow_write_one_file_by_two_names(tmp_path: Path) -> None:
    pipeline(tmp_path, "one", SAVE)
    path = tmp_path / "one" / "r.json"
    recipe = json.loads(path.read_text())
    recipe["steps"]["again"] = {**SAVE, "inputs": {"rows": "load.rows", "target": "data.also"}}
    write(path, recipe)
    config = json.loads((tmp_path / "one/config.json").read_text())
    config["data"]["also"] = {"type": "table"}
    write(tmp_path / "one/config.json", config)
    uris = {"rows": "store:rows.csv", "scores": "store:o.parquet", "also": "store:./o.parquet"}
    for also, expected in (("store:./o.parquet", ["C016"]), ("store:p.parquet", [])):
        data = {name: {"uri": uri} for name, uri in {**uris, "also": also}.items()}
        write(tmp_path / "pyproject.toml", "[tool.atlas]\n")
        write(tmp_path / "environments/local.json", {"version": 1, "data": data})
        problems = [one for one in check(tmp_path).problems if one.severity == "error"]
        assert [one.code for one in problems] == expected


@pytest.mark.parametrize(
    ("declared", "uri", "expected"),
    [
        ({"partition": ["{interval}"]}, "store:scores/", True),
        ({"partition": ["{interval}", "{axis:region}"]}, "store:scores/", False),
        ({"write": "append"}, "store:scores/", False),
        ({"write": {"merge": ["id"]}}, "store:scores.csv", False),
        ({}, "sql:db", True),
        ({"partition": ["{axis:region}"]}, "sql:db", False),
        ({"write": "append"}, "sql:db", False),
    ],
)
def test_parts_of_members(tmp_path: Path, declared: Any, uri: str, expected: bool) -> None:
    data = {"rows": {"type": "table"}, "scores": {"type": "table", **declared}}
    pipeline(tmp_path, "one", SAVE, data=data, **FAMILY)
    where: dict[str, Any] = {"uri": uri, **({"table": "t"} if uri == "sql:db" else {})}
    write(tmp_path / "pyproject.toml", "[tool.atlas]\n")
    document = {
        "version": 1, "targets": {"inference": "local"}, "secrets": {"db": {"variable": "DB"}},
        "data": {"rows": {"uri": "store:rows.csv"}, "scores": where},
    }  # fmt: skip
    write(tmp_path / "environments" / "local.json", document)
    problems = [one for one in check(tmp_path).problems if one.severity == "error"]
    assert [one.code for one in problems] == (["C016"] if expected else [])


@pytest.mark.parametrize(("write_as", "expected"), [("append", 0), ("", 1)])
def test_two_pipelines_may_append(tmp_path: Path, write_as: str, expected: int) -> None:
    for name in ("one", "two"):
        scores = {"type": "table", **({"write": write_as} if write_as else {})}
        pipeline(tmp_path, name, SAVE, data={"rows": {"type": "table"}, "scores": scores})
    assert len(found(tmp_path, "store:scores/")) == expected


def test_every_member_has_a_part_of_its_own(tmp_path: Path) -> None:
    declared = PlanData(uri=f"file://{tmp_path}/scores/", format="json")
    for region in ("emea", "apac"):
        axes = {"region": region}
        handle = open_data(declared, "d", "s", "2026-01-01T00:00:00Z", "", axes=axes)
        handle.write([region])
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json"))
    assert names == [
        "scores/region=apac/interval=2026-01-01T00:00:00Z/part.json",
        "scores/region=emea/interval=2026-01-01T00:00:00Z/part.json",
    ]
    assert open_data(declared, "d", "s", "", "").read() == [["apac"], ["emea"]]
