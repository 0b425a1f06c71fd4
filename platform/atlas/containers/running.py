"""One container, from its start to its end: output as it comes, limits kept, nothing left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import threading
from dataclasses import field
from typing import TYPE_CHECKING

from atlas.containers.failure import command_failure
from atlas.dataclass import dataclass
from atlas.errors import CommandError
from atlas.processes import ProcessIdentity, own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from atlas.containers.engine import ContainerEngine

NO_START = (125, 126, 127)
"""Exit codes of the client for a container that didn't start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What to run, in what, and what it may use.

    Attributes:
        image: the image's reference or id.
        name: the container's name, by which it is stopped.
        command: program and arguments; empty for the image's own.
        environment: variables; their values are on no command line.
        mounts: folders of this machine, at the same path inside → whether they can be written.
        user: ``uid:gid``; empty for the image's own.
        network: ``host``, ``bridge``, ``none`` or a network's name.
        cpu: cores that it may use.
        memory: bytes that it may use.
        gpu: how many GPUs it is given.
        timeout: seconds until it is killed.
    """

    image: str
    name: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[Path, bool] = field(default_factory=dict)
    user: str = ""
    network: str = "host"
    cpu: float | None = None
    memory: int | None = None
    gpu: int | None = None
    timeout: float | None = None

    def arguments(self, engine: str) -> list[str]:
        """Return the arguments of an engine's ``run``."""
        gpus = _GPUS[engine](self.gpu) if self.gpu else ()
        own = _OWN[engine]() if self.mounts else ()
        options = ("--rm", "--name", self.name, *self._options(), *own, *gpus)
        return ["run", *options, self.image, *self.command]

    def _options(self) -> Iterator[str]:
        yield from ("--network", self.network)
        if self.user:
            yield from ("--user", self.user)
        for variable in sorted(self.environment):
            yield from ("--env", variable)
        for path, writable in sorted(self.mounts.items()):
            yield from ("--volume", f"{path}:{path}:{'rw' if writable else 'ro'}")
        yield from self._limits()

    def _limits(self) -> Iterator[str]:
        if self.cpu is not None:
            yield from ("--cpus", f"{self.cpu:g}")
        if self.memory is not None:
            yield from ("--memory", str(self.memory), "--memory-swap", str(self.memory))


def _as_caller() -> tuple[str, ...]:
    """Return what podman takes to let a container write as the caller, wherever it may run."""
    kept = () if os.geteuid() == 0 else ("--userns=keep-id",)
    return ("--security-opt=label=disable", *kept)


_OWN: Mapping[str, Callable[[], tuple[str, ...]]] = {"docker": tuple, "podman": _as_caller}
_GPUS: Mapping[str, Callable[[int], tuple[str, ...]]] = {
    "docker": lambda count: ("--gpus", str(count)),
    "podman": lambda count: tuple(f"--device=nvidia.com/gpu={index}" for index in range(count)),
}


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """How a container ended: its exit code, and whether its time was up."""

    code: int
    timed_out: bool = False


def run_container(
    engine: ContainerEngine, container: Container, say: Callable[[str], None]
) -> ContainerExit:
    """Run a container to its end.

    Args:
        engine: where.
        container: what.
        say: is given each line of its output, stdout and stderr, as it comes.

    Raises:
        CommandError: the engine couldn't start it.
    """
    process = subprocess.Popen(  # noqa: S603 - a list, no shell
        engine.command(*container.arguments(engine.name)),
        env=engine.variables(container.environment),
        cwd=engine.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    late = threading.Event()
    with process:
        try:
            with _alarm(engine, container, late):
                last = _followed(process, say)
        except BaseException:
            stop_container(engine, container.name)
            raise
    if process.returncode in NO_START and not late.is_set():
        raise command_failure(f"{engine.name} run {container.image}", last)
    return ContainerExit(process.returncode, late.is_set())


def stop_container(engine: ContainerEngine, name: str) -> None:
    """Kill and remove a container, if it is there."""
    for command in (("kill", name), ("rm", "--force", "--volumes", name)):
        with contextlib.suppress(CommandError):
            engine.call(*command, timeout=60)


def container_name(engine: ContainerEngine, number: int) -> str:
    """Return a name for a container of this process: it says which state folder and process."""
    return f"{own_prefix(engine)}{number}"


def own_prefix(engine: ContainerEngine) -> str:
    """Return what the names of this process's containers begin with."""
    return f"{_prefix(engine)}{own()}-"


def sweep(engine: ContainerEngine) -> list[str]:
    """Remove the containers of processes that were killed before they could; return their names."""
    prefix = _prefix(engine)
    ours = names_of(engine, prefix)
    gone = [name for name in ours if _is_orphan(name.removeprefix(prefix).rpartition("-")[0])]
    for name in gone:
        stop_container(engine, name)
    return gone


def names_of(engine: ContainerEngine, prefix: str) -> list[str]:
    """Return the names of containers that begin so; none when the engine doesn't answer."""
    try:
        listed = engine.call("ps", "--all", "--format", "{{.Names}}", timeout=60).split()
    except CommandError:
        return []
    return [name for name in listed if name.startswith(prefix)]


def _prefix(engine: ContainerEngine) -> str:
    """Return what the names of a state folder's containers begin with."""
    return f"atlas-{hashlib.sha256(str(engine.folder).encode()).hexdigest()[:8]}-"


def _is_orphan(owner: str) -> bool:
    """Tell whether the process in the name of a container is certainly gone."""
    process = ProcessIdentity.parse(owner)
    return process is not None and not process.is_alive


def _followed(process: subprocess.Popen[str], say: Callable[[str], None]) -> str:
    """Hand on a process's output until it ends; return its last lines."""
    last: list[str] = []
    for line in process.stdout or ():
        text = line.rstrip("\n")
        last = [*last[-4:], text]
        say(text)
    process.wait()
    return "\n".join(last)


@contextlib.contextmanager
def _alarm(engine: ContainerEngine, container: Container, late: threading.Event) -> Iterator[None]:
    """Kill a container when its time is up."""
    if container.timeout is None:
        yield
        return

    def end() -> None:
        late.set()
        stop_container(engine, container.name)

    timer = threading.Timer(container.timeout, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
