"""One supervisord for each platform folder: started with its first program, ended with its last.

Everything of it lives in the folder: its configuration, its socket (0600), its log. It starts
nothing by itself, neither at its own start nor after a crash: a program runs because its resource
is there, and a dead one is found when the resource is read.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from xmlrpc.client import Fault

from atlas import files
from atlas.errors import PlatformError
from atlas.waiting import wait_until, wait_while
from atlas_provider import launch, process_trees
from atlas_provider.ephemeral import EphemeralFolder
from atlas_provider.launch import passed_environment
from atlas_provider.supervisor_rpc import PID, SOCKET, SupervisorRpc
from atlas_provider.unixrpc import UNREACHABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atlas.processes import ProcessIdentity

_START_SECONDS = 15.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_SIGNALLED = -1
_RUNNING = ("STARTING", "RUNNING")
_CONFIG, _LOG = "supervisord.conf", "supervisord.log"
# A socket's path may have 107 characters; through /proc it is short however long the folder's is.
_SERVER_CONFIG = f"""\
[unix_http_server]
file={{here}}/{SOCKET}
chmod=0600

[supervisord]
pidfile={PID}
logfile={_LOG}
logfile_maxbytes=5MB
logfile_backups=1
childlogdir=log
umask=077
minfds=256
minprocs=1

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=programs/*.conf
"""
_PROGRAM_CONFIG = """\
[program:{name}]
command={command}
autostart=false
autorestart=false
startsecs=0
startretries=0
stopsignal={signal}
stopwaitsecs={grace}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=log/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=1
"""
_threads = threading.Lock()


class Supervisor:
    """The supervisord of one platform folder; it need not be running."""

    def __init__(self, folder: Path) -> None:
        """Take the platform's folder, ``<state>/platform/<stack>``."""
        self.folder = folder
        self._rpc = SupervisorRpc(folder)

    def is_running(self) -> bool:
        """Tell whether it answers."""
        return self._rpc.answers()

    def start(self, name: str, specification: Path, stop_signal: str, grace: float) -> None:
        """Start a program; start supervisord first when it isn't running.

        Args:
            name: the program's name.
            specification: the file that `launch` reads.
            stop_signal: the signal that asks the program to end (``TERM``, ``INT``).
            grace: seconds it may take to end.
        """
        text = _PROGRAM_CONFIG.format(
            name=name,
            command=shlex.join(launch.command(specification)).replace("%", "%%"),
            signal=stop_signal,
            grace=max(1, round(grace)),
        )
        with self._locked():
            files.write(self._program_file(name), text)
            self._ensure()
            self._reload(name)
        self._rpc.call("startProcess", name, False)

    def begin(self) -> None:
        """Start supervisord before its first program, unless it answers."""
        with self._locked():
            self._ensure()

    def stop(self, name: str) -> None:
        """Stop a program and its process group; it isn't an error when it doesn't run."""
        with suppress(Fault):
            if self.pid(name) is not None:
                self._rpc.call("stopProcess", name, True)

    def signal(self, name: str, signal: str) -> bool:
        """Have supervisord signal a program; tell whether it has.

        Nothing is signalled by a pid that was written down: supervisord knows its own child.

        Args:
            name: the program's name.
            signal: such as ``HUP``.
        """
        try:
            return bool(self._rpc.call("signalProcess", name, signal))
        except (Fault, *UNREACHABLE):
            return False

    def remove(self, name: str) -> None:
        """Forget a stopped program; shut supervisord down with the last one."""
        with self._locked():
            files.remove(self._program_file(name))
            if self._rpc.answers():
                with suppress(Fault):
                    self._rpc.call("removeProcessGroup", name)
            if not any(self.folder.glob("programs/*.conf")):
                self._shut_down()

    def pid(self, name: str) -> int | None:
        """Return the pid of a program; None when it doesn't run."""
        info = self._rpc.info(name)
        return info["pid"] if info.get("statename") in _RUNNING else None

    def is_there(self, name: str) -> bool:
        """Tell whether a program runs, or is being stopped."""
        return self._rpc.info(name).get("statename") in (*_RUNNING, "STOPPING")

    def dead(self) -> list[str]:
        """Return the programs that were started and don't run, sorted; all, without supervisord."""
        names = sorted(path.stem for path in self.folder.glob("programs/*.conf"))
        if not names:
            return []
        try:
            processes = self._rpc.ask("getAllProcessInfo")
        except UNREACHABLE:
            return names
        running = {process["name"] for process in processes if process["statename"] in _RUNNING}
        return [name for name in names if name not in running]

    def outcome(self, name: str) -> str:
        """Return how a program ended, in words."""
        info = self._rpc.info(name)
        if not info:
            return "not known to supervisor"
        error, status = str(info["spawnerr"]), info["exitstatus"]
        if error and not error.startswith("Bad exit code"):
            return error
        return "killed by a signal" if status == _SIGNALLED else f"exited with status {status}"

    def shut_down(self) -> None:
        """Stop every program and supervisord itself."""
        with self._locked():
            for path in self.folder.glob("programs/*.conf"):
                files.remove(path)
            self._shut_down()

    def log(self, name: str) -> Path:
        """Return where a program's output goes."""
        return self.folder / "log" / f"{name}.log"

    def _program_file(self, name: str) -> Path:
        """Return the configuration file of a program."""
        return self.folder / "programs" / f"{name}.conf"

    def _reload(self, name: str) -> None:
        """Make supervisord take a program's present configuration."""
        with suppress(Fault):
            self._rpc.call("removeProcessGroup", name)
        self._rpc.call("reloadConfig")
        with suppress(Fault):
            self._rpc.call("addProcessGroup", name)

    def _ensure(self) -> None:
        """Start supervisord, unless it answers."""
        if self._rpc.answers():
            return
        self._rpc.clear()
        files.make_folder(self.folder / "log")
        files.make_folder(self.folder / "tmp")
        here = "/proc/self/cwd" if Path("/proc/self/cwd").exists() else str(self.folder)
        files.write(self.folder / _CONFIG, _SERVER_CONFIG.format(here=here))
        started = subprocess.run(  # noqa: S603 - supervisor's own program; it becomes a daemon
            [sys.executable, "-m", self._module(), "-c", _CONFIG],
            cwd=self.folder,
            env={**passed_environment(), "TMPDIR": str(self.folder / "tmp")},
            stdin=subprocess.DEVNULL,
            umask=0o077,
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode != 0:
            printed = (started.stderr or started.stdout).strip()
            raise PlatformError(f"{self.folder}: supervisor doesn't start: {printed}")
        self._await_start()

    def _module(self) -> str:
        """Return the module that is supervisord: an ephemeral platform's ends with its owners."""
        is_ephemeral = EphemeralFolder.of(self.folder) is not None
        return "atlas_provider.tied_supervisor" if is_ephemeral else "supervisor.supervisord"

    def _await_start(self) -> None:
        """Wait until supervisord answers."""
        if not wait_until(self._rpc.answers, _START_SECONDS, _POLL_SECONDS):
            raise PlatformError(f"{self.folder}: supervisor doesn't answer; see {_LOG} there")

    def _shut_down(self) -> None:
        """Shut supervisord down with all that it runs, and remove its files."""
        process = self._rpc.process()
        if process is None:
            self._rpc.clear()
        else:
            with suppress(*UNREACHABLE):
                self._rpc.call("shutdown")
            _await_end(process)
        for name in (SOCKET, PID, _CONFIG, _LOG, f"{_LOG}.1"):
            files.remove(self.folder / name)
        files.remove_empty(self.folder / "programs")
        files.remove_empty(self.folder / "tmp")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one thread of one process at a time change the folder's programs."""
        files.make_folder(self.folder)
        with _threads, files.append(self.folder / ".lock") as file:
            files.lock(file, wait=True)
            yield


def _await_end(process: ProcessIdentity) -> None:
    """Wait for supervisord's end, and force it when it takes too long."""
    wait_while(lambda: process.is_alive, _STOP_SECONDS, _POLL_SECONDS)
    process_trees.end({process}, 1.0)
