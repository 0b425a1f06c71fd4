"""The steps of the spaceflights pipelines, one at a time: a call, or a constructor and a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import make_data
import pandas as pd
import pytest
from steps import (
    Choose,
    Draw,
    Evaluate,
    Measure,
    Price,
    Split,
    TrainForest,
    TrainKind,
    guessed,
    join,
    tidy_companies,
    tidy_shuttles,
)

from atlas.testing import recording

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ["motors", "seats", "staff", "lunar", "grade"]
FOREST = {"depth": 8, "leaf": 2}
FACTS: dict[str, Any] = {"target": "price", "columns": COLUMNS}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Shuttles, each with its company and its reviews."""
    found = make_data.tables()
    companies, shuttles = tidy_companies(found["companies"]), tidy_shuttles(found["shuttles"])
    return join(shuttles, companies, found["reviews"])


def test_texts_become_numbers_and_bools() -> None:
    companies = pd.DataFrame({"id": [1], "grade": ["90%"], "certified": ["no"]})
    tidy = tidy_companies(companies)[["grade", "certified"]]
    assert tidy.to_numpy().tolist() == [[0.9, False]]
    shuttles = {"id": [1], "inspected": ["yes"], "lunar": ["no"]}
    made = tidy_shuttles(pd.DataFrame({**shuttles, "price": ["1,325.5 USD"]}))
    assert made[["inspected", "lunar", "price"]].to_numpy().tolist() == [[True, False, 1325.5]]
    assert "price" not in tidy_shuttles(pd.DataFrame(shuttles))


def test_each_shuttle_is_joined_once(rows: pd.DataFrame) -> None:
    assert len(rows) == 480
    assert rows["grade"].notna().all()
    assert "shuttle" not in rows


def test_the_data_are_the_same_each_time(tmp_path: Path) -> None:
    assert make_data.write(tmp_path / "one") == make_data.write(tmp_path / "other")
    files = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "other").iterdir()}
    book = pd.read_excel(tmp_path / "one" / "shuttles.xlsx", sheet_name="shuttles")
    pd.testing.assert_frame_equal(book, make_data.tables()["shuttles"])


def test_a_line_is_less_far_off_than_the_mean(rows: pd.DataFrame) -> None:
    parts = Split().run(rows)
    model = TrainKind(**FACTS).run(parts.train, "line", FOREST).model
    context, metrics = recording()
    found = Measure(**FACTS, context=context).run(model, parts.test, "line")
    mean = (parts.test["price"] - parts.train["price"].mean()).abs().mean()
    assert found.mae < mean * 0.7
    assert metrics == {"mae": found.mae}
    evaluated = Evaluate(**FACTS).run(model, parts.test).metrics
    assert evaluated["mae"] == pytest.approx(found.mae)


def test_an_unknown_kind_is_told(rows: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no kind of model 'net'; there are line, forest"):
        TrainKind(**FACTS).run(rows, "net", FOREST)


def test_the_least_error_is_chosen(rows: pd.DataFrame) -> None:
    models = [TrainKind(**FACTS).run(rows, kind, FOREST).model for kind in ("line", "forest")]
    chosen = Choose().run(models, ["line", "forest"], [20.0, 10.0])
    assert chosen.model is models[1]
    assert "forest: $10 off" in chosen.report
    scores = Price(columns=COLUMNS).run(chosen.model, rows[:3]).scores
    assert scores["id"].tolist() == rows["id"][:3].tolist()


def test_a_forest_has_the_params_that_were_found(rows: pd.DataFrame) -> None:
    kind = TrainKind(**FACTS).run(rows, "forest", FOREST).model
    forest = kind[-1]
    assert (forest.max_depth, forest.min_samples_leaf) == (8, 2)
    same = TrainForest(**FACTS, **FOREST).run(rows).model
    assert (guessed(kind, rows, COLUMNS) == guessed(same, rows, COLUMNS)).all()


def test_a_figure_has_a_point_for_each_shuttle(rows: pd.DataFrame) -> None:
    model = TrainKind(**FACTS).run(rows, "line", FOREST).model
    (axes,) = Draw(**FACTS).run(model, rows).prices.axes
    points = axes.collections[0].get_offsets()
    assert points[:, 0].tolist() == rows["price"].tolist()
