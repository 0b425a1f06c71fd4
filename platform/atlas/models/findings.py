"""What a decision is made of: the evidence of a run, and what is found of each metric."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.tracking.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.models.rows import Pairs
    from atlas.store import ModelVersion


def champions(metric: str) -> str:
    """Return the name under which a step records a metric of the champion beside its own."""
    return f"{CHAMPION}.{metric}"


@dataclass(frozen=True)
class Evidence:
    """What a training run knows of the version that it has made.

    Attributes:
        run: the run's id.
        metrics: ``step.metric`` → value; ``step.champion.metric`` is the champion's.
        rival: the champion that the run has scored beside it, on the same test set.
        pairs: returns both models' rows of a step; None where the step gives none.
        digests: step → what identifies its rows: of the challenger's and the champion's artifacts.
        inputs: step → digest of the rows that it was given, for rows that no column tells apart.
    """

    run: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    rival: ModelVersion | None = None
    pairs: Callable[[str], Pairs | None] = lambda _step: None
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricFinding:
    """What was found of one metric.

    Attributes:
        passes: whether it lets the version be the champion.
        text: what was found, in words.
        facts: the same as plain data.
    """

    passes: bool
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
