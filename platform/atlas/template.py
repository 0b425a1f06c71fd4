"""Templates: the small classes that do a pipeline's work, one per step.

A Template's class-level annotated attributes are its params; the parameters of `Template.run` are
its inputs, and the fields of the NamedTuple, dataclass or TypedDict that it returns its outputs.
The hints are the contract: Atlas reads them from the source, without importing it.
"""

from __future__ import annotations

import inspect
import logging
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pandas import DataFrame


class Metrics(Protocol):
    """Takes a step's metrics: finite numbers by name."""

    def __call__(self, name: str, value: float, /) -> None:
        """Record one value; the last one of a name counts."""


class Reporter(Protocol):
    """Takes how a training gets on, for a search that may give it up."""

    def __call__(self, value: float, step: int, /) -> None:
        """Report the search's metric as it is at a step, such as an epoch."""


class Data(Protocol):
    """A data set of the Config, opened where the Environment says it is.

    Attributes:
        name: its name in the Config.
        uri: where it is.
        format: ``parquet``, ``csv``, ``json`` or ``bytes``.
    """

    name: str
    uri: str
    format: str

    def read(self) -> Any:
        """Return the content: a DataFrame for a table, else what its format gives."""

    def write(self, value: Any) -> None:
        """Write the content; within a run that has an interval, that interval's part of it."""


_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Batch(Generic[_Value]):
    """What one earlier run has made; a step gets a list of them for ``history:NAME/step.output``.

    Attributes:
        value: the output.
        run: the run's id.
        pipeline: the pipeline's name.
        interval_start: ISO 8601 in UTC, or empty for a run without an interval.
        interval_end: likewise.
        created: when the run began, ISO 8601 in UTC.
        model: name of the model that the run used, or empty.
        version: the model's version, or empty.
    """

    value: _Value
    run: str = ""
    pipeline: str = ""
    interval_start: str = ""
    interval_end: str = ""
    created: str = ""
    model: str = ""
    version: str = ""


class Html(str):
    """A page that a step gives as an output, stored as it is; targets show it as a report.

    It has to bring its styles and scripts along: nothing beside it is stored.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Show it in a notebook, in a frame of its own, from which it can't reach the notebook."""
        page = self.replace("&", "&amp;").replace('"', "&quot;")
        style = "width:100%;height:480px;border:1px solid #d1d9e0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{page}"></iframe>'


class Markdown(str):
    """A report in Markdown that a step gives as an output, stored as it is."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        """Show it in a notebook."""
        return str(self)


_MUTABLE = (list, dict, set, bytearray)
"""Kinds of defaults that each step gets a copy of, for it may change them."""


def _ignore(name: str, value: float, /) -> None:
    """Drop a metric: what a context outside of a run does."""


def _go_on(value: float, step: int, /) -> None:
    """Drop a report: what a context outside of a search does."""


class Bounds(NamedTuple):
    """Bounds of a param, checked before anything runs: ``Annotated[int, Bounds(1, 500)]``."""

    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may know and use besides its params and inputs.

    Attributes:
        step: the step's full name.
        run: the run's id.
        pipeline: the pipeline's name.
        interval_start: ISO 8601, or empty when the run has no interval.
        interval_end: ISO 8601, or empty.
        logger: the step's log.
        metric: records one metric: ``self.context.metric("roc_auc", 0.97)``.
        report: tells a search the metric at a step: ``self.context.report(loss, epoch)``; a trial
            that is worse than most ends there. Outside of a search it does nothing.
        secrets: the secrets that the Recipe names for the step.
        index: which item of a ``foreach`` this is, or None.
    """

    step: str = ""
    run: str = ""
    pipeline: str = ""
    interval_start: str = ""
    interval_end: str = ""
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("atlas.step"))
    metric: Metrics = _ignore
    report: Reporter = _go_on
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    index: int | None = None


class Template:
    """Base of every step. Subclass it, annotate params, and write `run`.

    Example:
        >>> class Double(Template):
        ...     factor: int = 2
        ...     def run(self, number: int) -> "Doubled": ...
        >>> Double(factor=3).factor
        3
    """

    context: Context

    def __init__(self, *, context: Context | None = None, **params: Any) -> None:
        """Set the params.

        Args:
            context: injected by the run; a unit test may leave it out.
            **params: values for the annotated attributes; those without a default must be given.

        Raises:
            TypeError: a param is unknown or missing.
        """
        known = param_hints(type(self))
        unknown = sorted(set(params) - set(known))
        missing = [name for name in known if name not in params and not hasattr(type(self), name)]
        if unknown or missing:
            wrong = [f"unknown param '{name}'" for name in unknown]
            wrong += [f"param '{name}' is missing" for name in missing]
            expected = ", ".join(known) or "none"
            raise TypeError(f"{type(self).__name__}: {'; '.join(wrong)}; its params are {expected}")
        self.context = context or Context()
        defaults = {name: getattr(type(self), name, None) for name in known if name not in params}
        own = {
            name: deepcopy(value) for name, value in defaults.items() if isinstance(value, _MUTABLE)
        }
        for name, value in {**own, **params}.items():
            setattr(self, name, value)

    def run(self, *args: Any, **inputs: Any) -> Any:
        """Do the step's work. Subclasses give it typed inputs and outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no run method")


def param_hints(cls: type[Template]) -> dict[str, Any]:
    """Return the params of a Template: annotated attributes that are public and no ClassVar."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base not in (Template, object):
            hints |= inspect.get_annotations(base)
    return {name: hint for name, hint in hints.items() if _is_param(name, hint)}


def _is_param(name: str, hint: Any) -> bool:
    is_class_var = hint is ClassVar or "ClassVar" in str(hint)
    return not name.startswith("_") and name != "context" and not is_class_var


class Rows(NamedTuple):
    """What a `Source` gives."""

    rows: DataFrame


class Source(Template):
    """Reads data; write `read`."""

    def run(self, source: Data) -> Rows:
        """Read the source."""
        return Rows(self.read(source))

    def read(self, source: Data) -> DataFrame:
        """Return the rows; by default, all of them."""
        rows: DataFrame = source.read()
        return rows


class Transformed(NamedTuple):
    """What a `Transform` gives: the new rows, and what was learnt from the old ones."""

    rows: DataFrame
    fitted: Any


class Transform(Template):
    """Changes rows; fits itself unless it is given what an earlier run fitted. Write `apply`.

    One class serves both flows: training leaves ``fitted`` out, inference gives the model's.
    """

    def run(self, rows: DataFrame, fitted: Any = None) -> Transformed:
        """Fit when nothing is fitted yet, then apply."""
        learnt = self.fit(rows) if fitted is None else fitted
        return Transformed(self.apply(rows, learnt), learnt)

    def fit(self, rows: DataFrame) -> Any:
        """Return what `apply` needs to know; by default, nothing."""

    def apply(self, rows: DataFrame, fitted: Any) -> DataFrame:
        """Return the changed rows."""
        raise NotImplementedError(f"{type(self).__name__} has no apply method")


class Trained(NamedTuple):
    """What a `Trainer` gives."""

    model: Any


class Trainer(Template):
    """Learns a model from rows; write `train`."""

    def run(self, rows: DataFrame) -> Trained:
        """Train the model."""
        return Trained(self.train(rows))

    def train(self, rows: DataFrame) -> Any:
        """Return the trained model."""
        raise NotImplementedError(f"{type(self).__name__} has no train method")


class Evaluated(NamedTuple):
    """What an `Evaluator` gives."""

    metrics: dict[str, float]


class Evaluator(Template):
    """Measures a model on rows; write `evaluate`. Each number is recorded as a metric."""

    def run(self, model: Any, rows: DataFrame) -> Evaluated:
        """Evaluate the model and record its metrics."""
        metrics = self.evaluate(model, rows)
        for name, value in metrics.items():
            self.context.metric(name, value)
        return Evaluated(metrics)

    def evaluate(self, model: Any, rows: DataFrame) -> dict[str, float]:
        """Return metrics by name."""
        raise NotImplementedError(f"{type(self).__name__} has no evaluate method")


class EvaluatedRows(NamedTuple):
    """What a `RowEvaluator` gives: metrics, and those of each row that they are the means of."""

    metrics: dict[str, float]
    row_metrics: DataFrame


class RowEvaluator(Evaluator):
    """Measures a model row by row; write `evaluate_rows`.

    Each column of floats or booleans is a metric, whose value is the column's mean. Other columns
    say which row it is, or which slices it belongs to. So two models can be compared on the same
    rows, by a paired test. Metrics that aren't means of rows come from `evaluate`.
    """

    def run(self, model: Any, rows: DataFrame) -> EvaluatedRows:  # type: ignore[override]
        """Evaluate the model row by row and record its metrics."""
        table = self.evaluate_rows(model, rows)
        means = {str(name): float(table[name].mean()) for name in _measured(table)}
        metrics = {**means, **self.evaluate(model, rows)}
        for name, value in metrics.items():
            self.context.metric(name, value)
        return EvaluatedRows(metrics, table)

    def evaluate(self, model: Any, rows: DataFrame) -> dict[str, float]:
        """Return metrics that aren't means of rows; by default, none."""
        return {}

    def evaluate_rows(self, model: Any, rows: DataFrame) -> DataFrame:
        """Return a row for each row of the test set."""
        raise NotImplementedError(f"{type(self).__name__} has no evaluate_rows method")


def _measured(table: DataFrame) -> list[Any]:
    """Return the columns that hold a metric of each row."""
    return [name for name in table.columns if table[name].dtype.kind in "fb"]


class Scored(NamedTuple):
    """What a `Predictor` gives."""

    scores: DataFrame


class Predictor(Template):
    """Scores rows with a model; write `predict`."""

    def run(self, model: Any, rows: DataFrame) -> Scored:
        """Score the rows and record how many there were."""
        scores = self.predict(model, rows)
        self.context.metric("rows_scored", float(len(scores)))
        return Scored(scores)

    def predict(self, model: Any, rows: DataFrame) -> DataFrame:
        """Return the scores, one row for each row."""
        raise NotImplementedError(f"{type(self).__name__} has no predict method")


class Sink(Template):
    """Writes rows where the Environment says; override `write` for another way."""

    def run(self, rows: DataFrame, target: Data) -> None:
        """Write the rows."""
        self.write(rows, target)

    def write(self, rows: DataFrame, target: Data) -> None:
        """Write the rows; by default, as the target's format says."""
        target.write(rows)
