"""The steps of the spaceflights pipelines, one at a time: a call, or a constructor and a call."""

from __future__ import annotations

from typing import Any

import make_data
import pandas as pd
import pytest
from steps import (
    Choose,
    Evaluate,
    Measure,
    Price,
    Split,
    TrainKind,
    join,
    tidy_companies,
    tidy_shuttles,
)

from atlas.testing import recording

COLUMNS = ["engines", "passenger_capacity", "crew", "company_rating"]
FACTS: dict[str, Any] = {"target": "price", "columns": COLUMNS}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Shuttles, each with its company and its reviews."""
    found = make_data.tables()
    companies, shuttles = tidy_companies(found["companies"]), tidy_shuttles(found["shuttles"])
    return join(shuttles, companies, found["reviews"])


def test_texts_become_numbers_and_bools() -> None:
    companies = pd.DataFrame({"id": [1], "company_rating": ["90%"], "iata_approved": ["f"]})
    assert tidy_companies(companies)[["company_rating", "iata_approved"]].to_numpy().tolist() == [
        [0.9, False]
    ]
    shuttles = {"id": [1], "d_check_complete": ["t"], "moon_clearance_complete": ["f"]}
    assert tidy_shuttles(pd.DataFrame({**shuttles, "price": ["$1,325.5"]}))["price"][0] == 1325.5
    assert "price" not in tidy_shuttles(pd.DataFrame(shuttles))


def test_each_shuttle_is_joined_once(rows: pd.DataFrame) -> None:
    assert len(rows) == 480
    assert rows["company_rating"].notna().all()
    assert "shuttle_id" not in rows


def test_the_data_are_the_same_each_time() -> None:
    one, other = make_data.tables(), make_data.tables()
    assert all(one[name].equals(other[name]) for name in one)


def test_a_line_is_less_far_off_than_the_mean(rows: pd.DataFrame) -> None:
    parts = Split().run(rows)
    model = TrainKind(**FACTS).run(parts.train, "line").model
    context, metrics = recording()
    found = Measure(**FACTS, context=context).run(model, parts.test, "line")
    mean = (parts.test["price"] - parts.train["price"].mean()).abs().mean()
    assert found.mae < mean / 2
    assert metrics == {"mae": found.mae}
    evaluated = Evaluate(**FACTS).run(model, parts.test).metrics
    assert evaluated["mae"] == pytest.approx(found.mae)


def test_an_unknown_kind_is_told(rows: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no kind of model 'net'; there are line, forest"):
        TrainKind(**FACTS).run(rows, "net")


def test_the_least_error_is_chosen(rows: pd.DataFrame) -> None:
    models = [TrainKind(**FACTS).run(rows, kind).model for kind in ("line", "forest")]
    chosen = Choose().run(models, ["line", "forest"], [20.0, 10.0])
    assert chosen.model is models[1]
    assert "forest: $10 off" in chosen.report
    scores = Price(columns=COLUMNS).run(chosen.model, rows[:3]).scores
    assert scores["id"].tolist() == rows["id"][:3].tolist()
