"""One Plan's run on an orchestrator, from its start there to its recorded end."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from atlas.advice import command
from atlas.errors import AtlasError, DeployError, InvalidError, PlatformError, TargetError
from atlas.launch.logs import Logs
from atlas.launch.opening import open_launch
from atlas.launch.progress import LaunchProgress
from atlas.runner import events
from atlas.runner.units import REPORT
from atlas.step import FAILED
from atlas.step.binding import remember_page
from atlas.step.finish import finish, finished_run, refreshed
from atlas.step.finished import Finished, Left
from atlas.store import FolderLocation, run_key
from atlas.targets import launcher as states

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atlas.launch.settings import LaunchSettings
    from atlas.plan import Plan
    from atlas.runner.events import Listener
    from atlas.runner.units import Report, Unit
    from atlas.step import Outcome
    from atlas.store import Run, Store
    from atlas.targets.launcher import LaunchedRun, Launcher, RunStatus


class Followed:
    """A run that an orchestrator does, and that is followed here.

    Attributes:
        plan: the Plan that runs.
        after: names of those that must be over first.
        finished: how the run ended, once it has.
        error: why it couldn't be started or followed to its end, or empty.
        detached: whether it was left running.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        *,
        store: Store,
        launcher: Launcher,
        settings: LaunchSettings,
        listener: Listener,
        after: frozenset[str] = frozenset(),
        report: Report | None = None,
    ) -> None:
        """Prepare; nothing is written or started before `start`."""
        self.plan, self.after = plan, after
        self.finished: Finished | None = None
        self.error = ""
        self.detached = False
        self._folder, self._store, self._launcher = folder, store, launcher
        self._settings, self._listener, self._report = settings, listener, report
        self._run: Run | None = None
        self._launched: LaunchedRun | None = None
        self._progress: LaunchProgress | None = None
        self._logs: Logs | None = None
        self._silent_since = 0.0
        self._kept = ""
        self._cancelled = ""

    # What it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What it is called among runs: ``pipeline/flow``."""
        return f"{self.plan.name}/{self.plan.flow}"

    @property
    def run(self) -> Run:
        """The run, once it is bound.

        Raises:
            AtlasError: it isn't.
        """
        if self._run is None:
            raise AtlasError(f"{self.name}: hasn't begun")
        return self._run

    @property
    def is_open(self) -> bool:
        """Whether its run is bound."""
        return self._run is not None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to follow."""
        return self.finished is not None or bool(self.error) or self.detached

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done; of a run that was left, started."""
        done = self.finished is not None and self.finished.status != FAILED
        return not self.error and (done or self.detached)

    @property
    def outcomes(self) -> Mapping[Unit, Outcome]:
        """How units ended, so far."""
        return self._progress.outcomes if self._progress else {}

    @property
    def place(self) -> str:
        """Where what the run leaves behind is: a path, where the store is a folder."""
        key, place = run_key(self.run.pipeline, self.run.id), self._store.location
        return str(place.local(key)) if isinstance(place, FolderLocation) else f"{place.url}/{key}"

    @property
    def url(self) -> str:
        """The orchestrator's page of the run; empty where it has none."""
        return self._launched.url if self._launched else ""

    # What is done with it --------------------------------------------------------------------

    def start(self) -> None:
        """Give the run to the orchestrator, or find that it has it already."""
        opened = open_launch(self._store, self.plan, self._folder, self._launcher, self._settings)
        self._run = run = opened.run
        self._progress = LaunchProgress(self._store, self.plan, run, self._folder, self._listener)
        if opened.is_over:
            self._begin("over already")
            self._conclude(states.RunStatus(states.DONE))
            return
        self._launched = opened.launched or self._submit(run)
        remember_page(self._store, run, self.url)
        if self._settings.logs:
            source = partial(self._launcher.log, self._launched)
            self._logs = Logs(self._store, run, self._progress, source)
        suffix = "" if self._launched.is_new else ", under way already"
        self._begin(f"on {self._launcher.target}{suffix}")
        self.detached = self._settings.detach
        if self.detached:
            target = self._launcher.target
            self._notice(f"{self.name}: left to {target}; {self._way_back()}")

    def look(self) -> bool:
        """Read what is new; return whether anything is.

        Raises:
            AtlasError: what came of the run can't be read or recorded.
        """
        assert self._launched  # noqa: S101  (it was started; for mypy)
        assert self._progress  # noqa: S101
        status = self._status(self._launched)
        if status is None:
            return False
        is_new = self._progress.look(status)
        self._report_wait(status)
        if self._logs is not None:
            self._logs.look()
        if status.is_over:
            self._conclude(status)
        return is_new or status.is_over

    def cancel(self, why: str) -> None:
        """End the run on its orchestrator, and say so."""
        if self._launched is None or self.is_over or self._cancelled:
            return
        self._cancelled = why
        try:
            self._launcher.cancel(self._launched)
        except AtlasError as error:
            self._fail(f"can't be cancelled: {error}; it may still run there")
            return
        self._notice(f"{self.name}: {why}: cancellation requested on {self._launcher.target}")

    def report_wait(self, seconds: float) -> None:
        """Say that a run that was cancelled is still under way, and for how long it is waited for.

        Args:
            seconds: that are left.
        """
        if self.is_over or self._progress is None:
            return
        units = [unit.step if unit.item is None else f"{unit.step}[{unit.item}]"
                 for unit in self._progress.running()]  # fmt: skip
        what = f"running there: {', '.join(units)}" if units else "no step is running there"
        self._notice(
            f"{self.name}: waiting up to {seconds:.0f} s for {self._launcher.target} to end the run"
            f" ({what}); Ctrl-C again stops waiting"
        )

    def refresh(self) -> None:
        """Read again what became of a version that has waited for its family."""
        self.finished = refreshed(self._store, self.run, self.finished) if self.is_open else None

    def leave(self, why: str) -> None:
        """Stop following, whatever comes of the run."""
        if not self.is_over:
            self._fail(f"{why}; {self._way_back()}" if self.is_open else why)

    def _report_wait(self, status: RunStatus) -> None:
        """Say what keeps the run from going on, once as long as that stays the same."""
        why = "" if status.is_over else status.reason
        if why and why != self._kept:
            self._notice(f"{self.name}: {why}")
        self._kept = why

    # Within ----------------------------------------------------------------------------------

    def _submit(self, run: Run) -> LaunchedRun:
        """Give the run to the orchestrator; one that it refuses, and hasn't got, has ended.

        Raises:
            AtlasError: it was refused, or there was no answer: then it may be there all the same.
        """
        try:
            return self._launcher.submit(self.plan, run)
        except (TargetError, DeployError, InvalidError):
            if self._launcher.find(self.plan, run) is None:
                finish(self._store, self.plan, run)
            raise

    def _begin(self, text: str) -> None:
        assert self._progress  # noqa: S101  (for mypy)
        self._progress.tell(events.RUN_STARTED, text=text)
        if self.url:
            self._notice(f"  {self.url}")
        self._progress.begin()

    def _status(self, launched: LaunchedRun) -> RunStatus | None:
        """Return how the run stands; None while the orchestrator doesn't answer.

        Raises:
            PlatformError: it hasn't answered for too long.
        """
        try:
            status = self._launcher.status(launched)
        except PlatformError as error:
            now = time.monotonic()
            if not self._silent_since:
                self._silent_since = now
                self._notice(f"{self.name}: {error}; trying again")
            if now - self._silent_since > self._settings.patience:
                text = f"T306: {error}; the run may go on: {self._way_back()}"
                raise PlatformError(text) from error
            return None
        self._silent_since = 0.0
        return status

    def _conclude(self, status: RunStatus) -> None:
        """Take the run's recorded end, or record it where nobody has."""
        assert self._progress  # noqa: S101  (for mypy)
        self._progress.look(status)
        self._progress.end()
        if self._logs is not None:
            self._logs.finish()
        run = self.run
        self._write_report()
        recorded = finished_run(self._store, run)
        self.finished = recorded or finish(self._store, self.plan, run)
        self._progress.tell(events.RUN_ENDED, text=self.finished.status)
        self._explain(status)

    def _write_report(self) -> None:
        """Write the run's report beside its artifacts, where the caller knows how to make one."""
        if self._report is not None and self._progress is not None:
            facts = (self.plan, self.run, self.outcomes, self._progress.skipped)
            text = self._report(*facts, Left(self._store, finished_run(self._store, self.run)))
            key = f"{run_key(self.run.pipeline, self.run.id)}/{REPORT}"
            self._store.location.write(key, text.encode("utf-8", "replace"))

    def _explain(self, status: RunStatus) -> None:
        """Say what no step's failure tells: why the run ended, or that the two don't agree."""
        assert self.finished  # noqa: S101  (for mypy)
        target, reason = self._launcher.target, status.reason
        errors = [outcome.error for outcome in self.outcomes.values() if not outcome.ok]
        is_explained = bool(errors) and not (reason and "interrupted" in errors)
        if self.finished.status != FAILED:
            if status.state != states.DONE:
                self._notice(
                    f"warning: {self.name}: every step is done, though {target} says "
                    f"{status.state}: {reason or 'without a reason'}"
                )
        elif self._cancelled:
            self.error = self._cancelled
        elif status.state == states.CANCELLED:
            self.error = f"T305: {reason or f'the run was cancelled on {target}'}"
        elif not is_explained:
            self.error = f"T305: {target} ended the run: {reason or 'without a reason'}"

    def _way_back(self) -> str:
        """Return the command that follows this very run, wherever it is pasted."""
        words = ("--config", self.plan.pipeline, "--target", self._launcher.target)
        deployed = ("--deployed",) if self._settings.deployed else ()
        again = command("train", *words, "--run", self.run.id, *deployed, env=self.plan.environment)
        return f"{again} follows it"

    def _fail(self, error: str) -> None:
        self.error = error

    def _notice(self, text: str) -> None:
        if self._progress is not None:
            self._progress.tell(events.NOTICE, text=text)
