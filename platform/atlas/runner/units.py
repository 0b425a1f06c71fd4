"""The units of a run's work, and what is made of them at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.plan import Plan
    from atlas.step import Outcome
    from atlas.store import Run

REPORT = "report.html"
"""Name of a run's report, in its folder of the store."""
Report: TypeAlias = "Callable[[Plan, Run, Mapping[Unit, Outcome], Mapping[str, str]], str]"
"""Makes a run's report of the Plan, the run, its outcomes, and what was skipped."""


class Unit(NamedTuple):
    """A step, or one key of it."""

    step: str
    item: int | None = None
