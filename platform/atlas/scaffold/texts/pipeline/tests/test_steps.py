"""Tests of the steps: a constructor and a call each. `atlas test` runs them, and so does pytest."""

import pandas as pd
from steps import Evaluate, Load, LoadHouses, Score, Train, WriteScores, predict

from atlas.testing import MemoryData, recording

HOUSES = pd.DataFrame(
    {
        "area": [50.0, 100.0, 150.0, 80.0, 120.0, 60.0],
        "rooms": [2, 4, 5, 3, 4, 3],
        "price": [200.0, 400.0, 550.0, 310.0, 440.0, 270.0],
    }
)
COLUMNS = ["area", "rooms"]


def test_load_keeps_every_so_many_rows_for_the_test() -> None:
    context, metrics = recording()
    parts = Load(test_every=3, context=context).run(MemoryData(HOUSES))
    assert parts.test["area"].tolist() == [50.0, 80.0]
    assert len(parts.train) == 4
    assert metrics == {"rows": 6}


def test_train_finds_the_line_that_is_there() -> None:
    line = {"area": 3.0, "rooms": 10.0, "constant": 25.0}
    rows = HOUSES.assign(price=predict(line, HOUSES))
    model = Train(target="price", columns=COLUMNS).run(rows).model
    assert model.keys() == line.keys()
    assert all(abs(model[name] - line[name]) < 1e-6 for name in line)


def test_evaluate_knows_a_perfect_line_from_none() -> None:
    line = {"area": 3.0, "rooms": 10.0, "constant": 25.0}
    mean = {"area": 0.0, "rooms": 0.0, "constant": float(HOUSES["price"].mean())}
    perfect = HOUSES.assign(price=predict(line, HOUSES))
    assert Evaluate(target="price").run(line, perfect).metrics == {"r2": 1.0, "mean_error": 0.0}
    assert Evaluate(target="price").run(mean, HOUSES).metrics["r2"] == 0.0


def test_a_price_is_told_for_each_house_and_written() -> None:
    line = {"area": 3.0, "rooms": 10.0, "constant": 25.0}
    scores = Score().run(line, LoadHouses().run(MemoryData(HOUSES)).rows).scores
    assert scores["price"].tolist() == predict(line, HOUSES).tolist()
    target = MemoryData()
    WriteScores().run(scores, target)
    assert target.read() is scores
