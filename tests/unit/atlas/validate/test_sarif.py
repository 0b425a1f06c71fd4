"""SARIF, for code review."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from atlas.errors import Problem
from atlas.validate import check
from atlas.validate.codes import CODES
from atlas.validate.sarif import sarif
from tests.contract.fuzz import mutate
from tests.unit.atlas.shop import shop, write

ONE = Problem(
    code="R001", message="no step 'x'", file="a b/ä.json", path="steps.a", line=3, column=7,
    expected="load", hint="did you mean 'y'?",
)  # fmt: skip


def test_a_result_has_its_place() -> None:
    [run] = sarif([ONE], "1.2.3")["runs"]
    [result] = run["results"]
    assert result["ruleId"] == "R001"
    assert result["level"] == "error"
    assert result["message"]["text"] == "steps.a: no step 'x'; expected load (did you mean 'y'?)"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a%20b/%C3%A4.json"},
                "region": {"startLine": 3, "startColumn": 7},
            }
        }
    ]
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert run["tool"]["driver"]["rules"] == [
        {"id": "R001", "shortDescription": {"text": CODES["R001"]}}
    ]


def test_a_problem_without_a_line() -> None:
    [run] = sarif([Problem(code="D001", message="there is no such file", file="a.json")], "1")[
        "runs"
    ]
    [result] = run["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]


def test_a_line_whose_column_is_unknown_has_none() -> None:
    [run] = sarif([Problem(code="R032", message="m", file="steps.py", line=3)], "1")["runs"]
    [place] = run["results"][0]["locations"]
    assert place["physicalLocation"]["region"] == {"startLine": 3}


def test_a_problem_without_a_file_has_no_place() -> None:
    [run] = sarif([Problem(code="I202", message="m")], "1")["runs"]
    assert "locations" not in run["results"][0]


SHAPE = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tool", "results"],
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "properties": {"driver": {"$ref": "#/$defs/driver"}},
                },
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "driver": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "rules": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {"type": "object", "required": ["id"]},
                },
            },
        },
        "result": {
            "type": "object",
            "additionalProperties": False,
            "required": ["message"],
            "properties": {
                "ruleId": {"type": "string"},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {
                    "type": "object",
                    "required": ["text"],
                    "properties": {"text": {"type": "string"}},
                },
                "locations": {"type": "array", "items": {"$ref": "#/$defs/location"}},
            },
        },
        "location": {
            "type": "object",
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["artifactLocation"],
                    "properties": {
                        "artifactLocation": {
                            "properties": {"uri": {"type": "string", "pattern": "^[!-~]+$"}}
                        },
                        "region": {
                            "additionalProperties": False,
                            "properties": {
                                "startLine": {"type": "integer", "minimum": 1},
                                "startColumn": {"type": "integer", "minimum": 1},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What SARIF 2.1.0 asks of the parts that are written (its sections 3.13, 3.14, 3.27 and 3.30)."""


def test_all_that_fuzzed_projects_tell_is_of_sarif_s_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validator = jsonschema.Draft202012Validator(SHAPE)
    seen = set()
    for index in range(60):
        folder = tmp_path / str(index)
        mutate.write(mutate.project(f"sarif/{index}"), folder, f"sarif/{index}")
        monkeypatch.chdir(folder)
        found = check(folder).problems
        validator.validate(sarif(found, "1"))
        seen |= {one.code for one in found}
    assert len(seen) > 25


def test_columns_are_characters() -> None:
    [run] = sarif([ONE], "1")["runs"]
    assert run["columnKind"] == "unicodeCodePoints"


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_levels_are_sarif_s(severity: str) -> None:
    problem = Problem(code="N001", message="m", severity=severity)
    [run] = sarif([problem], "1")["runs"]
    assert run["results"][0]["level"] == severity


def test_what_check_tells_can_be_written(tmp_path: Path) -> None:
    found = check(
        write(tmp_path, shop(("training.json", "steps.train.params.tree", "\u202e😀")))
    ).problems
    assert json.loads(json.dumps(sarif(found, "1")))["version"] == "2.1.0"
