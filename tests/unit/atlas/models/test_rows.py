"""Pairing two models' rows, slicing them, telling test sets apart, and what each use costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atlas.errors import AtlasError
from atlas.models.rows import MOST_SLICES, pair
from atlas.models.testsets import use
from atlas.store import open_store


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_rows_are_paired_by_their_key_in_whatever_order():
    challenger = frame(id=["b", "a", "c"], loss=[2.0, 1.0, 3.0])
    champion = frame(id=["a", "c", "b"], loss=[10.0, 30.0, 20.0])
    first, second = pair(challenger, champion, key="id").values("loss")
    assert (first * 10).tolist() == second.tolist()


@pytest.mark.parametrize(
    ("challenger", "champion", "key", "message"),
    [
        (frame(id=[1, 1], x=[1.0, 2.0]), frame(id=[1, 2], x=[1.0, 2.0]), "id", "'1' stands in several rows"),
        (frame(id=[1, 3]), frame(id=[1, 2]), "id", "holds other keys for the champion"),
        (frame(id=[1.0, None]), frame(id=[1, 2]), "id", "has missing values"),
        (frame(x=[1]), frame(x=[1]), "id", "has no column 'id'; its columns are x"),
        (frame(x=[1]), frame(x=[1, 2]), "", "found rows 1 of the challenger and 2 of the champion"),
        ([1], frame(x=[1]), "", "found a list, expected a DataFrame"),
    ],
)  # fmt: skip
def test_rows_that_are_no_pairs(challenger, champion, key, message):
    with pytest.raises(AtlasError) as error:
        pair(challenger, champion, key=key, where="evaluate.row_metrics")
    assert message in str(error.value)
    assert str(error.value).startswith("evaluate.row_metrics: ")


def test_values_are_numbers():
    pairs = pair(frame(a=["x", "y"], b=[True, False]), frame(a=["x", "y"], b=[True, True]))
    assert pairs.values("b")[0].tolist() == [1.0, 0.0]
    with pytest.raises(AtlasError, match="the column 'a' is of type str; expected a number"):
        pairs.values("a")
    with pytest.raises(AtlasError, match="no column 'c'"):
        pairs.values("c")
    missing = pair(frame(a=pd.array([1, None], "Int64")), frame(a=[1, 2]))
    assert np.isnan(missing.values("a")[0][1])


def test_slices_with_missing_values_and_categories_that_nothing_has():
    region = pd.Categorical(["emea", None, "apac", "emea"], categories=["emea", "apac", "amer"])
    table = frame(region=region, loss=[1.0, 2.0, 3.0, 4.0])
    found = {name: len(part.challenger) for name, part in pair(table, table).slices("region")}
    assert found == {"region=emea": 2, "region=apac": 1, "region=nan": 1}


def test_slices_that_are_none():
    table = frame(region=["a", "b"], loss=[1.0, 2.0])
    other = frame(region=["b", "b"], loss=[1.0, 2.0])
    with pytest.raises(AtlasError, match="isn't the same for both models"):
        list(pair(table, other).slices("region"))
    many = frame(region=range(MOST_SLICES + 1))
    with pytest.raises(AtlasError, match="expected at most 200 slices"):
        list(pair(many, many).slices("region"))


def test_a_test_set_is_recognised_by_what_no_model_changes():
    one = pair(
        frame(id=[1, 2], loss=[0.1, 0.2], hit=[True, True]),
        frame(id=[1, 2], loss=[0.3, 0.4], hit=[True, False]),
    )
    same = pair(
        frame(id=[2, 1], loss=[0.5, 0.6], hit=[True, False]),
        frame(id=[2, 1], loss=[0.3, 0.4], hit=[True, False]),
    )
    other = pair(frame(id=[1, 3], loss=[0.1, 0.2]), frame(id=[1, 3], loss=[0.3, 0.4]))
    assert one.identity() == same.identity()
    assert one.identity() != other.identity()
    assert len(one.identity()) == 64
    assert pair(frame(loss=[0.1]), frame(loss=[0.3])).identity() == ""
    keyed = pair(one.challenger, one.champion, key="id")
    assert keyed.identity() == one.identity()


def test_each_use_of_a_test_set_costs_confidence(tmp_path):
    store = open_store(tmp_path.as_uri())

    def used(evidence: str, testset: str = "t", *, spend: bool = True):
        return use(store, testset, evidence * 40, 0.95, model="m", spend=spend)

    assert used("a", spend=False).number == 1
    uses = [used(evidence) for evidence in "abcd"]
    assert [one.number for one in uses] == [1, 2, 3, 4]
    assert used("b").number == 2
    assert used("e", spend=False).number == 5
    assert used("e", spend=False).number == 5
    assert used("a", "other").number == 1
    assert uses[0].alpha == pytest.approx(0.025)
    spent = sum(one.alpha for one in uses)
    assert spent + uses[-1].left == pytest.approx(0.05)
