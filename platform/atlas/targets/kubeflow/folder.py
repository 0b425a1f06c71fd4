"""The folder of one run of `kfp.local`: what it was started with, what it printed, how it ended.

kfp.local runs a pipeline in the process that calls it. That process is one of its own here, so that
a run outlives who started it, and can be found, followed and ended by whoever comes later.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.dataclass import dataclass
from atlas.store import FolderLocation
from atlas.values import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

JOB, PACKAGE, LOG, ENDED = "job.json", "package.yaml", "log.txt", "ended.json"
_ALIVE, _PID = "alive", "pid"
_NAME = r"(?:\x1b\[\d+m)?'([^']+)'"
_BEGINS = re.compile(rf"- INFO - Executing task {_NAME}")
_outliving: list[subprocess.Popen[bytes]] = []
"""Processes that may live longer than this one: kept, so that none is asked for its end."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder.

    Attributes:
        path: where it is.
    """

    path: Path

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.path / LOG

    @property
    def is_started(self) -> bool:
        """Whether a process was ever started for it."""
        return (self.path / _PID).exists()

    @property
    def is_alive(self) -> bool:
        """Whether its process is there: it holds a lock for as long as it lives."""
        try:
            descriptor = os.open(self.path / _ALIVE, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not files.lock(descriptor)
        finally:
            os.close(descriptor)

    @property
    def ended(self) -> Mapping[str, Any] | None:
        """What is recorded of its end; None when nothing is."""
        try:
            record: dict[str, Any] = json.loads((self.path / ENDED).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return record

    def end(self, **facts: str) -> None:
        """Record its end, unless that is recorded already."""
        FolderLocation(self.path).create(ENDED, canonical(facts).encode())

    def start(self, job: Mapping[str, Any], package: bytes, variables: Mapping[str, str]) -> bool:
        """Start its process; return whether this call has, and no other before.

        Args:
            job: what the process reads; no secrets.
            package: the compiled pipeline.
            variables: its environment.
        """
        files.make_folder(self.path)
        with self._alone() as alive:
            if alive is None or self.is_started:
                return False
            place = FolderLocation(self.path)
            place.write(PACKAGE, package)
            place.write(JOB, canonical(job).encode())
            with files.append(self.log) as log:
                process = subprocess.Popen(  # noqa: S603 - our own command
                    [sys.executable, "-m", "atlas.targets.kubeflow.local_process", str(self.path)],
                    env=dict(variables),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(alive,),
                )
            _outliving.append(process)
            place.write(_PID, str(process.pid).encode())
        return True

    def stop(self) -> None:
        """End its process, with those that it has started."""
        if not self.is_alive:
            return
        self.end(cancelled="yes")
        with suppress(OSError, ValueError):
            os.killpg(int((self.path / _PID).read_bytes()), signal.SIGTERM)

    # What the log says -----------------------------------------------------------------------

    def task(self) -> str:
        """Return the KFP task that runs, or ran last; empty before the first."""
        tasks = _BEGINS.findall(self._text())
        return tasks[-1] if tasks else ""

    def _text(self) -> str:
        try:
            return self.log.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    @contextmanager
    def _alone(self) -> Iterator[int | None]:
        """Hold the lock that means life; give it to be handed on, or None where another has it."""
        descriptor = os.open(self.path / _ALIVE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor if files.lock(descriptor) else None
        finally:
            os.close(descriptor)
