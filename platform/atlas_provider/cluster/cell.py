"""A cell: namespaces that one process holds, and that others enter.

``python -m atlas_provider.cluster.cell hold FILE FOLDER …`` makes them, and writes to a file who
holds them. They end with that process, however it ends, and with them all that has entered. The
folders are for what is there only as long as they are: emptied at the start and, where it isn't
killed, at the end. ``… cell enter FILE COMMAND …`` runs a command in them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from atlas import files
from atlas.errors import PlatformError
from atlas.processes import ProcessIdentity, find
from atlas.waiting import wait_until
from atlas_provider.cluster import apart

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS, _PAUSE = 60.0, 0.02
_READY = b"ready\n"


def holder_of(file: Path) -> ProcessIdentity:
    """Return the first process in the namespaces of a file.

    Raises:
        PlatformError: it has ended, or there was none.
    """
    try:
        found = ProcessIdentity.parse(file.read_text("utf-8").strip())
    except OSError:
        found = None
    if found is None or not found.is_alive:
        raise PlatformError(
            f"{file}: found no process that holds namespaces; bring the platform up"
        )
    return found


def entering(file: Path, line: Sequence[str], *, folder: str = "/") -> list[str]:
    """Return the command that runs another one in the namespaces of a file.

    It ends as soon as the command that entered does, even if that is killed.

    Raises:
        PlatformError: nobody holds them.
    """
    pid = str(holder_of(file).pid)
    enter = ["nsenter", "--target", pid, "--net", "--mount", "--pid", f"--wd={folder}"]
    return [*enter, "setpriv", "--pdeathsig", "KILL", *line]


def hold(file: Path, folders: Sequence[Path]) -> int:
    """Make namespaces, and hold them until this process is asked to end."""
    files.remove(file)
    _empty(folders)
    for which in (signal.SIGTERM, signal.SIGINT):
        signal.signal(which, _end)
    line = apart.command([sys.executable, "-m", __spec__.name, "first"])
    process = subprocess.Popen(  # noqa: S603 - the system's own program
        ["setpriv", "--pdeathsig", "KILL", *line],  # noqa: S607
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd="/",
    )
    try:
        return _held(process, file)
    finally:
        process.kill()
        process.wait()
        files.remove(file)
        _empty(folders)


def _held(process: subprocess.Popen[bytes], file: Path) -> int:
    if process.stdout is None or process.stdout.read(len(_READY)) != _READY:
        return process.wait() or 1
    first = wait_until(lambda: _child(process.pid), _SECONDS, _PAUSE)
    if first is None:
        return 1
    files.write(file, f"{first}\n")
    return process.wait()


def _child(pid: int) -> ProcessIdentity | None:
    """Return the only child of a process."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return find(int(text[0])) if text else None


def _end(*_: object) -> None:
    raise SystemExit(0)


def _empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def first() -> None:
    """Be the first process of new namespaces: it takes what loses its parent."""
    apart.furnish()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    os.write(1, _READY)
    while True:
        signal.sigwait({signal.SIGCHLD})
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def enter(file: Path, line: Sequence[str]) -> None:
    """Become a command in the namespaces of a file."""
    whole = entering(file, line, folder=str(Path.cwd()))
    os.execvp(whole[0], whole)  # noqa: S606 - no shell


def main(words: Sequence[str]) -> int:
    """Do one of the three."""
    match words:
        case ["hold", file, *folders]:
            return hold(Path(file), [Path(folder) for folder in folders])
        case ["first"]:
            first()
        case ["enter", file, *line] if line:
            try:
                enter(Path(file), line)
            except PlatformError as error:
                sys.stderr.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
