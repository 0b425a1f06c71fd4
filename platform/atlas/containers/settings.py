"""Podman's settings on this machine, found out from the machine itself.

Most machines need nothing. One without systemd, with a hybrid cgroup tree, or whose root may not
raise limits does: podman's defaults are for another one. The settings go to a file of the state
folder that `CONTAINERS_CONF` names; the user's own configuration is never touched, and where the
user sets that variable, theirs holds.
"""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

from atlas import files
from atlas.dataclass import dataclass

VARIABLE = "CONTAINERS_CONF"

_RAISE_LIMITS = 1 << 24  # CAP_SYS_RESOURCE
_MOST_FILES = 1 << 20  # what podman asks for by default
_MOST_PROCESSES = 1 << 15  # podman lowers its own to this, and a container's can't be above it


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that podman's settings depend on.

    Attributes:
        root: whether we are root.
        may_raise: whether we may raise limits beyond our own.
        files: how many files a process may have open at most.
        processes: how many processes we may have at most.
        systemd: whether systemd runs the machine.
        hybrid: whether cgroups are those of version 1, or both.
        runc: whether there is a runc.
    """

    root: bool
    may_raise: bool
    files: int
    processes: int
    systemd: bool
    hybrid: bool
    runc: bool


def this_machine() -> Machine:
    """Return the facts of this machine."""
    return Machine(
        root=os.geteuid() == 0,
        may_raise=bool(_capabilities() & _RAISE_LIMITS),
        files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        processes=resource.getrlimit(resource.RLIMIT_NPROC)[1],
        systemd=Path("/run/systemd/system").is_dir(),
        hybrid=not Path("/sys/fs/cgroup/cgroup.controllers").exists(),
        runc=shutil.which("runc") is not None,
    )


def settings(machine: Machine) -> str:
    """Return the content of a containers.conf for a machine; empty when podman's own will do."""
    containers, engine = [], []
    if machine.root and not machine.may_raise and 0 <= machine.files < _MOST_FILES:
        limits = f'["nofile={machine.files}:{machine.files}", "nproc={_processes(machine)}"]'
        containers.append(f"default_ulimits = {limits}")
    if not machine.systemd:
        engine += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"']
    if machine.hybrid and machine.runc:
        engine.append('runtime = "runc"')
    tables = (("containers", containers), ("engine", engine))
    return "\n".join(line for name, lines in tables if lines for line in (f"[{name}]", *lines, ""))


def environment(state: Path) -> dict[str, str]:
    """Return the variables that podman and buildah are to be started with on this machine.

    Args:
        state: the state folder, which gets the file.
    """
    text = settings(this_machine())
    if not text or os.environ.get(VARIABLE):
        return {}
    file = files.own(state) / "containers" / "containers.conf"
    if not file.is_file() or file.read_text("utf-8") != text:
        files.write(file, text, sync=False)
    return {VARIABLE: str(file)}


def _processes(machine: Machine) -> str:
    most = min(machine.processes, _MOST_PROCESSES) if machine.processes >= 0 else _MOST_PROCESSES
    return f"{most}:{most}"


def _capabilities() -> int:
    """Return this process's effective capabilities as bits; all of them where Linux isn't."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return -1
    return int(status.partition("CapEff:")[2].split()[0], 16)
