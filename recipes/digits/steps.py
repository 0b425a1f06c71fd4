"""The steps of the digits pipelines: one small model for each digit, and one that combines them."""

from collections.abc import Mapping
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from atlas import Bounds, Predictor, RowEvaluator, Sink, Source, Template, Trainer

Models = dict[str, LogisticRegression]
"""The digit that a model knows → that model; and of ``COMBINER``, the model over them."""
COMBINER = "combiner"


class LoadImages(Source):
    """Reads images: a column for each of their 64 pixels."""


class Parts(NamedTuple):
    """Rows to learn from, and rows to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class Split(Template):
    """Splits rows at random, the same way in every pipeline that splits them with one seed."""

    target: str
    fraction: Annotated[float, Bounds(0.01, 0.99)] = 0.25
    seed: int = 7

    def run(self, rows: pd.DataFrame) -> Parts:
        """Split the rows, with the same share of each digit in both parts."""
        train, test = train_test_split(
            rows, test_size=self.fraction, random_state=self.seed, stratify=rows[self.target]
        )
        return Parts(train.reset_index(drop=True), test.reset_index(drop=True))


class TrainOne(Trainer):
    """Learns to tell one digit from all others."""

    target: str
    digit: str
    strength: float = 1.0

    def train(self, rows: pd.DataFrame) -> LogisticRegression:
        """Train on all pixels."""
        model = LogisticRegression(C=self.strength, max_iter=1000)
        return model.fit(pixels(rows), rows[self.target].to_numpy() == int(self.digit))


class EvaluateOne(RowEvaluator):
    """Measures how well a model knows its digit from all others."""

    target: str
    digit: str

    def evaluate_rows(self, model: LogisticRegression, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the squared error of each image's probability."""
        truth = rows[self.target].to_numpy() == int(self.digit)
        probability = model.predict_proba(pixels(rows))[:, 1]
        return rows[["image"]].assign(brier=(probability - truth) ** 2)

    def evaluate(self, model: LogisticRegression, rows: pd.DataFrame) -> dict[str, float]:
        """Return the area under the ROC curve."""
        truth = rows[self.target].to_numpy() == int(self.digit)
        return {"roc_auc": float(roc_auc_score(truth, model.predict_proba(pixels(rows))[:, 1]))}


class Combined(NamedTuple):
    """The models of all digits, and the one over them, as one model."""

    model: Models


class TrainCombiner(Template):
    """Learns which digit an image shows from what the model of each digit says of it."""

    target: str

    def run(self, models: Mapping[str, LogisticRegression], rows: pd.DataFrame) -> Combined:
        """Train on the scores that the digits' models give."""
        self.context.metric("members", len(models))
        members = {digit: models[digit] for digit in sorted(models)}
        combiner = LogisticRegression(max_iter=1000)
        combiner.fit(opinions(members, rows), rows[self.target].to_numpy())
        return Combined({**members, COMBINER: combiner})


class EvaluateCombined(RowEvaluator):
    """Measures the whole: the digits' models, and the one over them."""

    target: str

    def evaluate_rows(self, model: Models, rows: pd.DataFrame) -> pd.DataFrame:
        """Return whether each image was read right, and which digit it shows."""
        truth = rows[self.target].to_numpy()
        right = model[COMBINER].predict(opinions(model, rows)) == truth
        return rows[["image"]].assign(digit=truth.astype(str), accuracy=right)


class Read(Predictor):
    """Reads images."""

    def predict(self, model: Models, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the digit of each image, and how sure the model is of it."""
        probability = model[COMBINER].predict_proba(opinions(model, rows))
        digit = model[COMBINER].classes_[probability.argmax(axis=1)]
        self.context.metric("mean_probability", float(probability.max(axis=1).mean()))
        return rows[["image"]].assign(digit=digit, probability=probability.max(axis=1))


class WriteDigits(Sink):
    """Writes what was read where the Environment says."""


def pixels(rows: pd.DataFrame) -> np.ndarray:
    """Return the pixels, from 0 (white) to 1 (black)."""
    return rows[[name for name in rows.columns if name.startswith("pixel_")]].to_numpy() / 16


def opinions(models: Mapping[str, LogisticRegression], rows: pd.DataFrame) -> np.ndarray:
    """Return what each digit's model says of each image: a column for each digit."""
    seen = pixels(rows)
    members = [one for digit, one in models.items() if digit != COMBINER]
    return np.column_stack([one.decision_function(seen) for one in members])
