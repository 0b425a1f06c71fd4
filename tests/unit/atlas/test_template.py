"""Templates: params by constructor, inputs by call, and a fixed shape where there is one."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, NamedTuple

import pandas as pd
import pytest

import atlas
from atlas import (
    Bounds,
    Context,
    Data,
    Evaluator,
    Predictor,
    Sink,
    Source,
    Template,
    Trainer,
    Transform,
)
from atlas.template import param_hints
from atlas.testing import MemoryData, recording

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0]})


class Doubled(NamedTuple):
    number: int


class Double(Template):
    factor: int = 2
    note: str

    def run(self, number: int) -> Doubled:
        return Doubled(number * self.factor)


def test_a_unit_test_is_a_constructor_and_a_call() -> None:
    assert Double(factor=3, note="x").run(7) == Doubled(21)
    assert Double(note="x").factor == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Double: param 'note' is missing; its params are factor, note"),
        ({"note": "x", "facto": 3}, "Double: unknown param 'facto'; its params are factor, note"),
        ({"a": 1}, "Double: unknown param 'a'; param 'note' is missing; its params are"),
    ],
)
def test_wrong_params_are_all_told_at_once(params: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Double(**params)
    assert str(caught.value).startswith(message)


def test_params_are_by_name_only() -> None:
    with pytest.raises(TypeError):
        Double(3)  # type: ignore[misc]


def test_a_template_without_params_says_so() -> None:
    with pytest.raises(TypeError, match="unknown param 'x'; its params are none"):
        Sink(x=1)


def test_what_is_a_param() -> None:
    class Base(Template):
        low: float = 0
        _hidden: int = 1
        constant: ClassVar[int] = 3
        plain = 4

    class Child(Base):
        high: float = 1
        low: int = 0

    assert param_hints(Child) == {"low": "int", "high": "float"}
    assert (Child(low=5).low, Base().low) == (5, 0)


def test_two_instances_share_nothing() -> None:
    first, second = Double(note="a"), Double(factor=9, note="b")
    assert (first.factor, second.factor, Double.factor) == (2, 9, 2)


def test_the_context_is_injected_or_silent() -> None:
    context, metrics = recording()
    step = Double(note="x", context=context)
    step.context.metric("m", 1.0)
    assert metrics == {"m": 1.0}
    quiet = Double(note="x").context
    quiet.metric("m", 1.0)
    assert (quiet.run, quiet.index, dict(quiet.secrets)) == ("", None, {})
    assert isinstance(quiet.logger, logging.Logger)


def test_a_context_shows_no_secret() -> None:
    assert "hunter2" not in repr(Context(secrets={"password": "hunter2"}))


def test_a_context_cant_be_changed() -> None:
    with pytest.raises(AttributeError):
        Context().run = "x"  # type: ignore[misc]


def test_a_source_reads_all_or_what_read_says() -> None:
    class Head(Source):
        count: int = 1

        def read(self, source: Data) -> pd.DataFrame:
            return source.read().head(self.count)

    assert len(Source().run(MemoryData(ROWS)).rows) == 3
    assert len(Head(count=2).run(MemoryData(ROWS)).rows) == 2


def test_a_transform_fits_once_and_applies_what_was_fitted() -> None:
    class Centre(Transform):
        def fit(self, rows: pd.DataFrame) -> float:
            return float(rows["a"].mean())

        def apply(self, rows: pd.DataFrame, fitted: float) -> pd.DataFrame:
            return rows - fitted

    trained = Centre().run(ROWS)
    assert trained.fitted == 2.0
    assert trained.rows["a"].tolist() == [-1.0, 0.0, 1.0]
    later = Centre().run(ROWS + 10, fitted=trained.fitted)
    assert later.fitted == 2.0
    assert later.rows["a"].tolist() == [9.0, 10.0, 11.0]


def test_a_transform_may_fit_nothing() -> None:
    class Drop(Transform):
        def apply(self, rows: pd.DataFrame, fitted: Any) -> pd.DataFrame:
            return rows.drop(columns="a")

    assert Drop().run(ROWS).fitted is None


def test_a_trainer_gives_its_model() -> None:
    class Mean(Trainer):
        def train(self, rows: pd.DataFrame) -> dict[str, float]:
            return {"mean": float(rows["a"].mean())}

    assert Mean().run(ROWS).model == {"mean": 2.0}


def test_an_evaluator_records_every_number() -> None:
    class Count(Evaluator):
        def evaluate(self, model: float, rows: pd.DataFrame) -> dict[str, float]:
            return {"rows": len(rows), "model": model}

    context, metrics = recording()
    assert Count(context=context).run(5.0, ROWS).metrics == metrics == {"rows": 3, "model": 5.0}


def test_a_predictor_says_how_many_it_scored() -> None:
    class Same(Predictor):
        def predict(self, model: float, rows: pd.DataFrame) -> pd.DataFrame:
            return rows * model

    context, metrics = recording()
    assert Same(context=context).run(2.0, ROWS).scores["a"].tolist() == [2.0, 4.0, 6.0]
    assert metrics == {"rows_scored": 3.0}


def test_a_sink_writes_where_it_is_told() -> None:
    target = MemoryData()
    assert Sink().run(ROWS, target) is None
    assert target.value is ROWS


@pytest.mark.parametrize(
    ("cls", "inputs", "missing"),
    [
        (Template, (), "run"),
        (Transform, (ROWS,), "apply"),
        (Trainer, (ROWS,), "train"),
        (Evaluator, (None, ROWS), "evaluate"),
        (Predictor, (None, ROWS), "predict"),
    ],
)
def test_what_a_subclass_has_to_write_is_named(
    cls: type[Template], inputs: tuple[Any, ...], missing: str
) -> None:
    with pytest.raises(NotImplementedError, match=f"has no {missing} method"):
        cls().run(*inputs)


def test_bounds_are_a_pair() -> None:
    assert Bounds(1) == (1, None)
    assert Bounds(maximum=3) == (None, 3)


def test_the_public_names_are_those_that_are_exported() -> None:
    visible = {name for name in vars(atlas) if name[0].isupper()}
    assert visible | {"step", "load"} == {*atlas.__all__}
    assert {name for name in atlas.__all__ if not hasattr(atlas, name)} == set()
