"""The Run: a Plan with what is known only at a run's start, bound once."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.config import PromotionRule
from atlas.dataclass import dataclass
from atlas.store.manifest import DIGEST
from atlas.values import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atlas.plan import Plan

BACKFILL = "backfill"
"""Trigger of a run of the past: nothing takes it for the pipeline's latest."""
MANUAL = "manual"
"""Trigger of a run that somebody has asked for."""
RETRAINING = "retraining"
"""Trigger of a training that follows from an event: it takes no result of an earlier run."""
SANDBOX = "sandbox"
"""Trigger of a run that is only looked at: its outputs are kept, and nothing follows from it."""
_LONGEST = 4000
"""The most characters of a URI."""


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A part of a model version: which artifact it is. What a registry says of it is only checked.

    Attributes:
        uri: where its artifact is.
        sha256: of its bytes.
        manifest: `Manifest.digest`: of its bytes, type, format and facts; empty for a version that
            was registered before there was one.

    Raises:
        ValueError: a field is of another kind than it must be.
    """

    uri: str
    sha256: str
    manifest: str = ""

    def __post_init__(self) -> None:
        """Check every field."""
        if not isinstance(self.uri, str) or not self.uri.isprintable() or len(self.uri) > _LONGEST:
            raise ValueError(f"uri: found {str(self.uri)[:80]!r}, expected a URI")
        for name, value in (("sha256", self.sha256), ("manifest", self.manifest)):
            missing = name == "manifest" and value == ""
            if not missing and not (isinstance(value, str) and DIGEST.fullmatch(value)):
                raise ValueError(f"{name}: found {str(value)[:80]!r}, expected a sha256")

    @property
    def identity(self) -> str:
        """What tells it from another: the manifest's digest, or that of the bytes without one."""
        return self.manifest or self.sha256

    def is_same(self, other: ModelPart) -> bool:
        """Tell whether two are the same to the byte, as far as both say."""
        whole = not self.manifest or not other.manifest or self.manifest == other.manifest
        return whole and self.sha256 == other.sha256


def same_parts(some: Mapping[str, ModelPart], others: Mapping[str, ModelPart]) -> bool:
    """Tell whether two model versions have the same parts."""
    return some.keys() == others.keys() and all(
        part.is_same(others[name]) for name, part in some.items()
    )


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """The model version that a run uses.

    Attributes:
        name: the registered name.
        version: its number.
        parts: part → artifact.
        reference: sha256 of the profiles of what it was trained on, or empty; it says nothing of
            what the version is, so it isn't part of its digest.
    """

    name: str
    version: str
    parts: Mapping[str, ModelPart] = field(default_factory=dict)
    reference: str = ""

    @property
    def digest(self) -> str:
        """The sha256 of what its parts are, wherever they are kept and whatever it is called."""
        return digest({name: part.identity for name, part in self.parts.items()})

    def facts(self) -> dict[str, str]:
        """Return what records say of it."""
        return {"name": self.name, "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run at its start, and never changes.

    Attributes:
        id: unique within its pipeline.
        pipeline: the Plan's name.
        flow: ``training`` or ``inference``.
        plan: the Plan's digest.
        interval_start: ISO 8601, or empty for a run without an interval.
        interval_end: ISO 8601, exclusive, or empty.
        parameters: every parameter of the Plan, with its value.
        model: the model version that it uses, if it uses one.
        champion: the model version that the one that it trains has to beat, if there is one.
        challenger: the model version that scores beside it, where the Plan has steps for one.
        no_challenger: why there is none, where there are.
        upstream: ``pipeline:NAME/step``, ``family:NAME/step/member`` or ``history:NAME/step/run`` →
            ``pipeline/run``: which run of another pipeline, and which earlier ones, it reads.
        trigger: what started it: ``manual``, ``schedule``, ``backfill``, ``shadow``, ``retraining``
            or ``sandbox``.
        commit: git commit of the pipeline's folder, where it is known.
        repository: URL of the git repository, without user and password, where it is known.
        created: when it was bound, ISO 8601 in UTC.
        user: who bound it, as ``user@host``; empty for a run of an earlier version of Atlas.
        target: where it was to run: ``local``, or a target's name; empty likewise.
        round: which training of its family it is part of; empty for a member by itself.
        round_members: how many members of the family that training is of.
        hold: what its version waits for before it may be the champion, whatever its rule says:
            ``approval`` or ``release``; empty for nothing.
        promotion: the Config's ``promotion`` that decides on its version; None for the Plan's.
    """

    id: str
    pipeline: str
    flow: str
    plan: str
    interval_start: str = ""
    interval_end: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model: ModelVersion | None = None
    champion: ModelVersion | None = None
    challenger: ModelVersion | None = None
    no_challenger: str = ""
    upstream: Mapping[str, str] = field(default_factory=dict)
    trigger: str = MANUAL
    commit: str = ""
    created: str = ""
    user: str = ""
    target: str = ""
    round: str = ""
    round_members: int = 0
    hold: str = ""
    promotion: Mapping[str, Any] | None = None
    repository: str = ""

    def rule(self, plan: Plan) -> PromotionRule | None:
        """Return the rule that decides on the version that the run makes; None where there is none.

        Args:
            plan: the run's Plan.
        """
        return PromotionRule.parse(self.promotion_of(plan))

    def promotion_of(self, plan: Plan) -> Mapping[str, Any]:
        """Return the rule as a Config has it: the run's own, else the Plan's."""
        return plan.promotion if self.promotion is None else self.promotion

    def to_json(self) -> dict[str, Any]:
        """Return the run as plain data; of a challenger, a hold and a rule, only what there is."""
        raw = {"version": 1, **asdict(self)}
        for name in _VERSIONS:
            if raw[name] and not raw[name]["reference"]:
                del raw[name]["reference"]
        left_out = {name for name in _LEFT_OUT if not raw[name]}
        left_out |= {"promotion"} if self.promotion is None else set()
        return {n: v for n, v in raw.items() if n not in left_out}

    @property
    def origin(self) -> dict[str, Any]:
        """What the manifests of its artifacts say of it, in inference (`Manifest.origin`)."""
        if self.flow != "inference":
            return {}
        interval = {"start": self.interval_start, "end": self.interval_end}
        facts = {"interval": interval} if self.interval_start else {}
        return {"run": self.id, **facts, **({"model": self.model.facts()} if self.model else {})}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Run:
        """Read back what `to_json` gave.

        Raises:
            ValueError: a field is of another kind than it must be.
        """
        fields = {key: value for key, value in raw.items() if key not in ("version", *_VERSIONS)}
        versions: dict[str, Any] = {n: _model(raw[n]) for n in _VERSIONS if raw.get(n)}
        run = cls(**{**fields, **versions})
        texts = (getattr(run, name) for name in _TEXTS)
        objects = (run.parameters, run.upstream, *filter(None, [run.promotion]))
        if not all(isinstance(text, str) for text in (*texts, *run.upstream.values())):
            raise ValueError("a field is of another kind than expected")
        if not all(isinstance(value, dict) for value in objects):
            raise ValueError("a field is of another kind than expected")
        return run


_VERSIONS = ("model", "champion", "challenger")
_LEFT_OUT = ("challenger", "no_challenger", "hold", "repository")
"""Fields that a record has only where they say something."""
_TEXTS = (
    *("id", "pipeline", "flow", "plan", "interval_start", "interval_end", "trigger", "commit"),
    *("created", "user", "target", "hold", "repository"),
)


def _model(raw: Mapping[str, Any]) -> ModelVersion:
    parts = {name: ModelPart(**part) for name, part in raw.get("parts", {}).items()}
    reference = str(raw.get("reference", ""))
    if reference and not DIGEST.fullmatch(reference):
        raise ValueError(f"reference: found {reference[:80]!r}, expected a sha256")
    return ModelVersion(raw["name"], str(raw["version"]), parts, reference)
