"""The steps of the forecast pipelines: carbon dioxide in the air, half a year ahead."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from atlas import Data, LabelJoin, Predictor, RowEvaluator, Sink, Template, Trainer

HALF, YEAR = 26, 52
"""Weeks: how far ahead a forecast is, and how far apart two equal seasons are."""
CONSTANT = "constant"


class Rows(NamedTuple):
    """A row for each week."""

    rows: pd.DataFrame


class LoadWeeks(Template):
    """Reads the weeks of the run's interval, with what was known of them at that time.

    Attributes:
        since: the first week, in ISO 8601; empty: the first that there is.
        until: what is measured from then on isn't known yet; empty: everything is.
        finished: keep only the weeks whose outcome, half a year later, is known.
    """

    since: str
    until: str
    finished: bool = False

    def run(self, source: Data) -> Rows:
        """Read the weeks."""
        level = weekly(source.read(), self.until)
        rows = pd.DataFrame(
            {
                "week": level.index,
                "level": level.to_numpy(),
                "growth": (level - level.shift(YEAR)).to_numpy(),
                "season": (level.shift(YEAR - HALF) - level.shift(YEAR)).to_numpy(),
                "came": level.shift(-HALF).to_numpy(),
            }
        )
        rows = rows.dropna(subset=["growth", "season", *(["came"] if self.finished else [])])
        if self.since:
            rows = rows[rows["week"] >= day(self.since)]
        self.context.metric("weeks", len(rows))
        return Rows(rows.reset_index(drop=True))


class LoadOutcomes(Template):
    """Reads what came of the forecasts, as far as it is known at the end of the interval."""

    until: str

    def run(self, source: Data) -> Rows:
        """Return each week's outcome, half a year later."""
        level = weekly(source.read(), self.until)
        came = level.shift(-HALF).dropna()
        return Rows(pd.DataFrame({"week": came.index, "co2": came.to_numpy()}))


class Parts(NamedTuple):
    """Weeks to learn from, and the last ones to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class SplitByTime(Template):
    """Keeps the last weeks for the test: nothing of a test may lie before what is learnt from."""

    test_weeks: int = 2 * YEAR

    def run(self, rows: pd.DataFrame) -> Parts:
        """Split the weeks, with a gap between: what came of the one isn't in the other."""
        train = rows.iloc[: -self.test_weeks - HALF]
        return Parts(train, rows.iloc[-self.test_weeks :].reset_index(drop=True))


class TrainLine(Trainer):
    """Learns the change of half a year from the season and from last year's growth."""

    columns: list[str]

    def train(self, rows: pd.DataFrame) -> dict[str, float]:
        """Return the weight of each column, and of a constant, with the least squared error."""
        table = rows[self.columns].assign(**{CONSTANT: 1.0})
        change = (rows["came"] - rows["level"]).to_numpy()
        weights = np.linalg.lstsq(table.to_numpy(), change)[0]
        return dict(zip(table.columns, weights.tolist(), strict=True))


class Evaluate(RowEvaluator):
    """Measures forecasts of weeks that the model hasn't seen."""

    def evaluate_rows(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        """Return how far off each forecast was, in parts per million."""
        off = forecast(model, rows) - rows["came"].to_numpy()
        return rows[["week"]].assign(mae=np.abs(off))


class Forecast(Predictor):
    """Says what will be measured half a year after each week."""

    def predict(self, model: dict[str, float], rows: pd.DataFrame) -> pd.DataFrame:
        """Return a forecast for each week."""
        return rows[["week"]].assign(forecast=forecast(model, rows))


class WriteForecasts(Sink):
    """Writes the forecasts where the Environment says."""


class JoinOutcomes(LabelJoin):
    """Measures earlier forecasts by what came of them."""


def weekly(rows: pd.DataFrame, until: str) -> pd.Series:
    """Return the measurements before a time as one for each week; gaps of up to 8 are bridged."""
    rows = rows[rows["week"] < day(until)] if until else rows
    return rows.set_index("week")["co2"].resample("W-SAT").mean().interpolate(limit=8)


def day(time: str) -> pd.Timestamp:
    """Return a time in ISO 8601 as the data have theirs: in UTC, without saying so."""
    return pd.Timestamp(time).tz_convert("UTC").tz_localize(None)


def forecast(model: dict[str, float], rows: pd.DataFrame) -> np.ndarray:
    """Return the level of each week and the change that the model expects."""
    table = rows.assign(**{CONSTANT: 1.0})[list(model)]
    return np.asarray(rows["level"].to_numpy() + table.to_numpy() @ np.array(list(model.values())))
