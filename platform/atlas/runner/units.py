"""The units of a run's work, and what is made of them at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from atlas.step.inputs import Reader
from atlas.step.secrets import mask_for
from atlas.store import FolderLocation, run_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atlas.plan import Plan, PlanStep
    from atlas.step import Outcome
    from atlas.step.finished import Left
    from atlas.store import Run, Store

REPORT = "report.html"
"""Name of a run's report, in its folder of the store."""
Report: TypeAlias = "Callable[[Plan, Run, Mapping[Unit, Outcome], Mapping[str, str], Left], str]"
"""Makes a run's report of the Plan, the run, its outcomes, what was skipped, and what it left."""


def write_report(store: Store, plan: Plan, run: Run, text: str) -> None:
    """Write a run's report beside its artifacts, without the values of secrets."""
    shown = mask_for(plan).text(text)
    key = f"{run_key(run.pipeline, run.id)}/{REPORT}"
    store.location.write(key, shown.encode("utf-8", "replace"))


def place_of(store: Store, run: Run) -> str:
    """Return where what a run leaves behind is: a path, where the store is a folder; else a URL."""
    key, location = run_key(run.pipeline, run.id), store.location
    is_folder = isinstance(location, FolderLocation)
    return str(location.local(key)) if is_folder else f"{location.url}/{key}"


class Unit(NamedTuple):
    """A step, or one key of it."""

    step: str
    item: int | None = None


def units_of(store: Store, plan: Plan, run: Run, step: PlanStep) -> list[Unit]:
    """Return the units of a step: itself, or one for each key that it has in a run.

    Raises:
        AtlasError: the keys can't be read.
    """
    if step.foreach is None:
        return [Unit(step.name)]
    return [Unit(step.name, index) for index in range(len(Reader(store, plan, run).keys(step)))]
