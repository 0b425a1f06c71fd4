"""The steps of the spaceflights pipelines: functions for what is done to tables, classes else."""

import html
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from atlas import Bounds, Html, Predictor, RowEvaluator, Sink, Source, Template, step


class LoadTable(Source):
    """Reads a table."""


@step
def tidy_companies(rows: pd.DataFrame) -> pd.DataFrame:
    """Make a number of how a company stands, and a bool of its certificate."""
    grade = rows["grade"].str.removesuffix("%").astype(float) / 100
    return rows.assign(grade=grade, certified=rows["certified"] == "yes")


@step
def tidy_shuttles(rows: pd.DataFrame) -> pd.DataFrame:
    """Make bools of the flags, and a number of the price where there is one."""
    made = rows.assign(**{name: rows[name] == "yes" for name in ("inspected", "lunar")})
    if "price" in rows:
        text = rows["price"].str.removesuffix(" USD").str.replace(",", "", regex=False)
        made = made.assign(price=text.astype(float))
    return made


@step
def join(shuttles: pd.DataFrame, companies: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return each shuttle with its company and its reviews."""
    rated = shuttles.merge(reviews, left_on="id", right_on="shuttle", validate="one_to_one")
    owners = companies.rename(columns={"id": "owner"})
    return rated.merge(owners, on="owner", validate="many_to_one").drop(columns="shuttle")


class Parts(NamedTuple):
    """Rows to learn from, and rows to test on."""

    train: pd.DataFrame
    test: pd.DataFrame


class Split(Template):
    """Splits rows at random."""

    fraction: Annotated[float, Bounds(0.01, 0.99)] = 0.25
    seed: int = 3

    def run(self, rows: pd.DataFrame) -> Parts:
        """Split the rows."""
        train, test = train_test_split(rows, test_size=self.fraction, random_state=self.seed)
        return Parts(train.reset_index(drop=True), test.reset_index(drop=True))


class Trained(NamedTuple):
    """A model."""

    model: Pipeline


class TrainForest(Template):
    """Trains a forest; a search finds its depth and the size of its leaves."""

    target: str
    columns: list[str]
    depth: Annotated[int, Bounds(1, 30)] = 4
    leaf: Annotated[int, Bounds(1, 100)] = 5
    seed: int = 3

    def run(self, rows: pd.DataFrame) -> Trained:
        """Train on the columns."""
        forest = RandomForestRegressor(
            40, max_depth=self.depth, min_samples_leaf=self.leaf, random_state=self.seed
        )
        return Trained(fitted(forest, rows, self.columns, self.target))


class TrainKind(Template):
    """Trains a model of a kind: `line`, or `forest` with the params that were found for it."""

    target: str
    columns: list[str]

    def run(self, rows: pd.DataFrame, kind: str, forest: dict[str, Any]) -> Trained:
        """Train on the columns."""
        if kind == "line":
            return Trained(fitted(Ridge(), rows, self.columns, self.target))
        if kind == "forest":
            return TrainForest(target=self.target, columns=self.columns, **forest).run(rows)
        raise ValueError(f"no kind of model '{kind}'; there are line, forest")


class Measured(NamedTuple):
    """How far off a model is, and what kind it is."""

    kind: str
    mae: float


class Measure(Template):
    """Measures a model of a kind on rows that it hasn't seen."""

    target: str
    columns: list[str]

    def run(self, model: Pipeline, rows: pd.DataFrame, kind: str) -> Measured:
        """Return the mean absolute error."""
        off = np.abs(guessed(model, rows, self.columns) - rows[self.target].to_numpy())
        self.context.metric("mae", float(off.mean()))
        return Measured(kind, float(off.mean()))


class Chosen(NamedTuple):
    """The model with the least error, and a table of all kinds."""

    model: Pipeline
    report: Html


class Choose(Template):
    """Gathers the models of all kinds."""

    def run(self, models: list[Pipeline], kinds: list[str], errors: list[float]) -> Chosen:
        """Choose the model with the least error."""
        best = int(np.argmin(errors))
        table = pd.DataFrame({"kind": kinds, "mae": np.round(errors, 1)}).to_html(index=False)
        title = html.escape(f"{kinds[best]}: ${errors[best]:,.0f} off, on the mean")
        return Chosen(models[best], Html(f"<h1>{title}</h1>{table}"))


class Drawn(NamedTuple):
    """A picture."""

    prices: Figure


class Draw(Template):
    """Draws what a model says over what shuttles really cost."""

    target: str
    columns: list[str]

    def run(self, model: Pipeline, rows: pd.DataFrame) -> Drawn:
        """Draw a point for each shuttle, and the line on which both are equal."""
        real, said = rows[self.target].to_numpy(), guessed(model, rows, self.columns)
        figure = Figure(figsize=(5, 5), layout="constrained")
        axes = figure.subplots()
        axes.scatter(real, said, s=12, alpha=0.6)
        axes.axline((real.min(), real.min()), slope=1, color="grey", linewidth=1)
        axes.set(xlabel="price", ylabel="what the model says", title="Shuttles of the test")
        return Drawn(figure)


class Evaluate(RowEvaluator):
    """Measures a model, shuttle by shuttle."""

    target: str
    columns: list[str]

    def evaluate_rows(self, model: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
        """Return each shuttle's absolute error."""
        off = guessed(model, rows, self.columns) - rows[self.target].to_numpy()
        return rows[["id"]].assign(mae=np.abs(off))


class Price(Predictor):
    """Says what shuttles cost."""

    columns: list[str]

    def predict(self, model: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
        """Return a price for each shuttle."""
        return rows[["id"]].assign(price=guessed(model, rows, self.columns))


class WritePrices(Sink):
    """Writes the prices where the Environment says."""


def fitted(model: Any, rows: pd.DataFrame, columns: list[str], target: str) -> Pipeline:
    """Return a model that has learned a target of scaled columns."""
    made = make_pipeline(StandardScaler(), model)
    made.fit(rows[columns].to_numpy(float), rows[target].to_numpy())
    return made


def guessed(model: Pipeline, rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Return what a model says of each row."""
    found: np.ndarray = model.predict(rows[columns].to_numpy(float))
    return found
