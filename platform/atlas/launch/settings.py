"""What a caller asks of runs on an orchestrator."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.step.binding import NO_FAMILY, FamilyRun

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 120.0
"""Seconds that an orchestrator may not answer while a run is followed."""


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """How to run Plans on an orchestrator.

    Attributes:
        parameters: those that differ from the Plan's defaults.
        interval_start: ISO 8601, or empty.
        interval_end: ISO 8601, or empty.
        run: id of the run to start, or to follow where it has been started; empty for a new one, or
            for the one under way that asks for the very same.
        jobs: how many runs at once.
        timeout: seconds after which runs that aren't over are cancelled; 0 for never.
        detach: whether to leave runs once they are started.
        logs: whether to tell what steps log.
        deployed: whether what is deployed runs, whatever the sources have become since.
        patience: seconds that the orchestrator may not answer.
        trigger: what started it.
        version: the model version, in place of what the Plan says (`RunRequest.version`).
        family: the family's run that a run is part of.
        commit: git commit of the code; None for that of the pipeline's folder.
        hold: what the run's version waits for before it may be the champion (`Run.hold`).
        promotion: the rule that decides on its version (`Run.promotion`); None for the Plan's.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    interval_start: str = ""
    interval_end: str = ""
    run: str = ""
    jobs: int = 8
    timeout: float = 0.0
    detach: bool = False
    logs: bool = False
    deployed: bool = False
    patience: float = PATIENCE
    trigger: str = "manual"
    version: str = ""
    family: FamilyRun = NO_FAMILY
    commit: str | None = None
    hold: str = ""
    promotion: Mapping[str, Any] | None = None
