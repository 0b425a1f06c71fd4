"""The steps of the digits pipelines, one at a time: a constructor and a call."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_digits
from steps import EvaluateCombined, EvaluateOne, Read, Split, TrainCombiner, TrainOne

from atlas.testing import recording

DIGITS = ("0", "1", "2")


@pytest.fixture(scope="module")
def parts() -> Any:
    """Real images of three digits."""
    bunch = load_digits(as_frame=True)
    rows = bunch.data.assign(image=range(len(bunch.data)), digit=bunch.target)
    return Split(target="digit").run(rows[rows["digit"] < 3].head(240))


@pytest.fixture(scope="module")
def members(parts: Any) -> dict[str, Any]:
    return {d: TrainOne(target="digit", digit=d).run(parts.train).model for d in DIGITS}


def test_split_keeps_every_row_once_and_the_share_of_each_digit(parts: Any) -> None:
    images = [*parts.train["image"], *parts.test["image"]]
    assert len(images) == len(set(images)) == 240
    shares = [part["digit"].value_counts(normalize=True) for part in parts]
    assert (shares[0] - shares[1]).abs().max() < 0.02


def test_every_member_tells_its_digit_from_the_others(members: Any, parts: Any) -> None:
    for digit, model in members.items():
        measured = EvaluateOne(target="digit", digit=digit).run(model, parts.test)
        assert measured.metrics["roc_auc"] > 0.99
        assert measured.metrics["brier"] < 0.02
        assert list(measured.row_metrics["image"]) == list(parts.test["image"])


def test_the_parent_reads_digits_by_what_its_members_say(members: Any, parts: Any) -> None:
    context, metrics = recording()
    trained = TrainCombiner(target="digit", context=context).run(members, parts.train).model
    assert metrics == {"members": 3}
    assert list(trained) == [*DIGITS, "combiner"]
    measured = EvaluateCombined(target="digit").run(trained, parts.test)
    assert measured.metrics["accuracy"] > 0.95
    images = parts.test.drop(columns="digit")
    scores = Read().run(trained, images).scores
    assert (scores["digit"].to_numpy() == parts.test["digit"].to_numpy()).mean() > 0.95
    assert scores["probability"].between(1 / 3, 1).all()


def test_the_order_in_which_members_come_changes_nothing(members: Any, parts: Any) -> None:
    other = dict(reversed(members.items()))
    models = [TrainCombiner(target="digit").run(one, parts.train).model for one in (members, other)]
    scores = [Read().run(model, parts.test).scores for model in models]
    pd.testing.assert_frame_equal(*scores)
