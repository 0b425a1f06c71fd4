"""Run a program under supervision: start it until it is well, see that it runs, stop all of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from atlas import files
from atlas.errors import PlatformError
from atlas.waiting import Clock, wait_until, wait_while
from atlas_provider import launch, process_trees, program
from atlas_provider.health import Health, ailment
from atlas_provider.launch import passed_environment
from atlas_provider.ports import choose_port, describe_holder, is_free, is_listening
from atlas_provider.program import render
from atlas_provider.supervision import Supervisor

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from atlas_provider.program import PlatformProgram
    from atlas_provider.templates import Filling

_POLL_SECONDS = 0.2
_PORT_SECONDS = 5.0
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a program is started and stopped; texts may hold placeholders.

    Attributes:
        health: URL of its health check; empty for none.
        health_credentials: name of the secret that its health check is authenticated with.
        health_command: command of its health check; empty for none.
        health_expect: values in the JSON that `health` answers, by dotted path.
        seconds: how long it may take to become well.
        stop_signal: the signal that asks it to end.
        grace: seconds it may take to end.
    """

    health: str = ""
    health_credentials: str = ""
    health_command: Sequence[str] = ()
    health_expect: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 300.0
    stop_signal: str = "TERM"
    grace: float = 10.0

    def filled(self, filling: Filling, since: datetime) -> Health:
        """Return the health check of a program, given when it was started."""
        return Health(
            url=filling.fill(self.health),
            authorization=self._authorization(filling),
            command=[filling.fill(word) for word in self.health_command],
            expect={path: filling.fill(text) for path, text in self.health_expect.items()},
            since=since,
        )

    def _authorization(self, filling: Filling) -> str:
        """Return the header that a health check is authenticated with; empty for none."""
        name = self.health_credentials
        return f"Basic {filling.fill(f'{{secret:{name}.basic}}')}" if name else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What is known of a program once it is well.

    Attributes:
        ports: port by name.
        content: digest of what it was given.
    """

    ports: Mapping[str, int]
    content: str


def start(
    desired: PlatformProgram, options: Options, kept: Mapping[str, int], cancelled: threading.Event
) -> Started:
    """Write a program's files, start it, and wait until it is well.

    Args:
        desired: the program.
        options: how it is started and stopped.
        kept: the ports it had; empty for a new program, of which a failure leaves nothing.
        cancelled: set when the start should be given up.

    Raises:
        PlatformError: if a port is in use, or the program didn't become well; with its last lines.
    """
    filling = desired.filling(take_ports(desired, kept), make=True)
    rendered = render(desired, filling)
    supervisor = Supervisor(desired.folder)
    log = supervisor.log(desired.name)
    try:
        program.write(rendered)
        _begin_log(log)
        health = options.filled(filling, datetime.now(UTC))
        supervisor.start(desired.name, desired.specification, options.stop_signal, options.grace)
        _await_health(supervisor, desired.name, health, options.seconds, cancelled)
    except PlatformError as error:
        _give_up(desired, options.grace, is_new=not kept)
        raise PlatformError(f"{error}{filling.redact(tail(log))}") from None
    return Started(ports=filling.ports, content=rendered.digest())


def prepare(desired: PlatformProgram) -> str:
    """Write the files of a program that needn't be run; return the digest of what it was given."""
    rendered = render(desired, desired.filling({}, make=True))
    program.write(rendered)
    return rendered.digest()


def run(desired: PlatformProgram, seconds: float, cancelled: threading.Event) -> str:
    """Run a program to its end, without supervision; return the digest of what it was given.

    Raises:
        PlatformError: if it fails, or takes too long; with its last lines. Nothing of it is left.
    """
    process_trees.end(process_trees.marked(str(desired.directory)), _PORT_SECONDS)
    filling = desired.filling({}, make=True)
    rendered = render(desired, filling)
    log = Supervisor(desired.folder).log(desired.name)
    try:
        program.write(rendered)
        _begin_log(log)
        with files.append(log) as output:
            process = subprocess.Popen(  # noqa: S603 - the program's own command
                launch.command(desired.specification),
                env=passed_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _await_exit(desired.name, process, seconds, cancelled)
    except PlatformError as error:
        program.remove(desired.directory)
        raise PlatformError(f"{error}{filling.redact(tail(log))}") from None
    return rendered.digest()


def _await_exit(
    name: str, process: subprocess.Popen[bytes], seconds: float, cancelled: threading.Event
) -> None:
    """Wait for a program's end, and end it with all that it started when it takes too long.

    Raises:
        PlatformError: if it failed, took too long, or the wait was cancelled.
    """
    clock = Clock(sleep=cancelled.wait)
    wait_until(
        lambda: process.poll() is not None or cancelled.is_set(), seconds, _POLL_SECONDS, clock
    )
    if process.returncode == 0:
        return
    if process.returncode is not None:
        raise PlatformError(f"{name}: exited with status {process.returncode}")
    process_trees.end(process_trees.descendants(process.pid), _PORT_SECONDS)
    process.wait()
    ending = "interrupted" if cancelled.is_set() else f"not done after {seconds:.0f} s"
    raise PlatformError(f"{name}: {ending}")


def runs(directory: Path, ports: Mapping[str, int]) -> bool:
    """Tell whether a program runs and, where it has ports, listens on one of them."""
    if Supervisor(directory.parent).pid(directory.name) is None:
        return False
    return not ports or any(is_listening(port) for port in ports.values())


def stop(directory: Path, grace: float) -> None:
    """Stop a program and everything that it started.

    Raises:
        PlatformError: if something of it can't be stopped.
    """
    supervisor = Supervisor(directory.parent)
    pid = supervisor.pid(directory.name)
    offspring = process_trees.descendants(pid) if pid else set()
    supervisor.stop(directory.name)
    left = process_trees.end(offspring | process_trees.marked(str(directory)), grace)
    if left:
        names = process_trees.describe(left)
        raise PlatformError(f"{directory.name}: can't be stopped: {names}; end these by hand")


def await_ends(folder: Path, names: Sequence[str], seconds: float) -> None:
    """Wait until other programs of a platform have ended, or the time is over."""
    supervisor = Supervisor(folder)
    wait_while(lambda: any(map(supervisor.is_there, names)), seconds, _POLL_SECONDS)


def remove(directory: Path, grace: float) -> None:
    """Stop a program, and remove it from supervisor and its files, not its data, from the disk."""
    stop(directory, grace)
    if directory.parent.exists():
        Supervisor(directory.parent).remove(directory.name)
    program.remove(directory)


def take_ports(desired: PlatformProgram, kept: Mapping[str, int]) -> dict[str, int]:
    """Return a program's ports: those it was given, those it has, and new ones.

    Raises:
        PlatformError: if one that it has or was given is in use.
    """
    ports = {name: port or kept.get(name) or choose_port() for name, port in desired.ports.items()}
    for name, port in ports.items():
        if not wait_until(partial(is_free, port), _PORT_SECONDS, _POLL_SECONDS):
            raise PlatformError(
                f"{desired.name}: port {port} ({name}) is in use by {describe_holder(port)}; "
                "stop that process and try again, or take this one down and up for a new port"
            )
    return ports


def tail(log: Path) -> str:
    """Return the last lines of a log, for the end of an error."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    except OSError:
        lines = []
    if not lines:
        return f"; it printed nothing ({log})"
    shown = "\n".join(f"  | {line}" for line in lines[-_TAIL_LINES:])
    return f"; the last lines of {log}:\n{shown}"


def _begin_log(log: Path) -> None:
    """Begin a new log, and keep the one before: it may show why a program died."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    files.write(log, "")


def _await_health(
    supervisor: Supervisor, name: str, health: Health, seconds: float, cancelled: threading.Event
) -> None:
    """Wait until a program is well.

    Raises:
        PlatformError: if it ended, isn't well in time, or the wait was cancelled.
    """
    ailments: list[str] = []

    def is_well() -> bool:
        if supervisor.pid(name) is None:
            raise PlatformError(f"{name}: {supervisor.outcome(name)}")
        ailments[:] = filter(None, [ailment(health, passed_environment())])
        return not ailments or cancelled.is_set()

    wait_until(is_well, seconds, _POLL_SECONDS, Clock(sleep=cancelled.wait))
    if ailments and cancelled.is_set():
        raise PlatformError(f"{name}: interrupted while it started")
    if ailments:
        raise PlatformError(f"{name}: not well after {seconds:.0f} s: {ailments[0]}")


def _give_up(desired: PlatformProgram, grace: float, *, is_new: bool) -> None:
    """Stop what didn't become well; of a new program remove the files too."""
    if is_new:
        remove(desired.directory, grace)
    else:
        stop(desired.directory, grace)
