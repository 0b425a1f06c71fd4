"""The language: Recipes checked by the thousand, one by itself, and a Plan of 100 steps against its sources."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from atlas.environment import Project
from atlas.load import Loader
from atlas.validate import check
from tests.bench.bench_graph import best
from tests.bench.table import Row, at_most
from tests.bench.timing import BIN, seconds

_SOURCE = '''"""Steps of module {index}."""

from typing import Annotated, NamedTuple

import pandas as pd

from atlas import Bounds, Template


class Rows(NamedTuple):
    rows: pd.DataFrame
    scores: dict[str, float]


class First(Template):
    """Makes rows."""

    column: str = "x"

    def run(self) -> Rows:
        frame = pd.DataFrame({{self.column: range(10)}})
        return Rows(frame, {{"mean": float(frame[self.column].mean())}})


class Next(Template):
    """Changes rows."""

    column: str
    share: Annotated[float, Bounds(0, 1)] = 0.5

    def run(self, rows: pd.DataFrame, scores: dict[str, float] | None = None) -> Rows:
        kept = rows.sample(frac=self.share)
        return Rows(kept, {{**(scores or {{}}), self.column: float(len(kept))}})
'''


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        recipes = _recipes(folder / "many", 1000)
        one = _pipeline(folder / "one", steps=10, modules=1)
        large = _pipeline(folder / "large", steps=100, modules=20)
        here = os.getcwd()
        os.chdir(folder)
        try:
            return [
                at_most(
                    "1,000 Recipes of 10 steps: structure", best(lambda: _load(recipes)), 1.0, "s"
                ),
                at_most(
                    "100 steps over 20 sources: contract", best(lambda: _checked(large)), 0.15, "s"
                ),
                at_most("atlas validate, one Recipe", _process(one / "training.json"), 0.25, "s"),
            ]
        finally:
            os.chdir(here)


def _load(files: list[Path]) -> None:
    """Read Recipes and check their structure, as a scan would."""
    root = files[0].parent
    loader = Loader(Project(root, root / ".atlas"))
    loaded = [loader.recipe(file) for file in files]
    if loader.problems or not all(loaded):
        raise AssertionError(loader.problems[:3])


def _checked(folder: Path) -> None:
    report = check(folder)
    if report.problems or len(report.checked[0].subjects["training"].signatures) != 100:
        raise AssertionError(report.problems[:3])


def _process(file: Path) -> float:
    return seconds(BIN / "atlas", "validate", file, folder=file.parent)


def _recipes(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    files = [folder / f"recipe-{index}.json" for index in range(count)]
    for index, file in enumerate(files):
        file.write_text(json.dumps(_recipe(f"recipe-{index}", 10, 1), indent=2))
    return files


def _pipeline(folder: Path, steps: int, modules: int) -> Path:
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.atlas]\n")
    for index in range(modules):
        (folder / f"steps{index}.py").write_text(_SOURCE.format(index=index))
    config = {"version": 1, "name": "bench", "recipes": {"training": "training.json"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "training.json").write_text(json.dumps(_recipe("bench", steps, modules), indent=2))
    return folder


def _recipe(name: str, steps: int, modules: int) -> dict[str, Any]:
    """Return a Recipe of a chain of steps, their classes of as many modules."""
    made: dict[str, Any] = {"step-0": {"class": "steps0:First"}}
    for index in range(1, steps):
        before = f"step-{index - 1}"
        made[f"step-{index}"] = {
            "class": f"steps{index % modules}:Next",
            "inputs": {"rows": f"{before}.rows", "scores": f"{before}.scores"},
            "params": {"column": f"column {index}", "share": 0.5},
            "resources": {"cpu": 1, "memory": "2Gi"},
            "retries": {"limit": 2, "delay": "10s"},
        }
    return {"version": 1, "name": name, "flow": "training", "steps": made}
