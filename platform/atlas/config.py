"""The Config: what differs between two pipelines of the same shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from atlas.recipe import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOWS = ("training", "inference")
"""The flows that a Config can have a Recipe for."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that the pipeline reads or writes; where it is, the Environment says."""

    type: str = "table"
    time: str = ""
    label: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The registered model: its name, what inference follows, and the outputs it is made of."""

    name: str
    version: str = "champion"
    parts: Mapping[str, Reference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Override:
    """What one step differs in from its Recipe."""

    cls: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


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
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    open_data: bool = False

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Config:
        """Build a Config from JSON that the schema has accepted."""
        plain = ("description", "features", "parameters", "schedule", "promotion", "retraining")
        return cls(
            name=raw["name"],
            recipes={flow: raw["recipes"][flow] for flow in FLOWS if flow in raw["recipes"]},
            data={name: DataSet(**data) for name, data in raw.get("data", {}).items()},
            steps={name: _override(step) for name, step in raw.get("steps", {}).items()},
            model=_model(raw["model"]) if "model" in raw else None,
            matrix={axis: tuple(values) for axis, values in raw.get("matrix", {}).items()},
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


def _override(raw: Mapping[str, Any]) -> Override:
    return Override(raw.get("class", ""), raw.get("params", {}))


def _model(raw: Mapping[str, Any]) -> ModelSpec:
    parts = {part: Reference.parse(text) for part, text in raw.get("from", {}).items()}
    version = raw.get("version", "champion")
    return ModelSpec(raw["name"], version if isinstance(version, str) else str(int(version)), parts)
