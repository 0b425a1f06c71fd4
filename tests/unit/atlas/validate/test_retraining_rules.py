"""Rules about a Config's retraining."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.atlas.shop import DROP, checked, shop, write

C = "config.json"
R = f"{C} retraining"
STATISTICS = {
    "features": {"from": "features.rows", "columns": ["size", "age"]},
    "predictions": {"from": "features.rows", "columns": ["price"]},
}


def config(retraining: dict[str, Any], **changed: Any) -> list[tuple[str, str, Any]]:
    return [(C, "retraining", retraining), *((C, name, value) for name, value in changed.items())]


def degradation(**rule: Any) -> list[tuple[str, str, Any]]:
    return config({"degradation": rule})


def drift(**rule: Any) -> list[tuple[str, str, Any]]:
    return config({"drift": rule}, statistics=STATISTICS)


WRONG = {
    "no model": (
        [(C, "model", DROP), (C, "promotion", DROP), ("inference.json", "steps.score.inputs.model", DROP),
         ("inference.json", "steps.features.inputs.means", DROP),
         ("steps.py", "def run(self, model: dict[str, float], rows: pd.DataFrame, target", "def run(self, rows: pd.DataFrame, target")],
        [f"C043 {R}"],
    ),
    "no inference": (
        [(C, "recipes", {"training": "training.json"}), (C, "data.scores", DROP), (C, "schedule", DROP)],
        [f"C043 {R}"],
    ),
    "two bounds": (degradation(metric="error", below=1, above=2), [f"C045 {R}.degradation"]),
    "below where lower is better": (
        degradation(metric="rmse", below=3), [f"C045 {R}.degradation.below"],
    ),
    "above where higher is better": (
        degradation(metric="accuracy", above=3), [f"C045 {R}.degradation.above"],
    ),
    "no bound of another metric": (degradation(metric="roc_auc"), [f"C045 {R}.degradation"]),
    "a margin of another metric": (
        degradation(metric="error", margin=0.1), [f"C045 {R}.degradation"],
    ),
    "a margin beside a bound": (
        degradation(metric="mae", above=3, margin=0.1), [f"C045 {R}.degradation.margin"],
    ),
    "a test beside a bound": (
        degradation(metric="mae", above=3, test="evaluate.mae"), [f"C045 {R}.degradation.test"],
    ),
    "rows that nothing counts": (config({"new_rows": 9}), [f"C044 {R}.new_rows"]),
    "drift of nothing": (config({"drift": {}}), [f"C044 {R}.drift"]),
    "drift of predictions alone, and none": (
        config({"drift": {"predictions": True}}, statistics={"features": STATISTICS["features"]}),
        [f"C044 {R}.drift.predictions"],
    ),
    "drift of another column": (
        drift(features=["size", "sise"]), [f"C044 {R}.drift.features[1]"],
    ),
    "a tolerance of another column": (
        drift(tolerance={"size": 0.1, "sise": 0.1}), [f"C044 {R}.drift.tolerance.sise"],
    ),
    "an estimate of nothing": (
        config({"estimate": {"metric": "accuracy", "below": 0.8}}, statistics=STATISTICS),
        [f"C044 {R}.estimate"],
    ),
    "an estimate without a bound": (
        config({"estimate": {"metric": "accuracy"}}, statistics=STATISTICS),
        [f"C044 {R}.estimate", f"C045 {R}.estimate"],
    ),
    "a parameter that there isn't": (
        config({"new_labels": 1, "parameters": {"drift": {"most": 1}}}),
        [f"C003 {R}.parameters.drift.most"],
    ),
    "a parameter out of its bounds": (
        config({"new_labels": 1, "parameters": {"all": {"least": 99}}}),
        [f"R034 {R}.parameters.all.least"],
    ),
    "a schedule that is none": (
        config({"new_labels": 1, "schedule": {"cron": "61 * * * *", "timezone": "Europe/Bern"}}),
        [f"C006 {R}.schedule.cron", f"C006 {R}.schedule.timezone"],
    ),
}  # fmt: skip
RIGHT = {
    "nothing": config({}),
    "a bound": degradation(metric="error", above=12),
    "a margin": degradation(metric="mae", margin=0.5, test="evaluate.mae", batches=3),
    "neither": degradation(metric="log_loss"),
    "drift of all": drift(),
    "drift of some": drift(features=["size"], predictions=True, tolerance={"price": 0.1}),
    "drift of predictions": config(
        {"drift": {"predictions": True}}, statistics={"predictions": STATISTICS["predictions"]}
    ),
    "terms": config(
        {
            "new_labels": 10,
            "window": "90d",
            "parameters": {"all": {"least": 3}, "manual": {"least": 4}},
            "approval": "training",
            "schedule": {"cron": "@daily", "timezone": "Europe/Berlin"},
        }
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str, tmp_path: Path) -> None:
    changes, expected = WRONG[case]
    assert checked(write(tmp_path, shop(*changes))) == expected


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_has_no_problem(case: str, tmp_path: Path) -> None:
    assert checked(write(tmp_path, shop(*RIGHT[case]))) == []
