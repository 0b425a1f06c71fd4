"""The steps of the diabetes pipelines."""

import html
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, train_test_split

from atlas import Bounds, Data, Html, Predictor, RowEvaluator, Sink, Source, Template


class LoadPatients(Source):
    """Reads patients and records how many there are."""

    def read(self, source: Data) -> pd.DataFrame:
        """Return all rows."""
        rows = source.read()
        self.context.metric("rows_read", len(rows))
        return rows


class Parts(NamedTuple):
    """Rows to learn from, and rows to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class Split(Template):
    """Splits rows at random."""

    fraction: Annotated[float, Bounds(0.01, 0.99)] = 0.25
    seed: int = 7

    def run(self, rows: pd.DataFrame) -> Parts:
        """Split the rows."""
        train, test = train_test_split(rows, test_size=self.fraction, random_state=self.seed)
        return Parts(train.reset_index(drop=True), test.reset_index(drop=True))


class Folds(NamedTuple):
    """The names of the folds."""

    names: list[str]


class ListFolds(Template):
    """Names the folds: a step with `foreach` runs once for each."""

    folds: Annotated[int, Bounds(2, 50)] = 5

    def run(self) -> Folds:
        """Return the names, which are the numbers from 0 on."""
        return Folds([str(fold) for fold in range(self.folds)])


class Tried(NamedTuple):
    """What one fold has shown: strength of the penalty, as text → mean absolute error."""

    errors: dict[str, float]


class TryFold(Template):
    """Trains on all folds but one with each strength, and measures on that one."""

    target: str
    columns: list[str]
    strengths: list[float]
    seed: int = 7

    def run(self, rows: pd.DataFrame, folds: list[str], fold: str) -> Tried:
        """Try each strength."""
        cut = KFold(len(folds), shuffle=True, random_state=self.seed)
        learnt, held_out = list(cut.split(rows))[folds.index(fold)]
        errors = {}
        for strength in self.strengths:
            line = fitted(rows.iloc[learnt], self.columns, self.target, strength)
            guess = line.predict(rows.iloc[held_out][self.columns].to_numpy())
            truth = rows.iloc[held_out][self.target].to_numpy()
            errors[str(strength)] = float(np.abs(guess - truth).mean())
        return Tried(errors)


class Chosen(NamedTuple):
    """The strength with the least error over all folds, and a table of what was tried."""

    strength: float
    report: Html


class ChooseStrength(Template):
    """Gathers what the folds have shown."""

    def run(self, errors: list[dict[str, float]]) -> Chosen:
        """Choose the strength with the least mean error."""
        table = pd.DataFrame(errors)
        means = table.mean()
        best = str(means.idxmin())
        self.context.metric("folds", len(table))
        self.context.metric("mae", float(means[best]))
        title = html.escape(f"Strength {best}: {means[best]:.1f} off, on the mean of {len(table)}")
        page = table.rename_axis("fold").round(2).to_html()
        return Chosen(float(best), Html(f"<h1>{title} folds</h1>{page}"))


class Trained(NamedTuple):
    """A model."""

    model: Ridge


class TrainRidge(Template):
    """Trains a linear model with a penalty on large weights; a strength comes as an input."""

    target: str
    columns: list[str]

    def run(self, rows: pd.DataFrame, strength: float) -> Trained:
        """Train on the columns."""
        return Trained(fitted(rows, self.columns, self.target, strength))


class Evaluate(RowEvaluator):
    """Measures a model on patients that it hasn't seen."""

    target: str
    columns: list[str]

    def evaluate_rows(self, model: Ridge, rows: pd.DataFrame) -> pd.DataFrame:
        """Return each patient's absolute error, and the square of it."""
        off = model.predict(rows[self.columns].to_numpy()) - rows[self.target].to_numpy()
        older = np.where(rows["age"] >= 0, "older", "younger")
        return rows[["patient"]].assign(age=older, mae=np.abs(off), mse=off**2)


class Score(Predictor):
    """Says how far the disease will have gone a year from now."""

    columns: list[str]

    def predict(self, model: Ridge, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one number for each patient."""
        progression = model.predict(rows[self.columns].to_numpy())
        self.context.metric("mean_score", float(progression.mean()))
        return rows[["patient"]].assign(progression=progression)


class WriteScores(Sink):
    """Writes the scores where the Environment says."""


def fitted(rows: pd.DataFrame, columns: list[str], target: str, strength: float) -> Ridge:
    """Return a model that was fitted to rows, with a penalty of a strength."""
    return Ridge(alpha=strength).fit(rows[columns].to_numpy(), rows[target].to_numpy())
