"""The steps of the flights pipelines."""

import html
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from atlas import Bounds, Data, Html, Predictor, RowEvaluator, Sink, Source, Template, Trainer, step

WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]


class LoadTable(Source):
    """Reads a table and records how many rows it has."""

    def read(self, source: Data) -> pd.DataFrame:
        """Return all rows."""
        rows = source.read()
        self.context.metric("rows_read", len(rows))
        return rows


@step
def clean(rows: pd.DataFrame, *, late_after: float = 15.0) -> pd.DataFrame:
    """Keep the departures that arrived, or may yet, and say what is known before they leave.

    Args:
        rows: departures; those of today have no outcome.
        late_after: minutes from which on an arrival is late.
    """
    is_over = "arr_delay" in rows
    kept = rows[rows["arr_delay"].notna()] if is_over else rows
    hour = pd.to_datetime(kept["time_hour"], utc=True)
    number = kept["carrier"].str.cat(kept["flight"].astype(str))
    known = pd.DataFrame(
        {
            "id": number + "-" + kept["origin"] + hour.dt.strftime("-%Y%m%d%H"),
            "time_hour": hour,
            "weekday": pd.to_datetime(kept[["year", "month", "day"]]).dt.day_of_week,
            "day": kept["day"],
            **{name: kept[name] for name in ("month", "hour", "origin", "carrier", "distance")},
            "tailnum": kept["tailnum"],
        }
    )
    known = known.assign(late=kept["arr_delay"] > late_after) if is_over else known
    return known.drop_duplicates("id").reset_index(drop=True)


@step
def add_weather(rows: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Add the weather of the hour at the airport of departure."""
    key = ["origin", "month", "day", "hour"]
    hourly = weather.drop_duplicates(key)[[*key, *WEATHER]]
    return rows.merge(hourly, on=key, how="left")


class WithPlanes(NamedTuple):
    """Departures with their planes."""

    rows: pd.DataFrame


class AddPlanes(Template):
    """Adds each plane's age in 2013, in years, and its seats."""

    def run(self, rows: pd.DataFrame, planes: pd.DataFrame) -> WithPlanes:
        """Join by tail number, and record how many planes are known."""
        known = planes.assign(age=2013 - planes["year"])[["tailnum", "age", "seats"]]
        joined = rows.merge(known, on="tailnum", how="left")
        self.context.metric("planes_known", float(joined["seats"].notna().mean()))
        return WithPlanes(joined)


class Parts(NamedTuple):
    """Rows to learn from, and later ones to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class SplitByTime(Template):
    """Splits rows at a day: what a model is tested on comes after what it has learnt from."""

    until: str

    def run(self, rows: pd.DataFrame) -> Parts:
        """Split the rows."""
        is_early = rows["time_hour"] < pd.Timestamp(self.until, tz="UTC")
        train, test = rows[is_early], rows[~is_early]
        return Parts(train.reset_index(drop=True), test.reset_index(drop=True))


class TrainTrees(Trainer):
    """Trains gradient-boosted trees, which take missing values as they are."""

    target: str
    columns: list[str]
    iterations: Annotated[int, Bounds(1, 500)] = 30
    seed: int = 7

    def train(self, rows: pd.DataFrame) -> HistGradientBoostingClassifier:
        """Return the trained trees."""
        trees = HistGradientBoostingClassifier(max_iter=self.iterations, random_state=self.seed)
        return trees.fit(numbers(rows, self.columns), rows[self.target].to_numpy())


class Evaluate(RowEvaluator):
    """Measures the probabilities on departures that the model hasn't seen."""

    target: str
    columns: list[str]

    def evaluate(
        self, model: HistGradientBoostingClassifier, rows: pd.DataFrame
    ) -> dict[str, float]:
        """Return how well late departures are told from others."""
        guess = probability(model, rows, self.columns)
        return {"roc_auc": float(roc_auc_score(rows[self.target], guess))}

    def evaluate_rows(
        self, model: HistGradientBoostingClassifier, rows: pd.DataFrame
    ) -> pd.DataFrame:
        """Return the Brier score of each row, beside what slices are made of."""
        guess = probability(model, rows, self.columns)
        truth = rows[self.target].to_numpy()
        facts = rows[["id", "origin", "carrier"]]
        return facts.assign(expected=guess, late=truth, brier=(guess - truth) ** 2)


class Reported(NamedTuple):
    """A page for people."""

    page: Html


class Report(Template):
    """Compares, airline by airline, how many arrive late and how many were expected to."""

    def run(self, rows: pd.DataFrame, airlines: pd.DataFrame) -> Reported:
        """Make the page."""
        named = rows.merge(airlines, on="carrier", how="left")
        grouped = named.groupby("name")
        table = grouped[["expected", "late"]].mean().mul(100).round(1)
        table = table.assign(departures=grouped.size()).sort_values("late", ascending=False)
        title = html.escape(f"{len(rows):,} departures: late, in percent")
        return Reported(Html(f"<h1>{title}</h1>{table.to_html()}"))


class Score(Predictor):
    """Says how likely each departure is to arrive late."""

    columns: list[str]

    def predict(self, model: HistGradientBoostingClassifier, rows: pd.DataFrame) -> pd.DataFrame:
        """Return a probability for each departure."""
        known = rows[["id", "time_hour", "origin", "carrier"]]
        return known.assign(late=probability(model, rows, self.columns))


class WriteDelays(Sink):
    """Writes the scores where the Environment says."""


def numbers(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Return columns as floats."""
    return rows[columns].to_numpy(dtype=float)


def probability(
    model: HistGradientBoostingClassifier, rows: pd.DataFrame, columns: list[str]
) -> np.ndarray:
    """Return the probability of each row to be late."""
    return np.asarray(model.predict_proba(numbers(rows, columns))[:, 1])
