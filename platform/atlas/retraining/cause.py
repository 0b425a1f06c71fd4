"""What leads to a retraining, and the terms on which the Config lets it begin."""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL = "all"
"""In the rule's parameters: those of every trigger."""
APPROVED_TRAINING, APPROVED_PROMOTION, UNAPPROVED = "training", "promotion", "none"
"""What somebody has to approve: that training begins, that its version is promoted, or nothing."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that a retraining follows from, as far as retraining needs it.

    Attributes:
        id: the event's id: 16 hexadecimal digits.
        pipeline: the pipeline's name, with the Environment's prefix.
        model: the model's registered name.
        version: the champion's version.
        digest: digest of the champion's parts.
        trigger: ``new_rows``, ``new_labels``, ``degradation``, ``drift`` or ``manual``.
        interval_end: up to where there are data, ISO 8601; empty where that isn't known.
        why: the reason in words.
    """

    id: str
    pipeline: str
    model: str
    version: str
    digest: str
    trigger: str
    interval_end: str = ""
    why: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RetrainingTerms:
    """On which terms an event leads to a retraining: the Config's rule.

    Attributes:
        window: length of the data interval, in seconds; 0 for that of the champion's training.
        parameters: trigger, or ``all`` → the Recipe's parameters that differ from the champion's.
        approval: what somebody has to approve: ``training``, ``promotion`` or ``none``.
        cooldown: seconds from the end of a pipeline's last retraining to the start of its next.
        in_flight: how many retrainings of the Config may be under way at once.
        per_month: how many retrainings of a pipeline may begin in a calendar month, in UTC.
    """

    window: float = 0.0
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    approval: str = UNAPPROVED
    cooldown: float = 0.0
    in_flight: int = 1
    per_month: int = 4

    def parameters_of(self, trigger: str) -> dict[str, Any]:
        """Return the parameters that a trigger sets; its own before those of all."""
        return {**self.parameters.get(ALL, {}), **self.parameters.get(trigger, {})}


@dataclass(frozen=True, slots=True)
class RetrainedPipeline:
    """A pipeline whose model is retrained.

    Attributes:
        name: its name, with the Environment's prefix.
        environment: the Environment's name.
        target: where training runs: ``local``, or a target's name.
        terms: the Config's rule.
        deployed: digest of the training Plan that is deployed; empty for none.
        protected: whether the Environment takes only releases: then no version is promoted, and a
            release is asked for.
    """

    name: str
    environment: str
    target: str
    terms: RetrainingTerms = field(default_factory=RetrainingTerms)
    deployed: str = ""
    protected: bool = False
