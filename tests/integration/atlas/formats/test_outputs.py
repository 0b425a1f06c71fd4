"""A pipeline with figures and a model of another library: its run, its report, and what is read of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import atlas
from atlas.artifacts import opened
from atlas.artifacts.copying import copied
from atlas.artifacts.showing import shown
from atlas.draw.report import report
from atlas.errors import AtlasError, StoreError
from tests.projects import Project, environment, project

__all__ = ["project"]

SOURCE = """
    from dataclasses import dataclass

    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    import xgboost
    from matplotlib.figure import Figure
    from PIL import Image

    from atlas import Png


    @dataclass(frozen=True)
    class Settings:
        depth: int
        names: tuple[str, ...]


    class Made(NamedTuple):
        rows: pd.DataFrame
        settings: Settings


    class Make(Template):
        def run(self) -> Made:
            x = np.arange(20.0)
            rows = pd.DataFrame({"x": x, "y": x * 2, "site": "<i>north</i>"})
            return Made(rows, Settings(2, ("a", "b")))


    class Drawn(NamedTuple):
        loss: Figure
        chart: go.Figure
        photo: Image.Image
        model: xgboost.XGBRegressor


    class Draw(Template):
        def run(self, rows: pd.DataFrame, settings: Settings) -> Drawn:
            assert settings == Settings(2, ("a", "b"))
            made = Figure(figsize=(2, 1))
            made.subplots().plot(rows["x"], rows["y"])
            model = xgboost.XGBRegressor(n_estimators=2, max_depth=settings.depth)
            model.fit(rows[["x"]], rows["y"])
            self.context.metric("error", 0.25)
            chart = go.Figure(go.Scatter(x=rows["x"], y=rows["y"]))
            return Drawn(made, chart, Image.new("RGB", (4, 3), "red"), model)


    class Measured(NamedTuple):
        size: int
        title: str


    class Measure(Template):
        def run(self, loss: Png, chart: go.Figure, photo: Image.Image) -> Measured:
            assert photo.size == (4, 3)
            return Measured(len(loss), type(chart).__name__)
"""
STEPS = {
    "make": {"class": "steps:Make"},
    "draw": {
        "class": "steps:Draw",
        "inputs": {"rows": "make.rows", "settings": "make.settings"},
    },
    "measure": {
        "class": "steps:Measure",
        "inputs": {"loss": "draw.loss", "chart": "draw.chart", "photo": "draw.photo"},
    },
}
CONFIG = {"model": {"name": "plots", "from": {"model": "draw.model"}}}


@pytest.fixture
def plots(project: Project) -> Project:
    project.pipeline("plots", SOURCE, STEPS, config=CONFIG)
    return project


def test_a_run_its_report_and_what_is_read_of_it(plots: Project, tmp_path: Path) -> None:
    ran = plots.run("plots", report=report)
    assert ran.ok, ran.errors()
    folder = Path(plots.store.location.local(f"plots/{ran.id}"))
    page = (folder / "report.html").read_text("utf-8")
    _check_report(page)
    _check_values(plots, ran.id)
    _check_commands(plots, ran.id, tmp_path)
    again = plots.run("plots", report=report)
    assert again.cached() == {"make", "draw", "measure"}


def _check_report(page: str) -> None:
    """It shows each figure, rows, sizes, the version and the champion; and nothing is markup."""
    assert page.count("<figure>") == 3
    assert page.count("data:image/png;base64,") == 2
    (frame,) = re.findall(r"<iframe [^>]*>", page)
    assert 'sandbox="allow-scripts"' in frame
    assert frame.endswith('/draw/chart/data.html">')
    assert "20 rows, 3 columns" in page
    assert "&lt;i&gt;north&lt;/i&gt;" in page
    assert "<i>north" not in page
    assert "plots, version local-1" in page
    assert "is the champion" in page
    assert "XGBRegressor" in page


def _check_values(plots: Project, run: str) -> None:
    """`atlas.load` gives the values, and makes nothing of the pipeline's own unless told to."""
    model = atlas.load("models:/plots@champion", project=plots.root)
    assert model.get_params()["max_depth"] == 2
    assert atlas.load(f"{run}/make.rows", project=plots.root).shape == (20, 3)
    assert type(atlas.load(f"plots/{run}/draw.loss", project=plots.root)) is atlas.Png
    with pytest.raises(StoreError, match="isn't of this pipeline's own code"):
        atlas.load(f"{run}/make.settings", project=plots.root)
    own = atlas.load(f"{run}/make.settings", project=plots.root, code=plots.root / "plots")
    assert (own.depth, own.names) == (2, ("a", "b"))


def _check_commands(plots: Project, run: str, tmp_path: Path) -> None:
    done = plots.atlas("show", run, "--json")
    facts = json.loads(done.stdout)
    assert facts["metrics"] == {"draw.error": 0.25}
    assert "draw.loss" in [output["name"] for output in facts["outputs"]]
    out = tmp_path / "got"
    with opened(plots.root, "local") as place:
        table = shown(place, f"{run}/make.rows", 2).text
        assert "20 rows, 3 columns" in table
        assert table.count("<i>north</i>") == 2
        (file,) = copied(place, "models:/plots@champion", out)
        assert Path(file) == out / "model.ubj"
        with pytest.raises(AtlasError, match="is there already"):
            copied(place, "models:/plots@champion", out)
        with pytest.raises(StoreError, match="isn't there"):
            shown(place, f"{run}/draw.losss")
        with pytest.raises(AtlasError, match="isn't an artifact; expected a run's output"):
            copied(place, "loss", out)


def test_an_altered_artifact_is_neither_loaded_nor_written(plots: Project, tmp_path: Path) -> None:
    ran = plots.run("plots")
    place = Path(plots.store.location.local(f"plots/{ran.id}/draw/loss/data.png"))
    place.chmod(0o644)
    place.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 20)
    with pytest.raises(StoreError, match="corrupt"):
        atlas.load(f"{ran.id}/draw.loss", project=plots.root)
    got = plots.atlas("artifact", "get", f"{ran.id}/draw.loss", "--out", tmp_path / "got")
    assert "it was altered" in got.stderr
    assert list((tmp_path / "got").iterdir()) == []


def test_no_library_of_pictures_or_models_is_imported_to_validate(plots: Project) -> None:
    code = (
        "import sys; from atlas.validate import check; check(__import__('pathlib').Path('plots'));"
        "print([m for m in ('matplotlib', 'plotly', 'PIL', 'xgboost', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=plots.root, env=environment(), capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
