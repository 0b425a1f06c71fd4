"""Rolling DAG files out: written, then waited for until Airflow itself reports them.

A member is ready when Airflow lists the DAG with its Plan's digest as a tag and without import
error, and read again if its file was written. Airflow's own times are only
compared with each other, so that no difference of clocks matters. A member that Airflow refuses
gets its old file back.
"""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from atlas.advice import bring_up
from atlas.dataclass import dataclass
from atlas.errors import PlatformError
from atlas.kinds.content import digest_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from atlas.targets.airflow.api import AirflowApi, Dag, ImportFailure
    from atlas.targets.airflow.dag_bundle import DagBundle

_POLL_SECONDS = 0.5
_POLL_SHARE, _LONGEST_POLL_SECONDS = 4, 5.0
"""A round waits as many times what the last one took: Airflow has more to do than to answer."""
_SILENT_ROUNDS = 3
"""Rounds in a row that Airflow may leave unanswered: one that reads hundreds of files is slow."""
_TRACE_LINES = 12


@dataclass(frozen=True, slots=True)
class Member:
    """One DAG to roll out: its file's content, and the digest of its Plan."""

    content: bytes
    plan: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a rollout.

    Attributes:
        dags: what Airflow reports of each member that is ready.
        failures: why, for each that isn't.
    """

    dags: Mapping[str, Dag]
    failures: Mapping[str, str]


def _ignore(ready: int, members: int) -> None:
    """Report nothing."""


@dataclass(slots=True)
class Rollout:
    """One rollout of DAG files onto one Airflow.

    Attributes:
        airflow: the Airflow that must report them.
        bundle: where it takes its files from.
        members: what is rolled out, by DAG id.
        written: the earlier content of the files that were written.
        report: takes how many members are ready, and of how many, after each look.
        imports: the members that Airflow can't import.
    """

    airflow: AirflowApi
    bundle: DagBundle
    members: Mapping[str, Member]
    written: dict[str, bytes | None] = field(default_factory=dict)
    report: Callable[[int, int], None] = _ignore
    imports: set[str] = field(default_factory=set)
    _dags: Mapping[str, Dag] = field(default_factory=dict)
    _failures: Mapping[str, ImportFailure] = field(default_factory=dict)

    def run(self, seconds: float, cancelled: threading.Event) -> Result:
        """Write every file that differs, and wait.

        Args:
            seconds: how long to wait for Airflow while it makes no progress.
            cancelled: set when to give up early.

        Raises:
            PlatformError: Airflow leaves rounds in a row unanswered; the old files are back then.
        """
        self._dags = self.airflow.dags(self.members)
        self._failures = self.airflow.import_failures()
        try:
            self._write()
            result = self._wait(seconds, cancelled)
        except BaseException:
            self._put_back([*self.written])
            raise
        self._put_back([name for name in result.failures if name in self.written])
        return result

    def _write(self) -> None:
        """Write the files that differ."""
        there = self.bundle.read(self.members)
        changed = {
            name: member.content
            for name, member in self.members.items()
            if name not in there or digest_of(there[name]) != digest_of(member.content)
        }
        self.written.update({name: there.get(name) for name in changed})
        self.bundle.change(changed)

    def _put_back(self, names: list[str]) -> None:
        """Give files their earlier content back."""
        self.bundle.change({name: self.written[name] for name in names})

    def _wait(self, seconds: float, cancelled: threading.Event) -> Result:
        """Ask Airflow, one list a round, until every member is ready or refused."""
        end, least = time.monotonic() + seconds, len(self.members) + 1
        silent = 0
        while True:
            begun = time.monotonic()
            try:
                dags, waiting, refused = self._round()
            except PlatformError:
                silent += 1
                if silent == _SILENT_ROUNDS or cancelled.is_set():
                    raise
                cancelled.wait(_POLL_SECONDS)
                continue
            silent = 0
            self.report(len(self.members) - len(waiting), len(self.members))
            if len(waiting) < least:
                end, least = time.monotonic() + seconds, len(waiting)
            if len(refused) == len(waiting) or time.monotonic() > end or cancelled.is_set():
                break
            pause = min(_POLL_SHARE * (time.monotonic() - begun), _LONGEST_POLL_SECONDS)
            cancelled.wait(max(_POLL_SECONDS, pause))
        self.imports.update(refused)
        why = "interrupted" if cancelled.is_set() else self._why_not(seconds)
        failures = {name: refused.get(name, why) for name in waiting}
        return Result({n: dags[n] for n in self.members if n not in failures}, failures)

    def _round(self) -> tuple[Mapping[str, Dag], list[str], dict[str, str]]:
        """Return what Airflow has, the members that wait, and why, of those that it refuses."""
        dags = self.airflow.dags(self.members)
        waiting = [name for name in self.members if not self._is_ready(name, dags.get(name))]
        return dags, waiting, self._refused(waiting) if waiting else {}

    def _is_ready(self, name: str, dag: Dag | None) -> bool:
        """Tell whether Airflow has a member as it was written."""
        if dag is None or dag.broken or not dag.is_of(self.members[name].plan):
            return False
        before = self._dags.get(name)
        return name not in self.written or before is None or before.parsed != dag.parsed

    def _refused(self, waiting: list[str]) -> dict[str, str]:
        """Return Airflow's own message for each file that it can't import."""
        failures = self.airflow.import_failures()
        refused = {}
        for name in waiting:
            failure, before = failures.get(f"{name}.py"), self._failures.get(f"{name}.py")
            is_fresh = name not in self.written or failure != before
            if failure and (is_fresh or before is None):
                refused[name] = f"Airflow can't import its file: {_shortened(failure.trace)}"
        return refused

    def _why_not(self, seconds: float) -> str:
        """Return the message on a member that Airflow doesn't report."""
        return (
            f"Airflow at {self.airflow.url} didn't report it with its Plan within {seconds:.0f} s "
            "without progress; "
            f"is its dag-processor running and reading {self.bundle.where}? "
            f"({bring_up('repairs it')})"
        )


def _shortened(trace: str) -> str:
    """Return the end of a long traceback."""
    lines = trace.strip().splitlines()
    return "\n".join(["…", *lines[-_TRACE_LINES:]] if len(lines) > _TRACE_LINES else lines)
