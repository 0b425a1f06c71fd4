"""Whether a process is alive: it, and no later one that has got its pid."""

from __future__ import annotations

import os
import time
from functools import cache

from atlas.dataclass import dataclass

_STATE, _START = 0, 19
"""Fields of ``/proc/PID/stat`` behind the name."""
_DIGITS = 20
_SLACK = 2.0
"""Seconds by which clocks may differ: of the kernel, of a file, of whoever wrote a moment."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that can't be mistaken for another one of the same pid.

    Attributes:
        pid: the process id.
        started: when it started: clock ticks since boot; without ``/proc``, seconds since 1970.
        boot: the beginning of the id of that boot; empty where there is none.
    """

    pid: int
    started: int
    boot: str = ""

    def __str__(self) -> str:
        """Return it as text that `parse` reads, of digits, letters and dots."""
        return f"{self.pid}.{self.started}.{self.boot}"

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity | None:
        """Return what a text stands for; None for none."""
        pid, _, rest = text.partition(".")
        started, _, boot = rest.partition(".")
        return cls(int(pid), int(started), boot) if _is_number(pid, started) else None

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return find(self.pid) == self

    @property
    def moment(self) -> float:
        """When it started, in seconds since 1970."""
        if not self.boot:
            return float(self.started)
        return _booted() + self.started / os.sysconf("SC_CLK_TCK")

    def was_there(self, moment: float) -> bool:
        """Tell whether it had started by a moment, in seconds since 1970, give or take two."""
        return self.moment <= moment + _SLACK


def own() -> ProcessIdentity:
    """Return the identity of this process."""
    return find(os.getpid()) or ProcessIdentity(os.getpid(), 0)


def find(pid: int) -> ProcessIdentity | None:
    """Return the process that has a pid now; None for none, and for a zombie."""
    if not _boot():
        return _asked(pid)
    fields = stat(pid)
    if fields is None or fields[_STATE] in "ZX":
        return None
    return ProcessIdentity(pid, int(fields[_START]), _boot())


def _is_number(*texts: str) -> bool:
    """Tell whether texts are numbers as `ProcessIdentity` writes them."""
    return all(text.isascii() and text.isdecimal() and len(text) <= _DIGITS for text in texts)


def stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat behind the name, which may hold blanks and brackets."""
    text = _text(f"/proc/{pid}/stat")
    return text.rpartition(")")[2].split() or None


def name_of(pid: int) -> str:
    """Return the name of the program that a process runs, at most 15 characters; or nothing."""
    return _text(f"/proc/{pid}/comm").strip()


@cache
def _boot() -> str:
    """Return the beginning of the id of this boot; empty where there is no /proc."""
    return _text("/proc/sys/kernel/random/boot_id").replace("-", "")[:12]


def _booted() -> float:
    """Return when this machine was booted, in seconds since 1970, by the clock as it is now."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _asked(pid: int) -> ProcessIdentity | None:
    """Return a process as ``ps`` shows it, where there is no /proc."""
    import subprocess

    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            command, env=environment, capture_output=True, text=True, check=False
        )
        moment = time.mktime(time.strptime(done.stdout.strip()))
    except (OSError, ValueError):
        return None
    return ProcessIdentity(pid, int(moment))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
