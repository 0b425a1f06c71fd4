"""SARIF, for code review."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atlas.errors import Problem
from atlas.validate import check
from atlas.validate.codes import CODES
from atlas.validate.sarif import sarif
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


def test_columns_are_characters() -> None:
    [run] = sarif([ONE], "1")["runs"]
    assert run["columnKind"] == "unicodeCodePoints"


@pytest.mark.parametrize("severity", ["error", "note"])
def test_levels_are_sarif_s(severity: str) -> None:
    problem = Problem(code="N001", message="m", severity=severity)
    [run] = sarif([problem], "1")["runs"]
    assert run["results"][0]["level"] == severity


def test_what_check_tells_can_be_written(tmp_path: Path) -> None:
    found = check(
        write(tmp_path, shop(("training.json", "steps.train.params.tree", "\u202e😀")))
    ).problems
    assert json.loads(json.dumps(sarif(found, "1")))["version"] == "2.1.0"
