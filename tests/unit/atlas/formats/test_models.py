"""Models of other libraries, dataclasses and tables of Polars: what comes back, and what is refused."""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import polars
import pytest
import xgboost

from atlas.errors import StoreError
from atlas.store import Trust

ROWS = pd.DataFrame(np.random.RandomState(0).rand(60, 3), columns=list("abc"))
NUMBERS = (ROWS["a"] > 0.5).astype(int)
WORDS = pd.Series(np.where(NUMBERS == 1, "good", "bad"), dtype=object)


def twice(store: Any, value: Any, trust: Trust | None = None) -> Any:
    """Write a value twice, to the same bytes, and return what is read."""
    trust = trust or Trust()
    first = store.put("p", "r", "s", "o", value, trust=trust)
    second = store.put("p", "r", "s", "o", value, trust=trust)
    assert first.digest == second.digest
    return store.get("p", "r", "s", "o", trust=trust)


@pytest.mark.parametrize("name", ["XGBClassifier", "XGBRegressor", "XGBRFClassifier"])
def test_models_of_xgboost(store, name):
    model = getattr(xgboost, name)(n_estimators=3, max_depth=2, random_state=1).fit(ROWS, NUMBERS)
    back = twice(store, model)
    assert type(back) is type(model)
    assert repr(back.get_params()) == repr(model.get_params())
    assert list(back.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(back.predict(ROWS), model.predict(ROWS))
    booster = twice(store, model.get_booster())
    assert booster.save_raw("ubj") == model.get_booster().save_raw("ubj")


@pytest.mark.parametrize(
    ("name", "labels"),
    [("LGBMClassifier", WORDS), ("LGBMClassifier", NUMBERS), ("LGBMRegressor", ROWS["b"])],
    ids=["words", "numbers", "regressor"],
)
def test_models_of_lightgbm(store, name, labels):
    model = getattr(lightgbm, name)(n_estimators=3, n_jobs=1, verbose=-1).fit(ROWS, labels)
    back = twice(store, model)
    assert type(back) is type(model)
    assert back.get_params() == model.get_params()
    assert back.feature_name_ == ["a", "b", "c"]
    np.testing.assert_array_equal(back.predict(ROWS), model.predict(ROWS))
    assert list(getattr(back, "classes_", [])) == list(getattr(model, "classes_", []))
    assert twice(store, model.booster_).model_to_string() == model.booster_.model_to_string()


class Mine(xgboost.XGBRegressor):
    """A class of the pipeline's own."""


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (xgboost.XGBRegressor(), "isn't fitted; fit it before the step returns it"),
        (lightgbm.LGBMRegressor(), "isn't fitted"),
        (Mine(), "own format doesn't give back; expected one of xgboost's Booster"),
        (
            xgboost.XGBRegressor(n_estimators=1, objective=lambda a, b: (a - b, a * 0 + 1)).fit(
                ROWS, NUMBERS
            ),
            "its param objective is a function",
        ),
    ],
    ids=["unfitted", "unfitted lightgbm", "own class", "own objective"],
)
def test_what_a_format_of_models_can_t_keep_is_refused(store, model, words):
    with pytest.raises(StoreError, match=words):
        store.put("p", "r", "s", "o", model)


def test_a_manifest_names_no_other_class(store):
    model = xgboost.XGBRegressor(n_estimators=1).fit(ROWS, NUMBERS)
    manifest = store.put("p", "r", "s", "o", model)
    forged = type(manifest)(**{
        **{name: getattr(manifest, name) for name in ("format", "type", "sha256", "size", "data")},
        "facts": {**manifest.facts, "class": "callback.TrainingCallback"},
    })  # fmt: skip
    with pytest.raises(StoreError, match=r"'callback.TrainingCallback', which isn't known"):
        store.read(forged)


STEPS = ModuleType("outputs_steps")


class Mode(enum.Enum):
    FAST = 1


@dataclass(frozen=True)
class Settings:
    depth: int
    mode: Mode
    names: tuple[str, ...] = ()
    total: int = field(init=False, default=0)


@pytest.fixture
def own(monkeypatch):
    """The classes above as those of a pipeline's own module."""
    monkeypatch.setitem(sys.modules, "outputs_steps", STEPS)
    for one in (Mode, Settings):
        monkeypatch.setattr(one, "__module__", "outputs_steps")
        monkeypatch.setattr(STEPS, one.__name__, one, raising=False)
    return Trust(own="outputs_steps")


def test_dataclasses_of_the_pipeline_s_own_code(store, own, monkeypatch):
    value = {"best": [Settings(3, Mode.FAST, ("a",))]}
    assert twice(store, value, own) == value
    with pytest.raises(StoreError, match="isn't of this pipeline's own code"):
        store.get("p", "r", "s", "o")
    monkeypatch.setattr(STEPS, "Settings", Mode)
    with pytest.raises(StoreError, match="isn't a dataclass any more"):
        store.get("p", "r", "s", "o", trust=own)
    with pytest.raises(StoreError, match="which JSON doesn't give back"):
        store.put("p", "r", "s", "o", value)


def test_tables_of_polars(store):
    table = polars.DataFrame(
        {
            "n": [1, None], "text": ["x", None], "list": [[1], [2, 3]],
            "kind": polars.Series(["u", "v"], dtype=polars.Enum(["u", "v"])),
            "when": polars.Series([1, 2]).cast(polars.Datetime("us", "Europe/Berlin")),
            "price": polars.Series(["1.10", "2"]).cast(polars.Decimal(10, 2)),
        }
    )  # fmt: skip
    back = twice(store, table)
    assert type(back) is polars.DataFrame
    assert back.schema == table.schema
    assert back.equals(table)


@pytest.mark.parametrize(
    "column",
    [
        polars.Series("price", [1.5, None]),
        polars.Series([1, 2, 3]),
        polars.Series("empty", [], dtype=polars.String),
        polars.Series("kind", ["u", "v"], dtype=polars.Enum(["u", "v"])),
        polars.Series("lists", [[1], [2, 3], None]),
        polars.Series("when", [1, 2]).cast(polars.Datetime("us", "Europe/Berlin")),
    ],
    ids=["numbers", "no name", "empty", "enum", "lists", "moments"],
)
def test_columns_of_polars(store, column):
    back = twice(store, column)
    assert type(back) is polars.Series
    assert (back.name, back.dtype) == (column.name, column.dtype)
    assert back.equals(column)


def test_columns_of_polars_that_would_not_come_back_are_refused(store):
    with pytest.raises(StoreError, match="column 'o' is Object"):
        store.put("p", "r", "s", "o", polars.Series("o", [object()], dtype=polars.Object))
