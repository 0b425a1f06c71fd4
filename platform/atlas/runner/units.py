"""The units of a run's work, and what is made of them at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from atlas.step.secrets import mask_for
from atlas.store import run_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.plan import Plan
    from atlas.step import Outcome
    from atlas.store import Run, Store

REPORT = "report.html"
"""Name of a run's report, in its folder of the store."""
Report: TypeAlias = "Callable[[Plan, Run, Mapping[Unit, Outcome], Mapping[str, str]], str]"
"""Makes a run's report of the Plan, the run, its outcomes, and what was skipped."""


def write_report(store: Store, plan: Plan, run: Run, text: str) -> None:
    """Write a run's report beside its artifacts, without the values of secrets."""
    shown = mask_for(plan).text(text)
    key = f"{run_key(run.pipeline, run.id)}/{REPORT}"
    store.location.write(key, shown.encode("utf-8", "replace"))


class Unit(NamedTuple):
    """A step, or one key of it."""

    step: str
    item: int | None = None
