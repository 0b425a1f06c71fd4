"""Rules about the tables that are monitored, and what their batches have to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.atlas.shop import checked, shop, write

C = "config.json"
FEATURES = {"from": "load.rows", "columns": ["size", "price"]}
STATISTICS = {"features": FEATURES}


def features(**more: Any) -> tuple[str, str, Any]:
    return (C, "statistics", {"features": {**FEATURES, **more}})


WRONG: dict[str, tuple[list[Any], list[str]]] = {
    "nothing": ([features()], []),
    "a step that there isn't": (
        [features(**{"from": "laod.rows"})], ["C040 config.json statistics.features.from"],
    ),
    "an output that there isn't": (
        [features(**{"from": "load.rwos"})],
        ["C040 config.json statistics.features.from"],
    ),
    "a table of training": ([features(training="features.rows")], []),
    "a training step that there isn't": (
        [features(training="score.scores")], ["C040 config.json statistics.features.training"],
    ),
    "a training output that there isn't": (
        [features(training="load.scores")], ["C040 config.json statistics.features.training"],
    ),
    "quality without statistics": ([(C, "quality", {})], ["C042 config.json quality"]),
    "quality of all": ([features(), (C, "quality", {"on_breach": "fail"})], []),
    "quality of a column that isn't looked at": (
        [features(), (C, "quality", {"columns": {"siez": {"checks": []}}})],
        ["C042 config.json quality.columns.siez"],
    ),
    "a range that is empty": (
        [features(), (C, "quality", {"columns": {"size": {"minimum": 2, "maximum": 1}}})],
        ["C042 config.json quality.columns.size"],
    ),
    "quality of what training doesn't make": (
        [
            (C, "statistics", {"predictions": {"from": "score.scores", "columns": ["price"]}}),
            (C, "quality", {}),
        ],
        ["C040 config.json statistics.predictions.from", "C042 config.json quality"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_config_is_told_once(name: str, tmp_path: Path) -> None:
    changes, expected = WRONG[name]
    found = checked(write(tmp_path, shop(*changes)))
    assert [one for one in found if " N" not in f" {one}"] == expected


def test_a_step_that_runs_for_each_key_cant_fail_for_the_quality_of_all(tmp_path: Path) -> None:
    keys = ("inference.json", "steps.load.foreach", {"key": "load.keys"})
    fail = (C, "quality", {"on_breach": "fail"})
    expected = "C042 config.json quality.on_breach"
    assert expected in checked(write(tmp_path / "a", shop(keys, features(), fail)))
    assert expected not in checked(
        write(tmp_path / "b", shop(keys, features(), (C, "quality", {})))
    )


SHAPES: dict[str, dict[str, Any]] = {
    "a score without a label": {
        "statistics": {"predictions": {"from": "a.b", "columns": ["p"], "score": "p"}}
    },
    "a label of a number with a part": {
        "statistics": {
            "predictions": {
                "from": "a.b", "columns": ["p"], "score": "p", "label": "l", "positive": 0.5,
            }
        }
    },
    "a check that there isn't": {"quality": {"checks": ["unit"]}},
    "a share above 1": {"quality": {"missing": 1.5}},
    "what a breach can't lead to": {"quality": {"on_breach": "stop"}},
    "a column of nothing": {"quality": {"columns": {"size": {}}}},
    "a field that there isn't": {"quality": {"column": {}}},
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_section_of_another_shape_is_refused(name: str, tmp_path: Path) -> None:
    changes = [(C, section, value) for section, value in SHAPES[name].items()]
    assert any(one.startswith("S") for one in checked(write(tmp_path, shop(*changes))))
