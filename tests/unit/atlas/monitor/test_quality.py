"""What a batch breaks of the training data's promises: found, said in words, and never by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atlas.monitor.learning import WhatToLearn, learn
from atlas.monitor.quality import breaches, sentences
from atlas.monitor.quality_rule import CHECKS, QualityRule
from atlas.profiles.measure import batch

DAYS = 30
COLUMNS = ("age", "income", "region", "member", "note", "day", "weekday")


def table(rows, seed, first="2026-01-01", days=DAYS):
    rng = np.random.default_rng(seed)
    when = pd.Timestamp(first) + pd.to_timedelta(np.sort(rng.random(rows) * days), unit="D")
    income = rng.lognormal(8, 0.5, rows)
    return pd.DataFrame(
        {
            "when": when,
            "age": rng.normal(40, 9, rows),
            "income": np.where(rng.random(rows) < 0.02, np.nan, income),
            "region": rng.choice(["emea", "apac", "amer"], rows),
            "member": rng.random(rows) < 0.4,
            "note": [f"{'x' * n} {i}" for i, n in enumerate(rng.integers(1, 30, rows))],
            "day": when.day_of_year.to_numpy() + 0.0,
            "weekday": when.day_name(),
        }
    )


@pytest.fixture(scope="module")
def learnt():
    what = WhatToLearn("load.rows", COLUMNS, ("taken", "when"), every=86_400.0)
    profile, facts, notes = learn(table(9000, 1), what)
    assert notes == []
    return profile, facts


def found(learnt, rows, rule=None):
    columns = {name: rows[name] for name in rows.columns}
    counts = batch(columns, learnt[0])
    rule = QualityRule.parse(rule or {})
    every = breaches("features", counts, learnt, rule, rows=len(rows), columns=list(rows.columns))
    return [(breach.check, breach.column) for breach in every], every


def day(rows=300, seed=5):
    return table(rows, seed, "2026-01-31", 1)


@pytest.mark.parametrize("rows", [1, 2, 30, 300, 3000])
def test_a_batch_like_training_breaks_nothing(learnt, rows):
    for seed in range(20):
        assert found(learnt, day(rows, seed))[0] == []


def test_no_batch_of_many_breaks_anything_by_chance():
    rng = np.random.default_rng(11)
    draw = {
        "heavy": lambda n: rng.standard_t(4, n),
        "ties": lambda n: rng.integers(0, 3, n).astype(float),
        "rare": lambda n: rng.choice([*"abcdefghijklmnopqrstuvwxyz"], n, p=_zipf(26)),
        "many": lambda n: [f"c{i}" for i in rng.zipf(1.5, n) % 5000],
        "sparse": lambda n: np.where(rng.random(n) < 0.01, np.nan, rng.random(n)),
    }
    first = pd.DataFrame({name: of(1000) for name, of in draw.items()})
    known = learn(first, WhatToLearn("load.rows", tuple(draw)))[:2]
    for size in (30, 300, 3000):
        for _ in range(100):
            rows = pd.DataFrame({name: of(size) for name, of in draw.items()})
            assert found(known, rows)[0] == []


def _zipf(count):
    weights = 1.0 / np.arange(1, count + 1)
    return weights / weights.sum()


def changed(name, values):
    rows = day()
    rows[name] = values(rows) if callable(values) else values
    return rows


BAD = {
    "empty": (day().head(0), [("rows", "")]),
    "gone": (day().drop(columns="age"), [("columns", "age")]),
    "renamed": (day().rename(columns={"income": "incomes"}), [("columns", "income")]),
    "another type": (changed("age", lambda r: r.age.astype(str)), [("types", "age")]),
    "mixed types": (changed("age", lambda r: [*r.age[1:], "old"]), [("types", "age")]),
    "a flag for a number": (changed("age", lambda r: r.age > 40), [("types", "age")]),
    "a number for a text": (changed("note", lambda r: r.age), [("types", "note")]),
    "times for categories": (changed("region", lambda r: r.when), [("categories", "region")]),
    "all missing": (changed("age", np.nan), [("missing", "age")]),
    "all None": (changed("region", None), [("missing", "region")]),
    "many missing": (
        changed("income", lambda r: r.income.where(r.index % 5 > 0)), [("missing", "income")]
    ),
    "constant": (changed("age", 40.0), [("constant", "age")]),
    "one category": (changed("region", "emea"), [("constant", "region")]),
    "one flag": (changed("member", True), [("constant", "member")]),
    "an unseen category": (
        changed("region", lambda r: ["mars", *r.region[1:]]), [("categories", "region")]
    ),
    "a wild value": (changed("age", lambda r: [-9999.0, *r.age[1:]]), [("range", "age")]),
    "another unit": (changed("income", lambda r: r.income * 100), [("range", "income")]),
    "infinite": (changed("age", lambda r: [np.inf, *r.age[1:]]), [("range", "age")]),
    "long texts": (changed("note", lambda r: r.note.str.repeat(9)), [("range", "note")]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_found(learnt, case):
    rows, expected = BAD[case]
    assert found(learnt, rows)[0] == expected


WORDS = {
    "renamed": "features: column 'income': the table has no such column (did you mean 'incomes'?); "
    "expected one, as at training",
    "another type": "features: column 'age': 300 of 300 rows can't be read as a number; "
    "expected a number in each, as at training",
    "all missing": "features: column 'age': 300 of 300 rows have no value; "
    "expected at most 2.48 %: at training 0 %",
    "an unseen category": "features: column 'region': 1 of 300 rows have a category that training "
    "hasn't seen: 'mars'; expected 'amer', 'apac', 'emea'",
    "constant": "features: column 'age': all 300 rows have the value 40; "
    "expected different values, as at training",
    "empty": "features: there are no rows; expected at least 1",
}


@pytest.mark.parametrize("case", WORDS)
def test_a_breach_in_words(learnt, case):
    assert [*map(str, found(learnt, BAD[case][0])[1])] == [WORDS[case]]


def test_what_is_new_in_each_block_of_training_may_be_new_in_a_batch(learnt):
    assert learnt[1].outside["day"] == 1.0
    assert "weekday" not in learnt[1].varying
    assert "age" in learnt[1].varying
    assert found(learnt, table(300, 7, "2026-06-01", 1))[0] == []


def test_a_rule_says_what_is_checked(learnt):
    rows = changed("age", np.nan)
    rows["region"] = "mars"
    assert [check for check, _ in found(learnt, rows)[0]] == ["missing", "categories"]
    only = {"checks": ["categories"]}
    assert found(learnt, rows, only)[0] == [("categories", "region")]
    ignored = {"columns": {"region": {"checks": []}}}
    assert found(learnt, rows, ignored)[0] == [("missing", "age")]
    assert found(learnt, rows.head(0), only)[0] == []
    other = {"checks": [c for c in CHECKS if c != "columns"]}
    assert found(learnt, rows.drop(columns="age"), other)[0] == [
        ("categories", "region")]  # fmt: skip


def test_stated_limits_hold_exactly(learnt):
    rows = day()
    share = float(rows.income.isna().mean())
    assert found(learnt, rows, {"missing": share})[0] == []
    assert found(learnt, rows, {"missing": share - 1e-6})[0] == [("missing", "income")]
    own = {"missing": 0, "columns": {"income": {"missing": 0.5}}}
    assert found(learnt, rows, own)[0] == []
    limits = {"columns": {"age": {"minimum": 0, "maximum": float(rows.age.max())}}}
    assert found(learnt, rows, limits)[0] == []
    limits["columns"]["age"]["maximum"] -= 1e-6
    assert found(learnt, rows, limits)[0] == [("range", "age")]
    wide = {"columns": {"age": {"minimum": -10_000}}}
    assert found(learnt, changed("age", lambda r: [-9999.0, *r.age[1:]]), wide)[0] == []


def test_a_column_that_was_never_there_at_training_breaks_nothing():
    known = learn(
        pd.DataFrame({"x": [None] * 500, "y": [1.0] * 500}), WhatToLearn("a.b", ("x", "y"))
    )
    rows = pd.DataFrame({"x": ["a"] * 50, "y": [2.0] * 50})
    assert found(known[:2], rows)[0] == [("range", "y")]


def test_many_breaches_are_said_in_few_sentences(learnt):
    every = found(learnt, day().drop(columns=[*COLUMNS]))[1]
    assert len(every) == len(COLUMNS)
    assert [*sentences(every, 2)] == [
        *map(str, every[:2]), "there are 5 more breaches of the training data's promises",
    ]  # fmt: skip
