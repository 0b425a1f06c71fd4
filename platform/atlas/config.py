"""The Config: what differs between two pipelines of the same shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from itertools import product
from typing import Any

from atlas.config_retraining import RetrainingRule as RetrainingRule  # noqa: PLC0414 - re-exported
from atlas.dataclass import dataclass
from atlas.recipe import Reference

FLOWS = ("training", "inference")
"""The flows that a Config can have a Recipe for."""
ROW_METRICS = "row_metrics"
"""The output with each row's metrics, of the step that measures a model."""
BATCH_METRICS = "batch_metrics"
"""Name of a step's output whose records of batches outlive the run."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that the pipeline reads or writes; where it is, the Environment says.

    Attributes:
        type: ``table``, ``file`` or ``folder``; empty where the Config doesn't say.
        time: column with the rows' time, or empty.
        label: column with the label, or empty.
        partition: the placeholders that its folders come of, outermost first.
        mode: what writing does: ``append``, ``replace interval``, ``merge``, or empty.
        key: the columns that ``merge`` tells rows apart by.
        checks: what has to hold of what is read.
    """

    type: str = ""
    time: str = ""
    label: str = ""
    description: str = ""
    partition: tuple[str, ...] = ()
    mode: str = ""
    key: tuple[str, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> DataSet:
        """Build a data set from JSON that the schema has accepted."""
        plain = {name: raw[name] for name in raw if name not in ("partition", "write")}
        write = raw.get("write", "")
        merge = write["merge"] if isinstance(write, Mapping) else ()
        return cls(
            **plain,
            partition=tuple(raw.get("partition", ())),
            mode="merge" if merge else write,
            key=tuple(merge),
        )


@dataclass(frozen=True, slots=True)
class Canary:
    """The rows that the challenger scores in place of the model.

    Attributes:
        share: of the rows, from 0 to 1.
        key: column whose value chooses a row; empty for its position.
    """

    share: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The registered model.

    Attributes:
        name: its registered name.
        version: what inference follows, an alias, or a number, which is pinned.
        parts: the training outputs that it is made of.
        digest: that the pinned version has to have; empty where the Config doesn't say.
        shadow: whether the challenger scores beside it.
        canary: the rows that the challenger scores in its place, if there are any.
    """

    name: str
    version: str = "champion"
    parts: Mapping[str, Reference] = field(default_factory=dict)
    digest: str = ""
    shadow: bool = False
    canary: Canary | None = None

    @property
    def has_rival(self) -> bool:
        """Whether inference runs the challenger too."""
        return self.shadow or self.canary is not None


@dataclass(frozen=True, slots=True)
class Override:
    """What one step differs in from its Recipe."""

    cls: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """The columns of one table whose statistics are monitored.

    Attributes:
        source: the step's output that is the table.
        columns: the columns' names, that of the score among them.
        training: the training step's output that batches are compared with; None for `source`.
        time: the column of that table with the rows' time, or empty.
        score: the column with the score of the positive class, or empty.
        label: the column of the training table with the label, or empty.
        positive: the label of that class.
    """

    source: Reference
    columns: tuple[str, ...]
    training: Reference | None = None
    time: str = ""
    score: str = ""
    label: str = ""
    positive: bool | int | str = True


@dataclass(frozen=True, slots=True)
class Config:
    """One Config, as written."""

    name: str
    recipes: Mapping[str, str]
    description: str = ""
    data: Mapping[str, DataSet] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Override] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model: ModelSpec | None = None
    schedule: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    promotion: Mapping[str, Any] = field(default_factory=dict)
    retraining: Mapping[str, Any] = field(default_factory=dict)
    alerts: Mapping[str, Any] = field(default_factory=dict)
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    predictions: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    previews: bool = True
    open_data: bool = False

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Config:
        """Build a Config from JSON that the schema has accepted."""
        plain = (
            *("description", "features", "parameters", "schedule", "previews"),
            *("promotion", "retraining", "predictions", "alerts", "card", "quality"),
        )
        return cls(
            name=raw["name"],
            recipes={flow: raw["recipes"][flow] for flow in FLOWS if flow in raw["recipes"]},
            data={name: DataSet.parse(data) for name, data in raw.get("data", {}).items()},
            steps={name: _override(step) for name, step in raw.get("steps", {}).items()},
            model=_model(raw["model"]) if "model" in raw else None,
            matrix={axis: tuple(values) for axis, values in raw.get("matrix", {}).items()},
            statistics=_statistics(raw),
            **{name: raw[name] for name in plain if name in raw},
        )

    def members(self) -> list[dict[str, str]]:
        """Return the axis values of every member of the family; one empty dict without a matrix."""
        axes = sorted(self.matrix)
        values = product(*(self.matrix[axis] for axis in axes))
        return [dict(zip(axes, member, strict=True)) for member in values]

    def member_count(self) -> int:
        """Return how many pipelines the Config stands for, without making them."""
        count = 1
        for values in self.matrix.values():
            count *= len(values)
        return count

    def member_name(self, axes: Mapping[str, str]) -> str:
        """Return a member's name: the Config's, then the axis values in the order of axis names."""
        return "-".join((self.name, *(axes[axis] for axis in sorted(self.matrix))))


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What a promotion asks of one metric.

    Attributes:
        metric: ``step.metric``.
        direction: which values are better: ``higher``, ``lower``, or empty where it isn't stated.
        at_least: the least value, or None.
        at_most: the greatest value, or None.
        margin: by how much it may be worse than the champion's, or None.
    """

    metric: str
    direction: str = ""
    at_least: float | None = None
    at_most: float | None = None
    margin: float | None = None

    @property
    def step(self) -> str:
        """Full name of the step that records it."""
        return self.metric.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Its name in that step."""
        return self.metric.rpartition(".")[2]

    @property
    def is_lower_better(self) -> bool:
        """Whether smaller values are better: as it is stated, or else by the bound that it has."""
        by_bound = self.at_most is not None and self.at_least is None
        return self.direction == "lower" if self.direction else by_bound


@dataclass(frozen=True, slots=True)
class PromotionRule:
    """When a new version becomes the champion: a Config's ``promotion``.

    Attributes:
        main: the metric that decides.
        beats_champion: whether it must be better than the champion's, or not worse than a margin.
        confidence: probability that a promoted version isn't worse than the rule allows.
        is_paired: whether the Config asks for a paired test, and not only for a comparison.
        key: column that tells rows apart, or empty.
        guards: further metrics, each of which has to pass.
        by: columns whose values make slices.
        slice_margin: by how much it may be worse in a slice.
    """

    main: MetricRule
    beats_champion: bool = False
    confidence: float = 0.95
    is_paired: bool = False
    key: str = ""
    guards: tuple[MetricRule, ...] = ()
    by: tuple[str, ...] = ()
    slice_margin: float = 0.0

    @property
    def metrics(self) -> tuple[MetricRule, ...]:
        """Every metric that has to pass, the one that decides first."""
        return (self.main, *self.guards)

    @property
    def compares(self) -> bool:
        """Whether it compares a version with the champion."""
        guarded = any(guard.margin is not None for guard in self.guards)
        return self.beats_champion or guarded or bool(self.by)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> PromotionRule | None:
        """Return the rule of a Config's ``promotion``; None of an empty one."""
        if not raw:
            return None
        beats, slices = raw.get("beats_champion", False), raw.get("slices", {})
        is_paired = not isinstance(beats, bool)
        paired: Mapping[str, Any] = beats if is_paired else {}
        by = slices.get("by", ())
        return cls(
            main=_metric_rule({**raw, "margin": paired.get("margin")}),
            beats_champion=beats is not False,
            confidence=paired.get("confidence", 0.95),
            is_paired=is_paired,
            key=raw.get("key", ""),
            guards=tuple(map(_metric_rule, raw.get("guards", ()))),
            by=(by,) if isinstance(by, str) else tuple(by),
            slice_margin=slices.get("margin", 0.0),
        )


def _metric_rule(raw: Mapping[str, Any]) -> MetricRule:
    names = ("metric", "direction", "at_least", "at_most", "margin")
    return MetricRule(**{name: raw[name] for name in names if raw.get(name) is not None})


def _statistics(raw: Mapping[str, Any]) -> dict[str, ColumnStatistics]:
    """Return a Config's ``statistics``: without columns, of what the lists of its features name."""
    named = {
        text: None
        for values in raw.get("features", {}).values()
        if isinstance(values, list)
        for text in values
        if isinstance(text, str)
    }
    return {kind: _columns(spec, named) for kind, spec in raw.get("statistics", {}).items()}


def _columns(spec: Mapping[str, Any], named: Iterable[str]) -> ColumnStatistics:
    columns = (*spec.get("columns", named), *filter(None, [spec.get("score")]))
    training = Reference.parse(spec["training"]) if "training" in spec else None
    plain = ("time", "score", "label", "positive")
    return ColumnStatistics(
        Reference.parse(spec["from"]),
        tuple(dict.fromkeys(columns)),
        training,
        **{name: spec[name] for name in plain if name in spec},
    )


def _override(raw: Mapping[str, Any]) -> Override:
    return Override(raw.get("class", ""), raw.get("params", {}), raw.get("search", {}))


def _model(raw: Mapping[str, Any]) -> ModelSpec:
    parts = {part: Reference.parse(text) for part, text in raw.get("from", {}).items()}
    version = raw.get("version", "champion")
    return ModelSpec(
        raw["name"],
        version if isinstance(version, str) else str(int(version)),
        parts,
        digest=raw.get("digest", ""),
        shadow=raw.get("shadow", False),
        canary=_canary(raw.get("canary", 0)),
    )


def _canary(raw: float | Mapping[str, Any]) -> Canary | None:
    """Return a Config's canary; None of one without a share."""
    canary = Canary(**raw) if isinstance(raw, Mapping) else Canary(raw)
    return canary if canary.share else None
