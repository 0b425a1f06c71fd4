"""What is monitored: a pipeline's champion in one Environment, and the rule that it is held to.

A spec is plain data, from which a check can be made on another machine, without the documents.
"""

from __future__ import annotations

from dataclasses import asdict, field, fields
from typing import TYPE_CHECKING, Any

from atlas.config_retraining import RetrainingRule
from atlas.dataclass import dataclass
from atlas.errors import StoreError, clean
from atlas.load.schema import fits_schema
from atlas.store.keys import is_run_id
from atlas.store.manifest import DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from atlas.plan import Pipeline

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoredPipeline:
    """A pipeline whose champion is monitored.

    Attributes:
        pipeline: its name, with the Environment's prefix.
        model: registered name of its model, with the prefix.
        config: the Config's name, with the prefix: what its family shares.
        environment: the Environment's name.
        prefix: in front of every shared name; empty for none.
        rule: what starts a new training.
        promotion: the rule that decides on its version, as the Config has it; None where the Config
            has no training.
        statistics: ``features`` and ``predictions`` → what of the tables is looked at, as the
            inference Plan has it.
        plans: flow → digest of its Plan.
        targets: flow → where it runs: ``local``, or a target's name.
        protected: whether the Environment takes only releases.
    """

    pipeline: str
    model: str
    config: str
    environment: str
    rule: RetrainingRule
    promotion: Mapping[str, Any] | None = None
    prefix: str = ""
    statistics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"format": _FORMAT, **asdict(self), "rule": self.rule.to_json()}

    @classmethod
    def from_json(cls, raw: Any) -> MonitoredPipeline:
        """Read back what `to_json` gave.

        Raises:
            StoreError: it is none, or one of a later version of Atlas.
        """
        if isinstance(raw, dict):
            raw = {"promotion": None, **raw}  # Earlier versions of Atlas have written none.
        if not isinstance(raw, dict) or raw.keys() != {"format", *_NAMES}:
            raise _wrong(f"found {clean(str(raw), 80)}")
        if raw["format"] != _FORMAT:
            raise _wrong(f"found format {clean(str(raw['format']), 80)}")
        _check(raw)
        rule = RetrainingRule.parse(raw["rule"]) or RetrainingRule()
        return cls(**{**{name: raw[name] for name in _NAMES}, "rule": rule})

    @classmethod
    def of(cls, pipeline: Pipeline) -> MonitoredPipeline | None:
        """Return a pipeline as one that is monitored; None of one that isn't.

        It is where its Config has ``retraining``, and a model that its inference follows.
        """
        plan = pipeline.plans.get("inference") or pipeline.plans.get("training")
        if pipeline.retraining is None or plan is None or plan.model is None:
            return None
        prefix = plan.name.removesuffix(plan.pipeline)
        training = pipeline.plans.get("training")
        return cls(
            pipeline=plan.name,
            model=plan.model.name,
            config=f"{prefix}{pipeline.config}",
            environment=plan.environment,
            prefix=prefix,
            rule=pipeline.retraining,
            promotion=training.promotion if training else None,
            statistics=plan.statistics if plan.flow == "inference" else {},
            plans={flow: plan.digest for flow, plan in pipeline.plans.items()},
            targets={flow: plan.target for flow, plan in pipeline.plans.items()},
            protected=pipeline.environment.protected,
        )


def monitored_pipelines(pipelines: Iterable[Pipeline]) -> list[MonitoredPipeline]:
    """Return those of some pipelines that are monitored."""
    found = (MonitoredPipeline.of(pipeline) for pipeline in pipelines)
    return [monitored for monitored in found if monitored is not None]


_NAMES = tuple(item.name for item in fields(MonitoredPipeline))
_FOLDERS = ("pipeline", "model", "config")
_TEXTS = (*_FOLDERS, "environment", "prefix")
_OBJECTS = ("rule", "statistics", "plans", "targets")
_FLOWS = frozenset(("training", "inference"))


def _check(raw: Mapping[str, Any]) -> None:
    """Check every field.

    Raises:
        StoreError: one isn't what it must be.
    """
    for name in _TEXTS:
        if not isinstance(raw[name], str) or (name in _FOLDERS and not is_run_id(raw[name])):
            raise _wrong(f"{name}: found {clean(str(raw[name]), 80)!r}")
    for name in _OBJECTS:
        if not isinstance(raw[name], dict):
            raise _wrong(f"{name}: found {clean(str(raw[name]), 80)!r}")
    _check_rule(raw)
    _check_flows(raw)


def _check_rule(raw: Mapping[str, Any]) -> None:
    if not _fits("retraining", raw["rule"]):
        raise _wrong("rule: it is none that a Config's retraining may be")
    if raw["promotion"] and not _fits("promotion", raw["promotion"]):
        raise _wrong("promotion: it is none that a Config's promotion may be")
    if not isinstance(raw["promotion"], dict | None):
        raise _wrong(f"promotion: found {clean(str(raw['promotion']), 80)!r}")
    if not all(isinstance(part, dict) for part in raw["statistics"].values()):
        raise _wrong("statistics: found something else than an object for a table")


def _fits(part: str, value: Any) -> bool:
    """Tell whether a Config may have a value in a place."""
    document = {"version": 1, "name": "x", "recipes": {"training": "x"}, part: value}
    return fits_schema("config", document)


def _check_flows(raw: Mapping[str, Any]) -> None:
    digests = all(isinstance(d, str) and DIGEST.fullmatch(d) for d in raw["plans"].values())
    if not digests or not all(isinstance(target, str) for target in raw["targets"].values()):
        raise _wrong("plans and targets: found something else than digests and names")
    if not _FLOWS.issuperset((*raw["plans"], *raw["targets"])) or not isinstance(
        raw["protected"], bool
    ):
        raise _wrong("plans, targets or protected: found something else than expected")


def _wrong(text: str) -> StoreError:
    return StoreError(f"a monitored pipeline: {text}; expected what Atlas writes: deploy it again")
