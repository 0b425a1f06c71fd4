"""A job: one step of one run, with all that it takes to run it."""

from __future__ import annotations

import logging
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atlas.dataclass import dataclass
from atlas.step.secrets import mask_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from atlas.masking import Mask
    from atlas.plan import Plan, PlanStep
    from atlas.store import Run, Store


@dataclass(frozen=True)
class Job:
    """One step of one run, or one key of it.

    Attributes:
        store: the artifact store.
        plan: the Plan.
        run: the run.
        step: the step.
        folder: the code to run.
        index: which key, for a step that runs once per key.
        use_cache: whether an earlier result may be taken; this one is kept anyhow.
        previous: id of the run before this one, to say what changed since; or empty.
        attempt: 1 for the first.
        adopt: id of a run whose result is taken where its cache key is the same, or empty.
        logger: where the step's log goes.
        gone: tells that the run has given this job up, so that it mustn't record anything.
    """

    store: Store
    plan: Plan
    run: Run
    step: PlanStep
    folder: Path
    index: int | None = None
    use_cache: bool = True
    previous: str = ""
    attempt: int = 1
    adopt: str = ""
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("atlas.step"))
    gone: Callable[[], bool] = bool

    @cached_property
    def mask(self) -> Mask:
        """What hides secrets in all that is heard of the job."""
        return mask_for(self.plan, self.step.env)

    def origin_of(self, *, is_mixed: bool = False) -> dict[str, Any]:
        """Return what the manifest of one of its artifacts says of run and model version.

        Args:
            is_mixed: whether the challenger has made some of its rows.
        """
        challenger = self.run.challenger.facts() if self.run.challenger else {}
        if challenger and self.step.rival_of:
            return {**self.run.origin, "model": challenger}
        return {**self.run.origin, **({"challenger": challenger} if is_mixed else {})}

    @property
    def address(self) -> tuple[str, str, str]:
        """The pipeline's, the run's and the step's name, as the store takes them."""
        return self.run.pipeline, self.run.id, self.step.name
