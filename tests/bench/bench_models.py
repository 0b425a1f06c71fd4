"""Models: the paired test, a decision and a join of labels on 1,000,000 rows, and a promotion."""

from __future__ import annotations

import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from atlas import Batch, LabelJoin
from atlas.config import PromotionRule
from atlas.models.champions import Champions, Ruling
from atlas.models.decision import Judge
from atlas.models.findings import Evidence
from atlas.models.paired import Question, compare
from atlas.models.promotion import Candidate, promote
from atlas.models.rows import pair
from atlas.store import ModelPart, ModelVersion, Store, open_store
from atlas.tracking.registry import LocalRegistry, ModelRegistration, RegisteredVersion
from tests.bench.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 1_000_000
PARTS = {"part": ModelPart("file:///x", "a" * 64)}
RULE = {
    "metric": "e.loss", "direction": "lower", "key": "id", "beats_champion": {"confidence": 0.95},
    "guards": [{"metric": "e.hit", "direction": "higher", "margin": 0.01}],
    "slices": {"by": "region", "margin": 0.05},
}  # fmt: skip


def run() -> list[Row]:
    champion, challenger = table(1), table(2)
    losses = (challenger["loss"].to_numpy(), champion["loss"].to_numpy())
    hits = (challenger["hit"].to_numpy(float), champion["hit"].to_numpy(float))
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        return [
            at_most("paired test, 1,000,000 rows", took(lambda: asked(losses, "lower")), 2.0, "s"),
            at_most("the same, of 0 and 1", took(lambda: asked(hits, "higher")), 2.0, "s"),
            at_most(
                "decision on 1,000,000 rows: key, guard, 4 slices",
                took(lambda: decided(store, challenger, champion)),
                5.0,
                "s",
            ),
            at_most("promotion beside the registry's calls", promotion(store), 3.0, "s"),
            at_most("1,000,000 labels joined by key and time, 3 metrics", labelled(), 8.0, "s"),
        ]


def table(seed: int) -> pd.DataFrame:
    base = np.random.default_rng(0).exponential(size=ROWS)
    noise = np.random.default_rng(seed).normal(0, 0.3, ROWS)
    region = np.array(["apac", "emea", "amer", "afri"])[np.arange(ROWS) % 4]
    loss = base + noise - 0.01 * seed
    return pd.DataFrame({"id": np.arange(ROWS), "region": region, "loss": loss, "hit": loss < 1.0})


def asked(values: tuple[Any, Any], direction: str) -> None:
    compare(*values, Question("m", direction))


def decided(store: Store, challenger: pd.DataFrame, champion: pd.DataFrame) -> None:
    means = {f"e.{name}": float(challenger[name].mean()) for name in ("loss", "hit")}
    evidence = Evidence(
        "r",
        means,
        ModelVersion("m", "1", PARTS),
        lambda _: pair(challenger, champion, key="id"),
        {"e": {"challenger": "a", "champion": "b"}},
    )
    version = RegisteredVersion("m", "1", ModelRegistration("m", "r", PARTS).all_tags())
    ruling = Judge(store, "m", PromotionRule.parse(RULE), RULE, evidence)(version)
    if not ruling.passes:
        raise RuntimeError(ruling.reason)


def promotion(store: Store) -> float:
    champions = Champions(store, LocalRegistry(store), "m")
    version = champions.registry.register(ModelRegistration("m", "r", PARTS))
    passing = Candidate(champions, version, lambda _: Ruling(True, "it passes"))
    return took(lambda: promote([passing]))


def labelled() -> float:
    """Join labels to the predictions of ten days, exactly by time, in an order of their own."""
    random, days = np.random.default_rng(1), np.split(np.arange(ROWS), 10)
    times = pd.date_range("2026-01-01", periods=ROWS, freq="s", tz="UTC")
    predicted = pd.DataFrame(
        {"id": [f"c{n % 5000}" for n in range(ROWS)], "at": times, "p": random.integers(0, 2, ROWS)}
    ).assign(s=random.random(ROWS), region=np.arange(ROWS) % 4)
    labels = predicted[["id", "at"]].assign(y=random.integers(0, 2, ROWS)).sample(frac=1.0)
    join = LabelJoin(
        key=["id"], prediction="p", score="s", label="y", time="at", label_time="at",
        metrics=["accuracy", "log_loss", "roc_auc"], slices=["region"],
    )  # fmt: skip
    batches = [Batch(predicted.iloc[day], run=f"r{day[0]}") for day in days]
    return took(lambda: join.run(batches, labels))


def took(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
