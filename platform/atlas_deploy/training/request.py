"""What `atlas train` is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atlas.plan import Pipeline, Plan

FLOW = "training"


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

    @property
    def pipelines(self) -> list[Pipeline]:
        """The pipelines, without their Plans."""
        return [pipeline for pipeline, _ in self.chosen]
