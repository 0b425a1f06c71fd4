"""What inference takes of training: its types once they are imported, its outputs by their step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atlas.plan import resolve
from atlas.step.imported import import_problems
from atlas.validate import check

STEPS = """
from decimal import Decimal
from typing import NamedTuple
from atlas import Template

class Fitted(NamedTuple):
    fitted: Decimal

class Fit(Template):
    def run(self) -> Fitted:
        return Fitted(Decimal(1))

class Right(Template):
    def run(self, part: Decimal) -> None: ...

class Wrong(Template):
    def run(self, part: dict[str, float]) -> None: ...
"""


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def project(root: Path, cls: str, part: str = "fit.fitted", **training: Any) -> None:
    write(root / "pyproject.toml", "[tool.atlas]\n")
    write(root / "steps.py", STEPS)
    step = {"class": f"steps:{cls}", "inputs": {"part": "model.part"}}
    recipe = {
        "version": 1,
        "name": "t",
        "flow": "training",
        "steps": {"fit": {"class": "steps:Fit"}},
    }
    write(root / "t.json", {**recipe, **training})
    write(root / "i.json", {"version": 1, "name": "i", "flow": "inference", "steps": {"s": step}})
    recipes = {"training": "t.json", "inference": "i.json"}
    model = {"name": "m", "from": {"part": part}}
    write(root / "config.json", {"version": 1, "name": "p", "recipes": recipes, "model": model})


@pytest.mark.parametrize(("cls", "codes"), [("Right", []), ("Wrong", ["R012"])])
def test_a_part_of_the_model_is_compared_once_both_are_imported(
    tmp_path: Path, cls: str, codes: list[str]
) -> None:
    project(tmp_path, cls)
    report = check(tmp_path)
    assert not report.errors
    assert [one.code for one in import_problems(report)] == codes


def test_a_part_of_the_model_that_a_shared_recipe_gives_is_its_steps(tmp_path: Path) -> None:
    shared = {"features": {"recipe": "f.json"}}
    project(tmp_path, "Right", "features.fitted", steps=shared)
    fit = {"fit": {"class": "steps:Fit"}}
    write(
        tmp_path / "f.json",
        {"version": 1, "name": "f", "outputs": {"fitted": "fit.fitted"}, "steps": fit},
    )
    (one,) = resolve(tmp_path)
    parts = [plan.model.parts for plan in one.plans.values() if plan.model]
    assert parts == [{"part": "features.fit.fitted"}] * 2
