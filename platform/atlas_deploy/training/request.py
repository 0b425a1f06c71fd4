"""What `atlas train`, `atlas start` and `atlas backfill` are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Pipeline, Plan

FLOW = "training"
RUN, RESUME, SKIP = "run", "resume", "skip"
"""What is done with an interval."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """The run of one interval.

    Attributes:
        pipeline: the pipeline.
        plan: its Plan.
        interval: start and end, ISO 8601 in UTC.
        run: id of the run.
        action: ``run``, ``resume`` or ``skip``.
        reason: why, in words.
        version: the model version, in place of what the Plan says; empty for that.
    """

    pipeline: Pipeline
    plan: Plan
    interval: tuple[str, str]
    run: str
    action: str
    reason: str = ""
    version: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        start, end = self.interval
        names = {"pipeline": self.plan.name, "start": start, "end": end, "run": self.run}
        return {**names, "action": self.action, "reason": self.reason, "version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to run, where and how.

    Attributes:
        target: the target's name; ``local`` for this machine.
        chosen: the Plans, with their pipelines.
        parameters: those that differ from the Plans' defaults.
        interval: start and end of the runs' interval; empty for none.
        run: id of the run; empty for a new one.
        jobs: how many at once; 0 for what suits the target.
        timeout: seconds after which what isn't over is ended; 0 for never.
        detach: whether to leave runs once they have started.
        deployed: whether to run what is deployed, whatever the sources say.
        logs: whether to tell what steps log.
        planned: the runs of a back-fill's intervals; None for one run of each Plan.
        flow: the flow of the Plans.
    """

    target: str
    chosen: Sequence[tuple[Pipeline, Plan]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    interval: tuple[str, str] = ("", "")
    run: str = ""
    jobs: int = 0
    timeout: float = 0.0
    detach: bool = False
    deployed: bool = False
    logs: bool = False
    planned: Sequence[PlannedRun] | None = None
    flow: str = FLOW

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipelines, without their Plans."""
        return [pipeline for pipeline, _ in self.chosen]
