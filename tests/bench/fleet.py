"""A fleet as teams have it: folders of ten steps each, every one with code of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 10
_SOURCE = '''"""Steps of pipeline {name}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from atlas import Bounds, Template

if TYPE_CHECKING:
    import pandas as pd


class Rows(NamedTuple):
    """What a step gives."""

    rows: pd.DataFrame
    scores: dict[str, float]


class First(Template):
    """Makes the rows of pipeline {name}."""

    count: int = {number}

    def run(self) -> Rows:
        import pandas as pd

        frame = pd.DataFrame({{"x": range(self.count)}})
        return Rows(frame, {{"mean": float(frame["x"].mean())}})


class Next(Template):
    """Keeps a share of the rows."""

    column: str
    share: Annotated[float, Bounds(0, 1)] = 0.5

    def run(self, rows: pd.DataFrame, scores: dict[str, float] | None = None) -> Rows:
        kept = rows.sample(frac=self.share)
        return Rows(kept, {{**(scores or {{}}), self.column: float(len(kept))}})
'''


def fleet(root: Path, folders: int, *, own_names: bool = False) -> Path:
    """Write a project with so many pipelines' folders, and return it.

    Args:
        root: the project's folder, which is made.
        folders: how many.
        own_names: whether the steps of each folder have names that no other's have.
    """
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.atlas]\n")
    for number in range(folders):
        pipeline(root / f"p{number:04d}", number, f"_{number}" if own_names else "")
    return root


def pipeline(folder: Path, number: int, ending: str = "") -> None:
    """Write one pipeline's folder: a Config, a Recipe of ten steps, and their classes."""
    folder.mkdir()
    name = folder.name
    config = {"version": 1, "name": name, "recipes": {"training": "training.json"}}
    recipe = {"version": 1, "name": f"{name}-training", "flow": "training", "steps": _steps(ending)}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "training.json").write_text(json.dumps(recipe, indent=2))
    (folder / "steps.py").write_text(_SOURCE.format(name=name, number=number + 1))


def _steps(ending: str) -> dict[str, object]:
    steps: dict[str, object] = {f"step0{ending}": {"class": "steps:First"}}
    for number in range(1, STEPS):
        before = f"step{number - 1}{ending}"
        steps[f"step{number}{ending}"] = {
            "class": "steps:Next",
            "inputs": {"rows": f"{before}.rows", "scores": f"{before}.scores"},
            "params": {"column": f"column {number}"},
        }
    return steps
