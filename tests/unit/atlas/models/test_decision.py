"""The decision: by rows where they come, by single numbers where they don't, and it says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from atlas.config import PromotionRule
from atlas.models.decision import Judge
from atlas.models.findings import Evidence
from atlas.models.rows import pair
from atlas.store import ModelPart, ModelVersion, Store, open_store
from atlas.tracking.registry import ModelRegistration, RegisteredVersion

PARTS = {"part": ModelPart("file:///x", "a" * 64)}
RIVAL = ModelVersion("m", "1", PARTS)
RULE = {"metric": "e.loss", "direction": "lower", "beats_champion": {"confidence": 0.95}}


def champion(version: str = "1", parts: Any = None, **metrics: float) -> RegisteredVersion:
    named = {f"e.{name}": value for name, value in metrics.items()}
    registration = ModelRegistration("m", f"run-{version}", parts or PARTS, {}, named)
    return RegisteredVersion("m", version, registration.all_tags())


def table(rows: int = 400, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Rows of the same test set, as a model of some quality measures them."""
    base = np.random.default_rng(1).exponential(size=rows)
    noise = np.random.default_rng(seed).normal(0, 0.3, rows)
    region = np.where(np.arange(rows) % 4 == 0, "apac", "emea")
    return pd.DataFrame(
        {
            "id": range(rows),
            "region": region,
            "loss": base + noise + shift,
            "hit": base + shift < 1.0,
        }
    )


def evidence(challenger: pd.DataFrame, other: pd.DataFrame | None, **more: Any) -> Evidence:
    metrics = {f"e.{name}": float(challenger[name].mean()) for name in ("loss", "hit")}
    if other is not None:
        metrics |= {f"e.champion.{name}": float(other[name].mean()) for name in ("loss", "hit")}
    given = {
        "run": "r",
        "metrics": metrics,
        "rival": RIVAL,
        "pairs": lambda _: None if other is None else pair(challenger, other),
        "digests": {"e": {"challenger": f"{hash(challenger.to_csv())}"}},
    }
    return Evidence(**{**given, **more})


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store((tmp_path / "store").as_uri())


def ruling(store: Store, found: Evidence, rule: Any = RULE, **more: Any):
    judge = Judge(store, "m", PromotionRule.parse(rule), rule, found)
    return judge(more.get("champion", champion()))


def test_better_worse_and_indistinguishable(store):
    other = table(seed=1)
    better = ruling(store, evidence(table(shift=-0.1, seed=2), other))
    assert better.passes
    assert "on the same 400 rows: better (difference 0." in better.reason
    assert "use 1 of this test set: a confidence of 0.95 has become 0.975" in better.reason
    same = ruling(store, evidence(table(seed=3), other))
    assert not same.passes
    assert "indistinguishable, so the champion stays" in same.reason
    worse = ruling(store, evidence(table(shift=0.2, seed=4), other))
    assert "on the same 400 rows: worse (" in worse.reason
    assert worse.evidence["testset"]["number"] == 3
    (finding,) = worse.evidence["findings"]
    assert finding["verdict"] == "worse"
    assert finding["confidence"] == pytest.approx(1 - 0.05 / 12)


def test_the_same_evidence_is_the_same_use(store):
    found = evidence(table(shift=-0.1, seed=2), table(seed=1))
    assert ruling(store, found) == ruling(store, found)


def test_a_dry_run_spends_nothing(store):
    found = evidence(table(shift=-0.1, seed=2), table(seed=1))
    judge = Judge(store, "m", PromotionRule.parse(RULE), RULE, found, spend=False)
    assert judge(champion()) == judge(champion())
    assert list(store.location.entries("champions")) == []


def test_many_tries_on_one_test_set_find_nothing_by_chance(store):
    """Of 60 versions that are as good as the champion none may be promoted; at 5 % each, 3 would."""
    other = table(seed=1)
    results = [ruling(store, evidence(table(seed=seed), other)).passes for seed in range(2, 62)]
    assert sum(results) == 0


def test_a_margin_promotes_what_is_not_worse(store):
    rule = {**RULE, "beats_champion": {"confidence": 0.95, "margin": 0.2}}
    found = ruling(store, evidence(table(seed=3), table(seed=1)), rule)
    assert found.passes
    assert "not worse by 0.2 or more" in found.reason


def test_guards_and_bounds(store):
    challenger, other = table(shift=-0.3, seed=2), table(seed=1)
    guard = {"metric": "e.hit", "direction": "lower", "margin": 0.01}
    failed = ruling(store, evidence(challenger, other), {**RULE, "guards": [guard]})
    assert not failed.passes
    assert failed.reason.startswith("e.hit is 0.")
    passed = ruling(
        store, evidence(challenger, other), {**RULE, "guards": [{**guard, "direction": "higher"}]}
    )
    assert passed.passes
    bound = {"metric": "e.hit", "direction": "higher", "at_least": 0.99}
    failed = ruling(store, evidence(challenger, other), {**RULE, "guards": [bound]})
    assert failed.reason == f"e.hit is {challenger['hit'].mean():.6g}, and must be at least 0.99"
    missing = {"metric": "e.none", "direction": "higher"}
    failed = ruling(store, evidence(challenger, other), {**RULE, "guards": [missing]})
    assert failed.reason.startswith("the run has no metric 'e.none'")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.assign(loss=rows["loss"].where(rows.index != 7)), "found nan in row 7"),
        (lambda rows: rows[:-1], "found rows 400 of the challenger and 399 of the champion"),
        (lambda rows: rows.assign(loss=[None, *map(str, rows["loss"][1:])]), "is of type"),
        (lambda rows: rows.assign(loss=1.5), "found 1.5 in every row, which is constant"),
        (lambda rows: rows.assign(id=rows["id"] + 1), "holds other keys for the champion"),
        (lambda rows: rows.to_dict("records"), "found a list, expected a DataFrame"),
    ],
)
def test_a_champion_whose_rows_are_unusable_is_compared_by_single_numbers(store, spoil, message):
    """It must not keep its place by that, nor cost a use of the test set."""
    challenger, other = table(shift=-0.3, seed=2), table(seed=1)
    given = evidence(challenger, other)
    spoilt = replace(given, pairs=lambda _: pair(challenger, spoil(other), key="id"))
    result = ruling(store, spoilt)
    assert result.passes
    assert (
        "single numbers were compared, for the champion's rows can't be compared" in result.reason
    )
    assert message in result.reason
    assert list(store.location.entries("champions")) == []


def test_a_challenger_whose_rows_are_unusable_is_not_promoted(store):
    other = table(seed=1)
    challenger = table(shift=-0.3, seed=2)
    spoilt = challenger.assign(loss=challenger["loss"].where(challenger.index != 7))
    result = ruling(
        store, replace(evidence(challenger, other), pairs=lambda _: pair(spoilt, other))
    )
    assert not result.passes
    assert "the challenger's values: found nan in row 7" in result.reason


def test_a_slice_that_is_worse_keeps_the_champion(store):
    challenger, other = table(shift=-0.3, seed=2), table(seed=1)
    rule = {**RULE, "slices": {"by": "region", "margin": 0.05}}
    passed = ruling(store, evidence(challenger, other), rule)
    assert passed.passes
    assert "none of 2 slices by region is worse" in passed.reason
    broken = challenger.assign(
        loss=challenger["loss"].where(challenger["region"] != "apac", challenger["loss"] + 0.6)
    )
    failed = ruling(store, evidence(broken, other), rule)
    assert not failed.passes
    assert failed.reason.startswith("e.loss of region=apac is ")


def test_without_rows_single_numbers_are_compared_and_it_says_so(store):
    challenger = table(shift=-0.1, seed=2)
    found = evidence(challenger, table(seed=1), digests={})
    said = ruling(store, found)
    assert said.passes
    assert said.reason.endswith(
        "on the same test set; single numbers were compared, for step e gives no row_metrics"
    )
    old = ruling(store, found, {"metric": "e.loss", "at_most": 9.0, "beats_champion": True})
    assert old.passes
    assert old.reason.endswith("on the same test set")
    undirected = ruling(
        store,
        evidence(challenger, table(seed=1)),
        {"metric": "e.loss", "at_most": 9.0, "beats_champion": True},
    )
    assert undirected.evidence["findings"][0]["single_numbers"] == "the rule states no direction"
    unable = evidence(challenger, None)
    alone = ruling(store, unable, champion=champion(loss=0.5))
    assert not alone.passes
    assert "on its own test set; single numbers were compared" in alone.reason
    guard = {"metric": "e.hit", "direction": "higher", "margin": 0.5}
    assert ruling(store, found, {**RULE, "guards": [guard]}).passes


def test_the_direction_is_that_of_the_rule_and_not_of_its_bounds(store):
    found = evidence(table(shift=-0.1, seed=2), table(seed=1), digests={})
    rule = {"metric": "e.loss", "direction": "higher", "at_most": 9.0, "beats_champion": True}
    assert not ruling(store, found, rule).passes


def test_a_champion_that_changed_since_is_reported(store):
    found = evidence(table(shift=-0.1, seed=2), table(seed=1))
    other = champion("2", {"part": ModelPart("file:///y", "b" * 64)})
    late = ruling(store, found, champion=other)
    assert not late.passes
    assert late.reason == (
        "can't be compared with the champion: the run has scored version 1 beside it, and version 2 "
        "has become the champion since; train again"
    )
    first = ruling(store, replace(found, rival=None), champion=other)
    assert "has scored no champion beside it" in first.reason


def test_rows_of_another_metric_are_refused(store):
    found = evidence(table(shift=-0.1, seed=2), table(seed=1))
    found = replace(found, metrics={**found.metrics, "e.loss": 0.5})
    failed = ruling(store, found)
    assert not failed.passes
    assert "e.loss is 0.5, and the mean of its rows is" in failed.reason


def test_no_rule_and_no_champion(store):
    found = evidence(table(), None)
    assert ruling(store, found, {}).reason == "the Config has no rule"
    first = Judge(store, "m", PromotionRule.parse(RULE), RULE, found)(None)
    assert first.passes
    assert first.reason.startswith("e.loss is ")


def test_a_nan_in_the_rows_is_reported(store):
    challenger = table(seed=2)
    challenger.loc[3, "loss"] = np.nan
    found = evidence(challenger, table(seed=1))
    failed = ruling(store, found)
    assert not failed.passes
    assert "the challenger's values: found nan in row 3" in failed.reason
