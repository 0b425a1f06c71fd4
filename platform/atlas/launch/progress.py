"""How far a run on an orchestrator is: read from the store, with the events of a local run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from atlas.errors import AtlasError
from atlas.runner import events
from atlas.runner.events import Event
from atlas.runner.frontier import Frontier
from atlas.runner.units import Unit
from atlas.step import Job, Outcome, Reader, recorded
from atlas.step.execute import refuse
from atlas.step.skipping import skipped_by
from atlas.targets.launcher import FAILED, RUNNING, WAITING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from atlas.plan import Plan, PlanStep
    from atlas.runner.events import Listener
    from atlas.store import Run, Store
    from atlas.targets.launcher import RunStatus, TaskStatus

_UNRECORDED = "ended, and recorded nothing"
_NOT_BEGUN = "the run ended before it began"


class LaunchProgress:
    """One run's units of work, as far as they are known.

    Attributes:
        outcomes: how units ended, so far.
        skipped: steps that won't run, and why.
        ending: called for a unit that is over, and with whether it went well, before that is
            reported.
    """

    def __init__(
        self, store: Store, plan: Plan, run: Run, folder: Path, listener: Listener
    ) -> None:
        """Begin with nothing known."""
        self.outcomes: dict[Unit, Outcome] = {}
        self.skipped: dict[str, str] = {}
        self.ending: Callable[[Unit, bool], None] = _ignore
        self._store, self._plan, self._run, self._folder = store, plan, run, folder
        self._listener = listener
        self._frontier = Frontier({step.name: step.upstream() for step in plan.steps})
        self._open: dict[str, list[Unit]] = {}
        self._attempts: dict[Unit, int] = {}
        self._kept: dict[Unit, str] = {}
        self._done, self._total = 0, len(plan.steps)

    def begin(self) -> None:
        """Take up the steps that wait for none."""
        self._free(self._frontier.first())

    def tell(self, kind: str, unit: Unit | None = None, text: str = "") -> None:
        """Report an event to the listener."""
        step, item = unit or ("", None)
        outcome = self.outcomes.get(unit) if unit else None
        place = (self._plan.name, self._plan.flow, self._run.id)
        counts = (self._done, self._total)
        self._listener(Event(kind, *place, step, item, outcome, *counts, text))

    def look(self, status: RunStatus) -> bool:
        """Find out what has come of the units that may run; return whether anything is new.

        Args:
            status: what the orchestrator reports; outcomes of steps are in the store.
        """
        tasks = {(task.step, task.index): task for task in status.tasks}
        before = len(self.outcomes), len(self._attempts)
        waiting = deque(self._open)
        while waiting:
            name = waiting.popleft()
            known = set(self._open)
            for unit in list(self._open[name]):
                self._look_at(unit, tasks.get(unit) or tasks.get((name, None)), status)
            self._close(name)
            waiting.extend(step for step in self._open if step not in known)
        return before != (len(self.outcomes), len(self._attempts))

    def end(self) -> None:
        """Skip what hasn't begun, for the run is over."""
        for name in list(self._open):
            self._skip([name], _NOT_BEGUN)
            self._skip_behind(name)
        self._open.clear()

    def running(self) -> list[Unit]:
        """Return the units that have begun and aren't over, as far as the orchestrator says."""
        return [unit for units in self._open.values() for unit in units if unit in self._attempts]

    # Units -----------------------------------------------------------------------------------

    def _look_at(self, unit: Unit, task: TaskStatus | None, status: RunStatus) -> None:
        """Find out what has come of one unit."""
        outcome = recorded(self._store, self._run, *unit)
        if outcome is not None and (outcome.ok or self._is_last(unit, outcome, task, status)):
            self._over(unit, outcome)
        elif outcome is not None:
            self._retried(unit, outcome)
        elif task is not None and task.state == FAILED:
            self._lost(unit, task.reason or status.reason)
        elif status.is_over and unit in self._attempts:
            self._lost(unit, status.reason)
        elif task is not None and task.state == RUNNING and unit not in self._attempts:
            self._attempts[unit] = 0
            self.tell(events.STEP_STARTED, unit)
        if outcome is None and task is not None:
            self._report_wait(unit, task)

    def _report_wait(self, unit: Unit, task: TaskStatus) -> None:
        """Say what keeps a unit from beginning, once as long as that stays the same."""
        why = task.reason if task.state in (WAITING, RUNNING) else ""
        if why and self._kept.get(unit) != why:
            name = unit.step if unit.item is None else f"{unit.step}[{unit.item}]"
            self.tell(events.NOTICE, text=f"{self._plan.name}: {name} doesn't start: {why}")
        self._kept[unit] = why

    def _is_last(
        self, unit: Unit, outcome: Outcome, task: TaskStatus | None, status: RunStatus
    ) -> bool:
        """Return whether a failure is the last one: no attempt is left, or none will be made."""
        is_over = status.is_over or (task is not None and task.state == FAILED)
        return is_over or outcome.attempts > self._plan.step(unit.step).retries.limit

    def _retried(self, unit: Unit, outcome: Outcome) -> None:
        """Report a failed attempt, once."""
        if self._attempts.get(unit, 0) < outcome.attempts:
            self._attempts[unit] = outcome.attempts
            self.outcomes[unit] = outcome
            self.tell(events.STEP_RETRIED, unit)
            del self.outcomes[unit]

    def _over(self, unit: Unit, outcome: Outcome) -> None:
        """Count a unit that is over."""
        if unit not in self._attempts:
            self.tell(events.STEP_STARTED, unit)
        self.ending(unit, outcome.ok)
        self._attempts[unit] = outcome.attempts
        self.outcomes[unit] = outcome
        self._open[unit.step].remove(unit)
        self._done += outcome.ok
        self.tell(events.STEP_DONE if outcome.ok else events.STEP_FAILED, unit)
        if not outcome.ok:
            self._skip_behind(unit.step)

    def _lost(self, unit: Unit, reason: str) -> None:
        """Record that a unit failed that could record nothing itself."""
        self._over(unit, self._refused(unit, reason or _UNRECORDED))

    def _refused(self, unit: Unit, text: str) -> Outcome:
        step = self._plan.step(unit.step)
        job = Job(self._store, self._plan, self._run, step, self._folder, index=unit.item)
        return refuse(job, text.removeprefix(f"step {step.name}: "))

    # Steps -----------------------------------------------------------------------------------

    def _close(self, name: str) -> None:
        """Go on behind a step all of whose units are over."""
        if self._open[name]:
            return
        del self._open[name]
        failed = any(unit.step == name and not end.ok for unit, end in self.outcomes.items())
        if not failed:
            self._free(self._frontier.freed_by(name))

    def _free(self, names: Iterable[str]) -> None:
        """Take up steps whose upstream is done."""
        for name in names:
            step = self._plan.step(name)
            try:
                if self._is_skipped(step):
                    continue
                units = self._units(step)
            except AtlasError as error:
                self._open[name] = [Unit(name)]
                self._lost(Unit(name), str(error))
                continue
            self._total += len(units) - 1
            self._open[name] = units

    def _is_skipped(self, step: PlanStep) -> bool:
        """Go on behind a step that the run does without; tell whether it is one."""
        job = Job(self._store, self._plan, self._run, step, self._folder)
        outcome = skipped_by(job)
        if outcome is None:
            return False
        unit = Unit(step.name)
        self.outcomes[unit] = outcome
        self._done += 1
        self.tell(events.STEP_SKIPPED, unit, outcome.reason)
        self._free(self._frontier.freed_by(step.name))
        return True

    def _units(self, step: PlanStep) -> list[Unit]:
        if step.foreach is None:
            return [Unit(step.name)]
        keys = Reader(self._store, self._plan, self._run).keys(step)
        return [Unit(step.name, index) for index in range(len(keys))]

    def _skip_behind(self, name: str) -> None:
        self._skip(self._frontier.behind(name), f"step {name} isn't done")

    def _skip(self, names: Iterable[str], reason: str) -> None:
        for name in names:
            if name not in self.skipped:
                self.skipped[name] = reason
                self.tell(events.STEP_SKIPPED, Unit(name), reason)


def _ignore(unit: Unit, ok: bool) -> None:
    """Do nothing for a unit."""
