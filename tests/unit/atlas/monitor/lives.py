"""A pipeline with champions, batches and labels in a real store, without steps that make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from atlas.config_retraining import RetrainingRule
from atlas.models.measurements import BatchMeasurement, record_measurements
from atlas.monitor.batches import BatchRecord, keep_batch, record_batch
from atlas.monitor.check import check
from atlas.monitor.references import LearntTable, keep_profile, keep_reference, load_reference
from atlas.monitor.spec import MonitoredPipeline
from atlas.profiles.measure import batch, reference
from atlas.store import ModelPart, Run, Store
from atlas.tracking.registry import CHAMPION, LocalRegistry, ModelRegistration

START = datetime(2026, 3, 1, tzinfo=UTC)
DRIFT = {"drift": {"tolerance": 0.0}}


def day(number: float, hours: float = 0.0) -> str:
    return (START + timedelta(days=number, hours=hours)).isoformat()


@dataclass
class Shop:
    """One pipeline.

    Attributes:
        store: its store.
        rule: the Config's retraining.
        columns: how many features it has.
        pipeline: its name.
    """

    store: Store
    rule: dict[str, Any] = field(default_factory=lambda: dict(DRIFT))
    columns: int = 2
    pipeline: str = "shop"

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(7)
        self.registry = LocalRegistry(self.store)
        self.made = 0

    @property
    def monitored(self) -> MonitoredPipeline:
        return MonitoredPipeline(
            pipeline=self.pipeline,
            model=self.pipeline,
            config=self.pipeline,
            environment="local",
            rule=RetrainingRule.parse(self.rule) or RetrainingRule(),
            statistics={"predictions": {"score": "score"}},
        )

    def check(self, *, now: datetime | None = None, registry: Any = None) -> Any:
        return check(self.store, registry or self.registry, self.monitored, now=now)

    # Champions ------------------------------------------------------------------------------

    def rows(self, count: int, shift: float = 0.0) -> dict[str, Any]:
        return {f"f{n}": self.random.normal(shift, 1.0, count) for n in range(self.columns)}

    def train(
        self, until: float | None = 0.0, *, rows: int = 5000, profiled: bool = True, **facts: Any
    ) -> str:
        """Make a version the champion, trained on data until a day; return it."""
        self.made += 1
        run = f"training-{self.made}"
        end = "" if until is None else day(until)
        start = "" if until is None else day(until - 30)
        bound = Run(
            run, self.pipeline, "training", "0" * 64, start, end, created=facts.get("created", end)
        )
        self.store.bind(bound)
        part = ModelPart(f"{self.store.url}/x", f"{self.made:064x}")
        tags = {"atlas.pipeline": self.pipeline}
        if profiled:
            tags["atlas.reference"] = self.learn(rows, facts.get("tables", {}))
        registration = ModelRegistration(self.pipeline, run, {"model": part}, tags)
        version = self.registry.register(registration)
        self.promote(version)
        return version

    def learn(self, rows: int, tables: dict[str, LearntTable]) -> str:
        sha256 = keep_profile(self.store, reference(self.rows(rows)))
        return keep_reference(self.store, {"features": LearntTable(sha256, rows), **tables})

    def promote(self, version: str) -> None:
        self.registry.set_alias(self.pipeline, CHAMPION, version)

    @property
    def champion(self) -> Any:
        return self.registry.find(self.pipeline, CHAMPION)

    # Batches --------------------------------------------------------------------------------

    def score(
        self, number: float | None, rows: int = 1000, shift: float = 0.0, **changed: Any
    ) -> str:
        """Score the batch of a day, or one without an interval; return its name."""
        table = changed.pop("table", None) or self.rows(rows, shift)
        model, beside = self.champion.resolved(), self.champion.reference
        profiles = {}
        if beside:
            known = load_reference(self.store, beside)
            counted = {"features": batch(table, known.profiles["features"])}
            counted |= changed.pop("counted", {})
            profiles = keep_batch(self.store, known, counted)
        facts = {
            "run": f"inference-{self.random.integers(10**9)}",
            "interval_start": "" if number is None else day(number),
            "interval_end": "" if number is None else day(number + 1),
            "created": day(0 if number is None else number + 1, 1.0),
            "model": model.name,
            "version": model.version,
            "digest": model.digest,
            "reference": beside,
            "rows": rows,
            "profiles": profiles,
        }
        record = BatchRecord(self.pipeline, **{**facts, **changed})
        record_batch(self.store, record)
        return record.batch

    def label(self, number: float, labels: int, **changed: Any) -> None:
        """Measure the batch of a day: of so many labels, all values of `accuracy` given."""
        version = changed.pop("version", self.champion.version)
        facts = {
            "run": "inference",
            "predictions": 1000,
            "interval_start": day(number),
            "interval_end": day(number + 1),
            "created": day(number + 1, 1.0),
            "model": self.pipeline,
            "version": version,
            "as_of": day(number + 1, 2.0),
            "measured_by": "shop/labels-1",
            "step": "measure",
        }
        if "right" in changed:
            right = changed.pop("right")
            sums = {"n": labels, "sum": float(right), "sum_squares": float(right)}
            facts |= {"sums": {"accuracy": sums}, "metrics": {"accuracy": right / labels}}
        record = BatchMeasurement(self.pipeline, labels=labels, **{**facts, **changed})
        record_measurements(self.store, [record])
