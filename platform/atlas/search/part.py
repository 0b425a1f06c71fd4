"""What a step of a Plan is for a search."""

from __future__ import annotations

from atlas.dataclass import dataclass

PROPOSE, TRIAL, BEST = "propose", "trial", "best"
"""What a step of a search does: says what is tried, tries it, or gives the best of it."""
EVALUATE = "evaluate_"
"""What stands before the names of an evaluator's inputs and params, in the step of a trial."""
KEY = "proposal"
"""The name by which a trial's step gets what it tries."""
SEARCH, COUNT = "search", "count"
"""The params by which a step that proposes gets the search, and how many trials its round has."""
RESULT, PROPOSALS, HISTORY, RESULTS = "result", "proposals", "history", "results"
BEST_PARAMS, TRIALS, PAGE = "best_params", "trials", "page"
OWN_OUTPUTS = (RESULT, BEST_PARAMS, TRIALS, PAGE)
"""Outputs that a search adds to those of the class."""


@dataclass(frozen=True, slots=True)
class SearchPart:
    """What a step does for a search.

    Attributes:
        role: `PROPOSE`, `TRIAL` or `BEST`.
        of: full name of the step that the Recipe has; the one of the role `BEST` has it too.
        metric: what is compared.
        goal: ``maximize`` or ``minimize``.
        evaluator: ``module:Class`` of what measures a trial; empty where the class does itself.
        refit: whether the best params are trained with once more.
        max_failed: how many trials may fail before the search does; None for all but one, where
            a trial whose process is killed fails the run.
    """

    role: str
    of: str
    metric: str = ""
    goal: str = ""
    evaluator: str = ""
    refit: bool = False
    max_failed: int | None = None

    @property
    def outlives_trials(self) -> bool:
        """Whether it is a trial, and counts as a failed one, too, when its process is killed."""
        return self.role == TRIAL and self.max_failed is not None
