"""The steps of the tumour pipelines."""

from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from atlas import Bounds, Data, Predictor, RowEvaluator, Sink, Source, Template, Trainer, Transform


class LoadTumours(Source):
    """Reads tumours and records how many there are."""

    def read(self, source: Data) -> pd.DataFrame:
        """Return all rows."""
        rows = source.read()
        self.context.metric("rows_read", len(rows))
        return rows


class Scale(Transform):
    """Scales measurements to mean 0 and deviation 1; other columns stay as they are."""

    columns: list[str]

    def fit(self, rows: pd.DataFrame) -> StandardScaler:
        """Learn each column's mean and deviation."""
        return StandardScaler().fit(rows[self.columns].to_numpy())

    def apply(self, rows: pd.DataFrame, fitted: StandardScaler) -> pd.DataFrame:
        """Scale the columns."""
        scaled = fitted.transform(rows[self.columns].to_numpy())
        return rows.assign(**dict(zip(self.columns, scaled.T, strict=True)))


class Parts(NamedTuple):
    """Rows to learn from, and rows to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class Split(Template):
    """Splits rows at random, with the same share of the target in both parts."""

    target: str
    fraction: Annotated[float, Bounds(0.01, 0.99)] = 0.25
    seed: int = 7

    def run(self, rows: pd.DataFrame) -> Parts:
        """Split the rows."""
        train, test = train_test_split(
            rows, test_size=self.fraction, random_state=self.seed, stratify=rows[self.target]
        )
        return Parts(train.reset_index(drop=True), test.reset_index(drop=True))


class TrainForest(Trainer):
    """Trains a random forest."""

    target: str
    columns: list[str]
    trees: Annotated[int, Bounds(1, 10_000)] = 100
    seed: int = 7

    def train(self, rows: pd.DataFrame) -> RandomForestClassifier:
        """Train on the columns."""
        forest = RandomForestClassifier(n_estimators=self.trees, random_state=self.seed)
        return forest.fit(rows[self.columns].to_numpy(), rows[self.target].to_numpy())


class Evaluate(RowEvaluator):
    """Measures a classifier on rows that it hasn't seen."""

    target: str
    columns: list[str]
    large: float = 550.0

    def evaluate_rows(self, model: RandomForestClassifier, rows: pd.DataFrame) -> pd.DataFrame:
        """Return each patient's squared error of the probability, and whether the guess is right.

        The mean of the squared errors is the Brier score. Slices are by the size of the tumour.
        """
        probability, truth = self._scored(model, rows)
        size = np.where(rows["mean area"] >= self.large, "large", "small")
        return rows[["patient"]].assign(
            size=size,
            brier=(probability - truth) ** 2,
            accuracy=(probability >= 0.5) == truth,  # noqa: PLR2004
        )

    def evaluate(self, model: RandomForestClassifier, rows: pd.DataFrame) -> dict[str, float]:
        """Return the area under the ROC curve, which is no mean of rows."""
        probability, truth = self._scored(model, rows)
        return {"roc_auc": float(roc_auc_score(truth, probability))}

    def _scored(self, model: RandomForestClassifier, rows: pd.DataFrame) -> tuple[Any, Any]:
        probability = model.predict_proba(rows[self.columns].to_numpy())[:, 1]
        return probability, rows[self.target].to_numpy()


class Score(Predictor):
    """Scores rows with the probability to be malignant."""

    columns: list[str]

    def predict(self, model: RandomForestClassifier, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one probability for each row."""
        probability: Any = model.predict_proba(rows[self.columns].to_numpy())[:, 1]
        self.context.metric("mean_score", float(probability.mean()))
        return pd.DataFrame({"patient": rows["patient"].to_numpy(), "malignant": probability})


class WriteScores(Sink):
    """Writes the scores where the Environment says."""
