"""The Plan: one pipeline and flow, resolved and frozen; the form that every back end reads."""

from __future__ import annotations

import hashlib
import json
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.condition import skippable
from atlas.dataclass import dataclass
from atlas.plan.parts import Model, PlanData, PlanStep, Schedule, freeze
from atlas.plan.plain import plain, read_fields
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan.family import Family
    from atlas.recipe import Image, Parameter


@dataclass(frozen=True)
class Plan:
    """One pipeline and flow, resolved. Equal documents and code give equal bytes and digests.

    Attributes:
        name: the name under which everything shared is known: prefix and pipeline.
        pipeline: the Config's name and, in a family, the member's axis values.
        config: the Config's name; the family's.
        flow: ``training`` or ``inference``.
        recipe: the Recipe's name.
        environment: the Environment's name.
        target: ``local``, ``kubeflow`` or ``airflow``.
        steps: in an order that respects every edge.
        code: digest of the pipeline folder's code, as `atlas.store` snapshots it.
        axes: axis → this member's value.
        digests: of the documents: ``recipe``, ``config``, ``features``.
        promotion: the Config's promotion rule, training only.
        predictions: version, run, start, end → the column that has it; inference only.
        statistics: ``features`` and ``predictions`` → the ``step``, its ``output`` and the
            ``columns`` whose statistics are monitored; those of this flow. Of training, also what
            is learnt: ``time`` (a column), ``every`` (seconds), ``score``, ``label``, ``positive``.
        quality: what the Config's ``quality`` says of batches, inference only.
        card: what people have written for the model's card, training only.
        packages: those that the project allows and that steps' classes are of.
        formats: modules that add artifact formats, imported before a step runs.
        stores: URLs of stores besides the run's own that model parts may be read from.
        notify: ``failure``, ``promotion``, ``trigger``, ``late`` → the secrets that hold the
            addresses of those who are notified.
        late_after: seconds after its interval's end at which a scheduled run is late, or None.
        family: the family that it is a member of, training of a model only.
        hides_rows: whether nobody is shown rows of what it writes; None for no.
    """

    name: str
    pipeline: str
    config: str
    flow: str
    recipe: str
    environment: str
    target: str
    steps: tuple[PlanStep, ...]
    code: str = ""
    description: str = ""
    axes: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    data: Mapping[str, PlanData] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    model: Model | None = None
    schedule: Schedule | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    promotion: Mapping[str, Any] = field(default_factory=dict)
    predictions: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    family: Family | None = None
    notify: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    late_after: float | None = None
    hides_rows: bool | None = None

    def __post_init__(self) -> None:
        """Freeze what the Plan is made of: its digest says what ran, so nothing may change it."""
        names = ("axes", "parameters", "data", "images", "secrets", "digests")
        freeze(self, *names, "promotion", "predictions", "statistics", "quality", "card", "notify")

    def to_json(self) -> dict[str, Any]:
        """Return the Plan as plain data; what has its default is left out."""
        return {"version": 1, **plain(self)}

    @cached_property
    def text(self) -> str:
        """The Plan's canonical JSON."""
        return canonical(self.to_json())

    @cached_property
    def digest(self) -> str:
        """The sha256 of the Plan's canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def by_name(self) -> Mapping[str, PlanStep]:
        """The steps by their full names."""
        return {step.name: step for step in self.steps}

    @cached_property
    def skippable(self) -> frozenset[str]:
        """Names of the steps that a run may skip: their condition, or what they need, says so."""
        return skippable({s.name: (s.when is not None, s.needs()) for s in self.steps})

    def step(self, name: str) -> PlanStep:
        """Return one step.

        Raises:
            KeyError: no step has that name.
        """
        return self.by_name[name]

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Read back what `text` wrote; only for Plans that Atlas itself wrote."""
        return cls.from_json(json.loads(text))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """Read back what `to_json` gave."""
        return cls(**read_fields(raw))
