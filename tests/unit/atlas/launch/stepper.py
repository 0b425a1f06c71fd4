"""An orchestrator that is this process: each time it is asked how a run stands, it does a step.

What it runs is the real `atlas.step`, so that the store has what any orchestrator would leave there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from atlas.errors import PlatformError
from atlas.plan import Plan
from atlas.step import Job, Reader, execute, recorded
from atlas.step.logs import log_key
from atlas.store import Run, Store
from atlas.targets import launcher as states
from atlas.targets.launcher import LaunchedRun, RunStatus, TaskStatus

Unit = tuple[str, int | None]


@dataclass
class Stepper:
    """Runs steps one by one, with the faults that it is set to have.

    Attributes:
        mute: step → why its task fails without having recorded anything.
        silent: how many times it doesn't answer.
        pods: step, index, whether it is over → what its pod has printed.
        after: called before each step; may raise.
    """

    store: Store
    folder: object
    mute: dict[str, str] = field(default_factory=dict)
    silent: int = 0
    after: object = None
    pods: dict[tuple[str, int | None, bool], str] = field(default_factory=dict)
    target: str = "airflow"
    plans: dict[str, Plan] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    ended: dict[str, RunStatus] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def prepare(self, plan):
        return plan, ()

    def find(self, plan, run):
        return LaunchedRun(run.id, plan.name) if run.id in self.runs else None

    def submit(self, plan, run):
        self.plans[run.id], self.runs[run.id] = plan, run
        self.submitted.append(run.id)
        return LaunchedRun(run.id, plan.name, is_new=True)

    def status(self, launched):
        if self.silent:
            self.silent -= 1
            raise PlatformError("stepper: no answer")
        plan, run = self.plans[launched.id], self.runs[launched.id]
        if launched.id in self.ended:
            return self.ended[launched.id]
        if self.after is not None:
            self.after()
        unit = next(self._ready(plan, run), None)
        if unit is None:
            return RunStatus(states.FAILED if self.failed else states.DONE, self._lost())
        return RunStatus(states.RUNNING, [self._do(plan, run, *unit), *self._lost()])

    def log(self, launched, step, index, *, is_over):
        return self.pods.get((step, index, is_over), "")

    def cancel(self, launched):
        self.cancelled.append(launched.id)
        self.ended[launched.id] = RunStatus(states.CANCELLED, (), "the run was cancelled")

    def _ready(self, plan, run):
        done: set[str] = set()
        for step in plan.steps:
            if step.name in self.failed or not set(step.upstream()) <= done:
                continue
            left = [unit for unit in self._units(plan, run, step) if not self._is_done(run, *unit)]
            yield from left
            done |= {step.name} if not left else set()

    def _units(self, plan, run, step):
        if step.foreach is None:
            return [(step.name, None)]
        keys = Reader(self.store, plan, run).keys(step)
        return [(step.name, index) for index in range(len(keys))]

    def _is_done(self, run, step, index):
        outcome = recorded(self.store, run, step, index)
        return outcome is not None and outcome.ok

    def _do(self, plan, run, name, index):
        """Run one unit, as `atlas.step` does."""
        if name in self.mute:
            self.failed.add(name)
            return TaskStatus(name, states.FAILED, index, self.mute[name])
        before = recorded(self.store, run, name, index)
        attempt = 1 if before is None else before.attempts + 1
        step = plan.step(name)
        job = Job(self.store, plan, run, step, self.folder, index=index, attempt=attempt)
        self.store.location.write(log_key(run, name, index), f"{name} says hello\n".encode())
        outcome = execute(job)
        if not outcome.ok and attempt > step.retries.limit:
            self.failed.add(name)
            return TaskStatus(name, states.FAILED, index)
        return TaskStatus(name, states.DONE if outcome.ok else states.RETRYING, index)

    def _lost(self):
        return [
            TaskStatus(name, states.FAILED, None, self.mute.get(name, "")) for name in self.failed
        ]
