"""The steps that propose what a search tries."""

from __future__ import annotations

from typing import Any, NamedTuple

from atlas.errors import AtlasError
from atlas.search.history import added, excess, failed_of, spent
from atlas.search.proposing import proposed
from atlas.search.pruning import bounds_of
from atlas.search.spec import SearchSpec
from atlas.template import Template


class Proposed(NamedTuple):
    """What is tried in one round.

    Attributes:
        proposals: what each trial gets: its params, and the bounds that it is given up by.
        history: the trials of the rounds before, as far as they have got.
    """

    proposals: list[dict[str, Any]]
    history: list[dict[str, Any]]


class ProposeFirst(Template):
    """Proposes the first round of a search.

    Attributes:
        search: the search, as the Recipe and the Config have it.
        count: how many trials the round has.
    """

    search: dict[str, Any]
    count: int

    def run(self) -> Proposed:
        """Return what the first round tries."""
        return self.next_round([])

    def next_round(self, history: list[dict[str, Any]]) -> Proposed:
        """Return what the next round tries."""
        spec = SearchSpec.parse(self.search)
        points = proposed(spec, history, self.count)
        bounds = bounds_of(history, spec.goal, spec.pruning) if spec.pruning else {}
        more = {"bounds": bounds} if bounds else {}
        return Proposed([{"params": point, **more} for point in points], history)


class Propose(ProposeFirst):
    """Proposes a further round of a search, where its time isn't up."""

    def run(  # type: ignore[override]
        self, history: list[dict[str, Any]], results: list[dict[str, Any]]
    ) -> Proposed:
        """Return what the round tries: nothing more, where the search has taken its time.

        Args:
            history: the trials before the last round.
            results: those of the last round.

        Raises:
            AtlasError: more trials have failed than may.
        """
        known = added(history, results)
        spec = SearchSpec.parse(self.search)
        if reason := excess(known, spec.max_failed):
            raise AtlasError(reason)
        took = spent(known)
        if spec.time is not None and took >= spec.time:
            left = f"{took:.1f} of {spec.time:g} s"
            self.context.logger.info("no further round: trials have taken %s", left)
            return Proposed([], known)
        if failed := failed_of(results):
            self.context.logger.warning("%d of %d trials failed", len(failed), len(results))
        return self.next_round(known)
