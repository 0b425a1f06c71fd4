"""One run on its way: which of its units of work are ready, running and done."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.graph import ancestors, descendants
from atlas.runner import events
from atlas.runner.earlier import done_before, source_of, taken_from
from atlas.runner.frontier import Frontier
from atlas.runner.opening import OpenedRun, open_run
from atlas.runner.progress import RunProgress
from atlas.runner.units import Report, Unit, place_of, units_of, write_report
from atlas.step import FAILED, Job, Outcome
from atlas.step.binding import NO_FAMILY, FamilyRun
from atlas.step.execute import refuse
from atlas.step.finish import finish
from atlas.step.finished import Finished, Left
from atlas.step.skipping import skip
from atlas.store.run import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from atlas.plan import Plan, PlanStep
    from atlas.runner.events import Event
    from atlas.runner.settings import RunSettings
    from atlas.store import Run, Store


class LocalRun:
    """One Plan's run: opened, its units handed out and taken back, closed.

    Attributes:
        plan: the Plan.
        folder: the pipeline's folder.
        after: names of the runs that must be over first.
        family: the family's run that it is nested in.
        behind: names of the runs that must be over first, however they end.
        outcomes: how units ended, so far.
        skipped: steps that won't run, and why.
        finished: how the run ended, once it has.
        error: why it couldn't be opened or closed, or empty.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        store: Store,
        settings: RunSettings,
        *,
        after: frozenset[str] = frozenset(),
        behind: frozenset[str] = frozenset(),
        family: FamilyRun = NO_FAMILY,
        report: Report | None = None,
    ) -> None:
        """Prepare a run; nothing happens before `open`.

        Raises:
            AtlasError: the Plan has no step of a name that is selected.
        """
        self.plan, self.folder, self.store, self.settings = plan, folder, store, settings
        self.after, self.behind, self.family = after, behind, family
        self._report = report
        self.outcomes: dict[Unit, Outcome] = {}
        self.skipped: dict[str, str] = {}
        self.finished: Finished | None = None
        self.error = ""
        self._opened: OpenedRun | None = None
        self._selected = settings.selection.steps_of(plan)
        edges = {step.name: step.upstream() for step in plan.steps}
        self._stale = descendants(edges, self._selected) - self._selected
        self._aside = edges.keys() - self._selected - ancestors(edges, self._selected)
        self._frontier = Frontier(edges)
        self._left: dict[str, int] = {}
        self._ready: deque[Unit] = deque()
        self._running = 0
        self._progress = RunProgress(plan)

    @property
    def name(self) -> str:
        """Its name among the runs of one command: ``pipeline/flow``."""
        return f"{self.plan.name}/{self.plan.flow}"

    @property
    def opened(self) -> OpenedRun:
        """What it began with.

        Raises:
            AtlasError: it hasn't begun.
        """
        if self._opened is None:
            raise AtlasError(f"{self.name}: hasn't begun")
        return self._opened

    @property
    def run(self) -> Run:
        """The run, once it is open."""
        return self.opened.run

    @property
    def place(self) -> str:
        """Where what the run leaves behind is: a path, where the store is a folder."""
        return place_of(self.store, self.run)

    @property
    def is_open(self) -> bool:
        """Whether it has begun."""
        return self._opened is not None

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits, and nothing is ready to run."""
        return not self._running and not self._ready

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done."""
        return not self.error and self.finished is not None and self.finished.status != FAILED

    def open(self) -> None:
        """Bind the run and find what is ready.

        Raises:
            AtlasError: it can't be bound.
        """
        self._opened = open_run(self.store, self.plan, self.folder, self.settings, self.family)
        self._tell(events.RUN_STARTED, text=self._how())
        self._advance(self._frontier.first())

    def _how(self) -> str:
        """Return what kind of a run it is, for whoever watches."""
        if self.settings.rehearsal:
            return "once more"
        how = ["resumed"] if self.opened.resumed else []
        return ", ".join([*how, *(["in the sandbox"] if self.run.trigger == SANDBOX else [])])

    def take(self) -> Unit | None:
        """Return a unit to start now, if there is one."""
        if not self._ready:
            return None
        self._running += 1
        unit = self._ready.popleft()
        self._tell(events.STEP_STARTED, unit)
        return unit

    def retry(self, unit: Unit, outcome: Outcome) -> None:
        """Tell that a unit failed and waits for its next attempt."""
        self._tell(events.STEP_RETRIED, unit, outcome)

    def again(self, unit: Unit) -> None:
        """Make a unit ready that has waited for its next attempt."""
        self._running -= 1
        self._ready.append(unit)

    def end(self, unit: Unit, outcome: Outcome) -> None:
        """Take a unit back that is over."""
        self._running -= 1
        self._over(unit, outcome)

    def drop(self) -> None:
        """Start nothing more."""
        for unit in self._ready:
            self.skipped[unit.step] = "the run was stopped"
        self._ready.clear()

    def job(self, unit: Unit, attempt: int = 1) -> Job:
        """Return what it takes to run a unit."""
        step = self.plan.step(unit.step)
        own = self.run.id if step.search and self.opened.resumed else ""
        return Job(
            store=self.store,
            plan=self.plan,
            run=self.run,
            step=step,
            folder=self.folder,
            index=unit.item,
            use_cache=self.settings.use_cache,
            previous=self.opened.previous,
            adopt=self.opened.adopt or own,
            attempt=attempt,
        )

    def close(self) -> None:
        """Record how the run ended, write its report, register its model, tell MLflow.

        Raises:
            StoreError: that can't be recorded.
        """
        self._write_report(None)
        self.finished = self._rehearsed() if self.settings.rehearsal else self._finish()
        if self.finished.version:
            self._write_report(self.finished)
        self.opened.held.close()
        self._tell(events.RUN_ENDED, text=self.finished.status)

    def _write_report(self, finished: Finished | None) -> None:
        """Write the run's report, where the caller knows how to make one.

        MLflow gets the first one; with the model's version in it, it is written again.
        """
        if self._report is not None:
            facts = (self.plan, self.run, self.outcomes, self.skipped)
            text = self._report(*facts, Left(self.store, finished))
            write_report(self.store, self.plan, self.run, text)

    def _rehearsed(self) -> Finished:
        """Return how a rehearsal ended."""
        from atlas.step.apart import end_rehearsal

        return end_rehearsal(self.store, self.plan, self.run)

    def _finish(self) -> Finished:
        selected = self._selected if self.settings.selection.is_partial else None
        return finish(
            self.store,
            self.plan,
            self.run,
            selected=selected,
            parent=self.family.name,
            again=self.opened.resumed,
        )

    def events(self) -> Iterator[Event]:
        """Give what has happened since it was last asked."""
        return self._progress.events()

    def _advance(self, steps: list[str]) -> None:
        """Prepare steps whose upstream is done; what needs no work is done at once."""
        waiting = deque(steps)
        while waiting:
            name = waiting.popleft()
            if self._prepare(self.plan.step(name)):
                waiting.extend(self._frontier.freed_by(name))

    def _prepare(self, step: PlanStep) -> bool:
        """Make a step's units ready; tell whether it is done without any work."""
        if step.name in self._stale:
            self._progress.total -= 1
            return False
        try:
            if self._is_skipped(step):
                return True
            units = units_of(self.store, self.plan, self.run, step)
            if step.name not in self._selected:
                return self._take_over(step, units)
        except AtlasError as error:
            if step.name in self._aside:  # Nothing that was asked for needs it.
                self._progress.total -= 1
            else:
                self._fail(step, str(error))
            return False
        self._progress.total += len(units) - 1
        todo = [unit for unit in units if not self._is_done(unit)]
        self._left[step.name] = len(todo)
        self._ready.extend(todo)
        return not todo

    def _is_skipped(self, step: PlanStep) -> bool:
        """Tell whether the run does without a step, for its condition says so; record that.

        Raises:
            AtlasError: what its condition compares can't be read.
        """
        unit = Unit(step.name)
        outcome = skip(self.job(unit))
        if outcome is None:
            return False
        self.outcomes[unit] = outcome
        self._progress.done += 1
        self._tell(events.STEP_SKIPPED, unit, outcome, outcome.reason)
        return True

    def _is_done(self, unit: Unit) -> bool:
        """Tell whether a resumed run has already done a unit, and all that it made is there."""
        outcome = done_before(self.job(unit)) if self.opened.resumed else None
        if outcome is not None:
            self._keep(unit, outcome, "done before")
        return outcome is not None

    def _take_over(self, step: PlanStep, units: list[Unit]) -> bool:
        """Take the results of a step that isn't selected from an earlier run.

        Raises:
            AtlasError: that run doesn't have them.
        """
        source = self._source
        which = "the last run" if source == self.opened.previous else source
        for unit in units:
            self._keep(unit, taken_from(source, self.job(unit)), f"taken from {which}")
        return True

    @cached_property
    def _source(self) -> str:
        """The run that results of other steps than the selected are taken from: one for all."""
        if self.opened.resumed:
            return self.run.id
        others = [step for step in self.plan.steps if step.name not in self._selected | self._stale]
        return source_of(self.store, self.run, self.opened.previous, others)

    def _keep(self, unit: Unit, outcome: Outcome, why: str) -> None:
        """Count a unit that needs no work."""
        self.outcomes[unit] = outcome
        self._progress.done += 1
        self._tell(events.STEP_DONE, unit, outcome, why)

    def _over(self, unit: Unit, outcome: Outcome) -> None:
        self.outcomes[unit] = outcome
        if not outcome.ok:
            self._tell(events.STEP_FAILED, unit, outcome)
            self._skip_behind(unit.step)
            return
        self._progress.done += 1
        self._tell(events.STEP_DONE, unit, outcome)
        self._left[unit.step] -= 1
        if not self._left[unit.step]:
            self._advance(self._frontier.freed_by(unit.step))

    def _fail(self, step: PlanStep, error: str) -> None:
        """Record a failure that came before the step could run."""
        unit = Unit(step.name)
        self._over(unit, refuse(self.job(unit), error.removeprefix(f"step {step.name}: ")))

    def _skip_behind(self, name: str) -> None:
        reason = f"step {name} isn't done"
        for follower in self._frontier.behind(name):
            if follower not in self.skipped and follower not in self._stale:
                self.skipped[follower] = reason
                self._tell(events.STEP_SKIPPED, Unit(follower), text=reason)

    def _tell(
        self, kind: str, unit: Unit | None = None, outcome: Outcome | None = None, text: str = ""
    ) -> None:
        self._progress.tell(kind, self.run.id, unit, outcome, text)
