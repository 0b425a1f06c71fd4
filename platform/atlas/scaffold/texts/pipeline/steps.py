"""The steps of the pipeline, one class each.

A class's annotated attributes are its params, the parameters of its run method its inputs, and the
fields of what it returns its outputs. The Recipes say what is given to what.
"""

from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd

from atlas import Bounds, Data, Evaluator, Predictor, Sink, Source, Template, Trainer


class Parts(NamedTuple):
    """Rows to learn from, and rows to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class Load(Template):
    """Reads all rows, and keeps every so many of them for the test."""

    test_every: Annotated[int, Bounds(2, 100)] = 4

    def run(self, source: Data) -> Parts:
        """Read and split the rows."""
        rows: pd.DataFrame = source.read()
        kept = rows.index % self.test_every == 0
        self.context.metric("rows", len(rows))
        return Parts(rows[~kept].reset_index(drop=True), rows[kept].reset_index(drop=True))


class Train(Trainer):
    """Learns a line: the weight of each column, and a constant."""

    target: str
    columns: list[str]

    def train(self, rows: pd.DataFrame) -> dict[str, float]:
        """Return the weights with the least squared error."""
        table = rows[self.columns].assign(constant=1.0)
        weights = np.linalg.lstsq(table.to_numpy(), rows[self.target].to_numpy())[0]
        return dict(zip(table.columns, weights.tolist(), strict=True))


class Evaluate(Evaluator):
    """Measures the line on rows that it hasn't seen."""

    target: str

    def evaluate(self, model: dict[str, float], rows: pd.DataFrame) -> dict[str, float]:
        """Return the share of the variance that is explained, and the mean error."""
        truth = rows[self.target]
        error = truth - predict(model, rows)
        r2 = 1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum()
        return {"r2": float(r2), "mean_error": float(error.abs().mean())}


class LoadHouses(Source):
    """Reads houses whose price is asked for."""


class Score(Predictor):
    """Tells prices by the line that training has learnt."""

    def predict(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        """Return the price of each house."""
        return pd.DataFrame({"price": predict(model, rows)})


class WriteScores(Sink):
    """Writes the prices where the Environment says."""


def predict(model: dict[str, float], rows: pd.DataFrame) -> pd.Series:
    """Return the price that the line gives each row."""
    columns = [name for name in model if name != "constant"]
    weights = pd.Series({name: model[name] for name in columns})
    return rows[columns].mul(weights).sum(axis="columns") + model["constant"]
